// `contain run`: makes the group, starts the chain, stays outside as the supervisor, reports the end, removes what was made.

import { act } from "@contain-tools/cgset";
import { type Context, fail, phaseEnds, profile, profileTable, report, runAs, sayStep } from "@contain-tools/chain";
import { print, sayVerdict } from "@contain-tools/explain";
import { exists, exit, say, signalSet, takeAllSignals } from "@contain-tools/kernel";
import { openRecorder } from "@contain-tools/record";
import { inStateFolder, noteEvent, removeState, reserveEnd, type State, writeEnd } from "@contain-tools/state";
import { listenFor } from "../network/forward.ts";
import { type Background, startInBackground } from "./background.ts";
import { writeCidfile } from "./cidfile.ts";
import { claim, leave, prepare } from "./claim.ts";
import type { RunPlan } from "./plan.ts";
import type { End } from "./reportend.ts";
import { chainScript } from "./script.ts";
import { startAndWatch } from "./start.ts";

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
      if (end.started) noteEnd(plan.id, status, verdict);
      if (plan.detach && !plan.remove && end.started) writeEnd({ ...state, ended: { status, reason, verdict, at: Date.now() } });
      else forget(state);
    });
    phaseEnds("verdict; group and state removed");
    if (profile.wanted) say(profileTable());
    return status;
  } catch (error) {
    removeGroup(context, plan);
    restore();
    leave(state, () => forget(state));
    if (!plan.detach) throw error;
    return fail(context, error);
  }
}

function forget({ id, supervisor }: State): void {
  noteEvent(id, "destroy");
  removeState(id, supervisor);
}

function noteEnd(id: string, status: number, verdict: End["verdict"]): void {
  if (verdict.some(({ code, certain }) => certain && code.startsWith("oom"))) noteEvent(id, "oom");
  noteEvent(id, "die", { exitCode: `${status}` });
}

/** Returns what puts the groups above back to what they were, for a start that fails. */
function makeGroup(context: Context, { makeGroup: link, limits, hierarchy }: RunPlan): () => void {
  if (link === undefined) return () => {};
  if (limits) sayStep(context, `applying cgroup limits: ${limits}`);
  return runAs(context, link, (inner) => act(inner, link.plan, hierarchy)).restore;
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
