// `contain run`: makes the group, starts the chain, stays outside as the supervisor, reports the end, and cleans up.

import { act } from "@contain-tools/cgset";
import { type Context, fail, phaseEnds, profile, profileTable, report, runAs, sayStep } from "@contain-tools/chain";
import { print, sayVerdict } from "@contain-tools/explain";
import { exists, exit, say, signalSet, ToolError, takeAllSignals } from "@contain-tools/kernel";
import { openRecorder } from "@contain-tools/record";
import { type Ended, inStateFolder, noteEvent, removeState, reserveEnd, type State, writeEnd, writeState } from "@contain-tools/state";
import { listenFor } from "../network/forward.ts";
import { type Background, startInBackground } from "./background.ts";
import { writeCidfile } from "./cidfile.ts";
import { claim, leave, prepare } from "./claim.ts";
import { type Life, nextLife } from "./lives.ts";
import { stamp } from "./log/format.ts";
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
  if (!plan.detach) return exit(serve(context, plan));
  return startInBackground(context, plan.id, (background) => serve(context, plan, background), {
    quiet: plan.again !== undefined,
    lasts: plan.restart !== undefined,
  });
}

/** The supervisor's work, from here to the container's end. Returns the status. */
function serve(context: Context, plan: RunPlan, background?: Background): number {
  phaseEnds("options, plan");
  context.launch = { ...context.launch, ignored: signalSet(), blocked: signalSet() }; // a container does not start under nohup
  takeAllSignals(); // from here on a SIGTERM waits until it can be forwarded, and everything made is removed
  if (plan.own !== undefined) sayStep(context, plan.own.text);
  for (const remark of plan.remarks) sayStep(context, remark);
  let recorder = plan.record === undefined ? undefined : openRecorder(plan.record, context.preserveFds);
  const ports = plan.network === undefined ? [] : listenFor(plan.network.publish);
  const state = inStateFolder(() => claim(plan));
  let restore = () => {};
  let life: Life = { state, restarts: 0, pause: 0, since: plan.again && stamp() };
  let ran = false;
  // A container that was left alone is remembered, with its log, until somebody asks; one that did not start is as it was before.
  const settle = (end: Omit<Ended, "at"> | undefined) =>
    leave(state, () => {
      if (end === undefined && plan.again !== undefined) writeState(plan.again.before);
      else if (end !== undefined && plan.detach && !plan.remove) writeEnd({ ...life.state, ended: { ...end, at: Date.now() } });
      else forget(state);
    });
  try {
    const { container, forwarded } = prepare(context, plan, state, ports);
    if (plan.detach) inStateFolder(() => reserveEnd(state));
    writeCidfile(plan);
    let end: End;
    for (;;) {
      restore = makeGroup(context, plan);
      end = startAndWatch(context, plan, container, life.state, { background, recorder, forwarded, since: life.since });
      removeGroup(context, plan);
      if (!end.started) {
        restore();
        break; // the tool that failed has said why
      }
      ran = true;
      sayVerdict(context, end.verdict);
      noteEnd(plan.id, end);
      if (plan.restart === undefined && !end.outcome.again) break;
      const next = nextLife(context, plan, life, end, forwarded);
      if (next === undefined) break;
      life = next;
      background?.again();
      if (plan.record !== undefined) recorder = openRecorder(plan.record, context.preserveFds); // the file is about the last life
    }
    const { status, reason, verdict } = end;
    settle(ran ? { status, reason, verdict } : undefined);
    phaseEnds("verdict; group and state removed");
    if (profile.wanted) say(profileTable());
    return status;
  } catch (error) {
    removeGroup(context, plan);
    restore();
    // It ran, and could not be started again: nobody waits for the error.
    const reason = `it could not be started again: ${error instanceof Error ? error.message : String(error)}`;
    settle(!ran ? undefined : { status: error instanceof ToolError ? error.status : 125, reason, verdict: [] });
    if (!plan.detach) throw error;
    return fail(context, error);
  }
}

function noteEnd(id: string, { status, verdict }: End): void {
  if (verdict.some(({ code, certain }) => certain && code.startsWith("oom"))) noteEvent(id, "oom");
  noteEvent(id, "die", { exitCode: `${status}` });
}

function forget({ id, supervisor }: State): void {
  noteEvent(id, "destroy");
  removeState(id, supervisor);
}

/** Returns a function that restores the groups above, for a start that fails. */
function makeGroup(context: Context, { makeGroup: link, limits, hierarchy }: RunPlan): () => void {
  if (link === undefined) return () => {};
  if (limits) sayStep(context, `applying cgroup limits: ${limits}`);
  return runAs(context, link, (inner) => act(inner, link.plan, hierarchy)).restore;
}

/** Removes the group in every case. A failure is reported, and does not change the container's status. */
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
