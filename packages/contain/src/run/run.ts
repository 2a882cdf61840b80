// `contain run`: makes the group, starts the chain, stays outside as the supervisor, reports the end, removes what was made.
import { act } from "@contain-tools/cgset";
import {
  become,
  type Context,
  fail,
  type Link,
  parseFailure,
  phaseEnds,
  profile,
  profileTable,
  report,
  runAs,
  sayStep,
} from "@contain-tools/chain";
import { closeCase, holdMounts, judge, print, readUsage, sayVerdict, takeBaseline, witness } from "@contain-tools/explain";
import {
  childrenOf,
  exists,
  exit,
  getpid,
  monotonic,
  POLLIN,
  type Source,
  say,
  signalSet,
  takeAllSignals,
  writeFile,
} from "@contain-tools/kernel";
import { inside, type Plan as NsexecPlan, type Spawned, spawn } from "@contain-tools/nsexec";
import { openRecorder, type Recorder } from "@contain-tools/record";
import {
  checkNameIsFree,
  createState,
  folderOf,
  freeRange,
  identify,
  inStateFolder,
  locked,
  removeState,
  reserveEnd,
  type State,
  thisBoot,
  withName,
  writeEnd,
  writeState,
} from "@contain-tools/state";
import { nameFiles, writeNameFiles } from "../network/files.ts";
import { type Forwarded, forwardAll, listenFor } from "../network/forward.ts";
import { leaveNetwork, removeDeadEnds } from "../network/leave.ts";
import { masquerade } from "../network/nat.ts";
import { connectFromOutside, takeLease } from "../network/plan.ts";
import { type Relays, relaysOf } from "../network/relay.ts";
import { describeIds } from "../userns/plan.ts";
import { type Background, redirect, startInBackground } from "./background.ts";
import { writeCidfile } from "./cidfile.ts";
import { relayTerminal } from "./console.ts";
import { logOutput } from "./log/output.ts";
import { endOfLog } from "./log/read.ts";
import type { RunPlan } from "./plan.ts";
import { type End, reportEnd } from "./reportend.ts";
import { chainScript } from "./script.ts";
import { supervise } from "./supervise.ts";

/** Runs the container and ends with its status: the program's own, 128+n for signal n, 125 to 127 for failures before it started. */
export function run(context: Context, plan: RunPlan): never {
  if (plan.argvs !== undefined) {
    print(chainScript(context, plan, plan.argvs));
    return exit(0);
  }
  context.label = "contain";
  context.saysWrites = context.verbose && !plan.quiet;
  context.verbose = !plan.quiet;
  return plan.detach ? startInBackground(context, plan.id, (background) => serve(context, plan, background)) : exit(serve(context, plan));
}

/** What the supervisor does, from here to the container's end. Returns the status. */
function serve(context: Context, plan: RunPlan, background?: Background): number {
  phaseEnds("options, plan");
  context.launch = { ...context.launch, ignored: signalSet(), blocked: signalSet() }; // a container does not start under nohup
  takeAllSignals(); // from here on a SIGTERM waits until it can be forwarded, and what was made is removed
  if (plan.own !== undefined) sayStep(context, plan.own.text);
  for (const remark of plan.remarks) sayStep(context, remark);
  const recorder = plan.record === undefined ? undefined : openRecorder(plan.record, context.preserveFds);
  const ports = plan.network === undefined ? [] : listenFor(plan.network.publish);
  const state = inStateFolder(() => claim(plan));
  let restore = () => {};
  try {
    const { container, forwarded } = prepare(context, plan, state, ports);
    if (plan.detach) inStateFolder(() => reserveEnd(state));
    writeCidfile(plan);
    restore = makeGroup(context, plan);
    const end = startAndWatch(context, plan, container, state, { background, recorder, forwarded });
    removeGroup(context, plan);
    if (!end.started) restore();
    const { status, reason, verdict } = end;
    if (end.started) sayVerdict(context, verdict); // otherwise the tool that failed has printed the same
    // A container that was left alone is remembered, with its log, until somebody asks.
    leave(state, () => {
      if (plan.detach && !plan.remove && end.started) writeEnd({ ...state, ended: { status, reason, verdict, at: Date.now() } });
      else removeState(plan.id, state.supervisor);
    });
    phaseEnds("verdict; group and state removed");
    if (profile.wanted) say(profileTable());
    return status;
  } catch (error) {
    removeGroup(context, plan);
    restore();
    leave(state, () => removeState(plan.id, state.supervisor));
    if (!plan.detach) throw error;
    return fail(context, error);
  }
}

/** Makes the state, and with it the container has its name, its address and its ids. */
function claim(plan: RunPlan): State {
  const { network, userns } = plan;
  if (network === undefined && !userns) {
    const state = newState(plan);
    withName(plan.name, () => createState(state));
    return state;
  }
  return locked(() => {
    if (plan.name !== undefined) checkNameIsFree(plan.name);
    if (network !== undefined) removeDeadEnds();
    const ids = userns ? freeRange() : undefined;
    const state = { ...newState(plan), network: network && takeLease(plan.id, network), ids };
    createState(state);
    return state;
  });
}

interface Prepared extends Pick<Relays, "forwarded"> {
  readonly container: Link<NsexecPlan>;
}

/** Plans the chain with the address and the ids that were granted; and what we are to forward. */
function prepare(context: Context, plan: RunPlan, { id, network, ids }: State, fds: readonly number[]): Prepared {
  if (plan.profile !== undefined) writeFile(profileOf(id), plan.profile, 0o600);
  if (ids !== undefined) sayStep(context, describeIds(ids));
  if (network === undefined || plan.network === undefined)
    return { container: plan.container({ ip: undefined, ids, files: [] }), forwarded: [] };
  if (network.nat) masquerade(context);
  const texts = nameFiles({ ip: network.ip, hostname: plan.hostname, dns: plan.network.dns });
  const { forwarded, pasta } = relaysOf(plan.network, network.ip, fds);
  const files = writeNameFiles(context, folderOf(id), texts, plan.rootfs, plan.writable);
  return { container: plan.container({ ip: network.ip, ids, files, ports: pasta }), forwarded };
}

/** The profile of --seccomp FILE as it was read, for `contain exec`. */
const profileOf = (id: string) => `${folderOf(id)}/seccomp.json`;

/** Forgets a container, and takes away its network. */
function leave({ network }: State, forget: () => void): void {
  if (network === undefined) forget();
  else leaveNetwork(network, forget);
}

function newState(plan: RunPlan): State {
  const pid = getpid();
  const supervisor = identify(pid) ?? { pid, started: "", boot: thisBoot() };
  const { id, name, labels, argv, rootfs, user, env, group, limits, grace, indirect, detach, tty } = plan;
  const at = plan.profile === undefined ? -1 : plan.confine.indexOf("--seccomp");
  const confine = at === -1 ? plan.confine : plan.confine.with(at + 1, profileOf(id)); // theirs may have changed by the next `contain exec`
  return {
    id,
    name,
    supervisor,
    init: undefined,
    indirect,
    started: false,
    argv,
    rootfs,
    user,
    env,
    confine,
    group,
    limits,
    labels,
    created: Date.now(),
    detached: detach,
    tty,
    grace,
    network: undefined,
    ids: undefined,
    ended: undefined,
  };
}

/** Returns what puts the groups above back to what they were, for a start that fails. */
function makeGroup(context: Context, { makeGroup: link, limits, hierarchy }: RunPlan): () => void {
  if (link === undefined) return () => {};
  if (limits) sayStep(context, `applying cgroup limits: ${limits}`);
  return runAs(context, link, (inner) => act(inner, link.plan, hierarchy)).restore;
}

interface Helpers {
  readonly background: Background | undefined;
  readonly recorder: Recorder | undefined;
  /** Sockets for what is published. */
  readonly forwarded: readonly Forwarded[];
}

function startAndWatch(
  context: Context,
  plan: RunPlan,
  container: Link<NsexecPlan>,
  state: State,
  { background, recorder, forwarded }: Helpers,
): End {
  const { group, stopSignal, grace } = plan;
  const baseline = takeBaseline(group);
  const started = monotonic();
  phaseEnds("state, cgroup");
  const log = background && inStateFolder(() => logOutput(folderOf(plan.id), plan.logSize, plan.tty ? ["stdout"] : ["stdout", "stderr"]));
  const { network, ids } = state;
  let mounts: ReturnType<typeof holdMounts>;
  const spawned = runAs(context, container, (inner) =>
    spawn(
      inner,
      container.plan,
      (own) => {
        if (log !== undefined && !plan.tty) redirect(own, log.ends);
        inside(own, container.plan);
        return become(own, container.plan.next);
      },
      (child) => {
        mounts = holdMounts(child);
        if (ids !== undefined && network !== undefined) connectFromOutside(inner, child, network);
      },
    ),
  );
  if (!plan.tty) log?.handOver();
  phaseEnds("clone3");
  const { pid, failed, pasta } = spawned;
  const watcher = witness({ pid, group, init: plan.init, indirect: state.indirect }, baseline, mounts);
  const made = { ...state, init: identify(pid) };
  inStateFolder(() => writeState(made));
  const { foreground, ownGroup, hadTerminal } = container.plan;
  const relay = plan.tty ? relayTerminal(context, plan.id, spawned, log?.ends[0]) : undefined;
  const sources = relay?.sources ?? [];
  sources.push(...(log?.sources ?? []));
  sources.push(...(recorder?.begin(plan) ?? []));
  sources.push(
    ...watcher.sources,
    onceStarted(spawned, () => {
      phaseEnds("the chain inside, to execve");
      watcher.started();
      writeState({ ...made, started: true });
      recorder?.state("started", { pid });
      background?.started();
    }),
  );
  sources.push(...(pasta?.sources ?? []));
  forwardAll(sources, forwarded);
  const outcome = supervise(context, {
    pid,
    first: () => (state.indirect ? childrenOf(pid)[0] : undefined) ?? pid,
    init: plan.init,
    group,
    stopSignal,
    grace,
    foreground,
    ownGroup,
    hadTerminal,
    relay,
    sources,
    recorder,
  });
  phaseEnds("the program, to its end");
  pasta?.end();
  recorder?.last();
  relay?.end();
  log?.end();
  const wanted = context.verbose || recorder !== undefined || plan.json !== undefined;
  const usage = group === undefined || !wanted ? undefined : readUsage(group); // the group is new: what it counts is the container's
  const word = failed();
  const failure = word === undefined ? undefined : parseFailure(word);
  const ended = closeCase(watcher, outcome, {
    failure,
    output: log && endOfLog(folderOf(plan.id)),
    id: plan.id,
    argv: plan.argv,
    path: plan.env.find((variable) => variable.startsWith("PATH="))?.slice(5),
  });
  const verdict = judge(ended);
  watcher.close();
  const end = reportEnd(context, plan, { outcome, usage, failed: failure?.tool, verdict, milliseconds: monotonic() - started });
  recorder?.state(end.started ? "exited" : "failed", { status: end.status, reason: end.reason, usage });
  recorder?.close();
  return end;
}

/** The report of the child can be read: it has become the program, or failed to. */
function onceStarted({ report: fd, failed }: Spawned, act: () => void): Source {
  let waiting = true;
  return {
    fd,
    wants: () => (waiting ? POLLIN : undefined),
    ready: () => {
      waiting = false;
      if (failed() === undefined) act();
    },
  };
}

/** Whatever happened, the group goes. What cannot be removed is told, and does not change the container's status. */
function removeGroup(context: Context, { removeGroup: link, group, hierarchy }: RunPlan): void {
  if (link !== undefined && group !== undefined && exists(group)) {
    sayStep(context, "cleaning up cgroups");
    try {
      runAs({ ...context, verbose: false, saysWrites: false }, link, (inner) => act(inner, link.plan, hierarchy));
    } catch (error) {
      report(error);
    }
  }
}
