// One life of a container in its supervisor, from fork to end: its log, its terminal, its evidence, its signals.

import { become, type Context, type Link, parseFailure, phaseEnds, runAs } from "@contain-tools/chain";
import { closeCase, holdMounts, judge, readUsage, takeBaseline, witness } from "@contain-tools/explain";
import { childrenOf, monotonic, POLLIN, type Source } from "@contain-tools/kernel";
import type { Plan as NsexecPlan } from "@contain-tools/nsexec";
import { inside, type Spawned, spawn } from "@contain-tools/nsexec";
import type { Recorder } from "@contain-tools/record";
import { folderOf, identify, inStateFolder, notedSignals, noteEvent, type State, writeState } from "@contain-tools/state";
import manifest from "../../package.json" with { type: "json" };
import { type Forwarded, forwardAll } from "../network/forward.ts";
import { connectFromOutside } from "../network/plan.ts";
import { type Background, redirect } from "./background.ts";
import { relayTerminal } from "./console.ts";
import { watchHealth } from "./health.ts";
import { logOutput } from "./log/output.ts";
import { endOfLog } from "./log/read.ts";
import type { RunPlan } from "./plan.ts";
import { type End, reportEnd } from "./reportend.ts";
import { supervise } from "./supervise.ts";
import { keepTail, tailOfFile } from "./tail.ts";

interface Helpers {
  readonly background: Background | undefined;
  readonly recorder: Recorder | undefined;
  /** Sockets of published ports. */
  readonly forwarded: readonly Forwarded[];
  /** When this life began, in the log's format; undefined for the first one. */
  readonly since: string | undefined;
}

/** Starts the chain and supervises the container until it has ended. */
export function startAndWatch(
  context: Context,
  plan: RunPlan,
  container: Link<NsexecPlan>,
  state: State,
  { background, recorder, forwarded, since }: Helpers,
): End {
  const { group, stopSignal, grace } = plan;
  const baseline = takeBaseline(group);
  const started = monotonic();
  phaseEnds("state, cgroup");
  const log =
    background &&
    inStateFolder(() => logOutput(folderOf(plan.id), plan.logSize, plan.tty ? ["stdout"] : ["stdout", "stderr"], since !== undefined));
  const written = log === undefined && !plan.tty ? tailOfFile() : undefined;
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
  const first = () => (state.indirect ? childrenOf(pid)[0] : undefined) ?? pid;
  const tail = plan.tty && log === undefined ? keepTail() : undefined;
  const relay = plan.tty ? relayTerminal(context, plan.id, spawned, log?.ends[0], tail?.keep) : undefined;
  const sources = relay?.sources ?? [];
  sources.push(...(log?.sources ?? []));
  sources.push(
    ...(recorder?.begin(
      { ...plan, contain: manifest.version },
      newOnes(() => notedSignals(plan.id).sent),
    ) ?? []),
  );
  sources.push(
    ...watcher.sources,
    onceStarted(spawned, () => {
      phaseEnds("the chain inside, to execve");
      watcher.started();
      writeState({ ...made, started: true });
      noteEvent(plan.id, "start");
      if (state.restarts === 0) noteEvent(plan.id, "restart"); // `contain restart` asked for it
      if (plan.health !== undefined) watchHealth(context, plan, plan.health, made, first, sources);
      recorder?.state("started", { pid });
      background?.started();
    }),
  );
  sources.push(...(pasta?.sources ?? []));
  forwardAll(sources, forwarded);
  const outcome = supervise(context, {
    pid,
    first,
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
    lasts: plan.restart !== undefined,
  });
  phaseEnds("the program, to its end");
  pasta?.end();
  recorder?.last();
  relay?.end();
  log?.end();
  const wanted = context.verbose || recorder !== undefined || plan.json !== undefined;
  const usage = group === undefined || !wanted ? undefined : readUsage(group); // the group is new, so it counts only the container
  const word = failed();
  const failure = word === undefined ? undefined : parseFailure(word);
  const ended = closeCase(watcher, outcome, {
    failure,
    output: log === undefined ? (tail?.text() ?? written?.()) : endOfLog(folderOf(plan.id), since),
    id: plan.id,
    argv: plan.argv,
    made: container.plan.wanted.map(({ kind }) => kind.file),
    path: plan.env.find((variable) => variable.startsWith("PATH="))?.slice(5),
  });
  const verdict = judge(ended);
  watcher.close();
  const end = reportEnd(context, plan, { outcome, usage, failed: failure?.tool, verdict, milliseconds: monotonic() - started });
  recorder?.state(end.started ? "exited" : "failed", { status: end.status, reason: end.reason, verdict, usage });
  recorder?.close();
  return end;
}

/** The report of the child can be read: it has become the program, or failed to. */
export function onceStarted({ report: fd, failed }: Spawned, act: () => void): Source {
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

/** Those that have come since the last call. */
function newOnes<T>(all: () => readonly T[]): () => readonly T[] {
  let known = 0;
  return () => {
    const now = all();
    const fresh = now.slice(known);
    known = now.length;
    return fresh;
  };
}
