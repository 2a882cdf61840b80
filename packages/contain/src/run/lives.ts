// A container with several lives under one supervisor, by --restart or `contain restart`: id, name, address, published ports and log stay;
// the group and everything in it are made anew.
import { type Context, sayStep } from "@contain-tools/chain";
import { formatTime } from "@contain-tools/explain";
import {
  closeAllBut,
  closeSpare,
  getpid,
  kill,
  monotonic,
  runtimeEvents,
  SIGHUP,
  SIGINT,
  SIGQUIT,
  SIGSTOP,
  SIGTERM,
  SIGTSTP,
  statIfThere,
  tracer,
  truncate,
  WNOHANG,
  waitForSignalOr,
  waitpid,
} from "@contain-tools/kernel";
import { forgetFiles, inStateFolder, ownLogOf, type State, writeHealth, writeState } from "@contain-tools/state";
import type { Forwarded } from "../network/forward.ts";
import { removeInterface } from "../network/leave.ts";
import { stamp } from "./log/format.ts";
import type { RunPlan } from "./plan.ts";
import type { End } from "./reportend.ts";
import { describePolicy, whyNotAgain } from "./restart.ts";
import { wantsRestart } from "./supervise.ts";

export interface Life {
  /** Before PID 1 is made. */
  readonly state: State;
  /** How often --restart has started it again. */
  readonly restarts: number;
  /** Milliseconds of waiting before it. */
  readonly pause: number;
  /** When it began, in the log's format; undefined for the first one. */
  readonly since: string | undefined;
}

// docker's, in milliseconds.
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 60_000;
const LONG_LIFE = 10_000; // after it, the pause starts again at the first value

/** Waits until an ended container is to be started again. Returns its next life, or undefined if it has ended for good. */
export function nextLife(context: Context, plan: RunPlan, last: Life, end: End, forwarded: readonly Forwarded[]): Life | undefined {
  const { outcome, milliseconds } = end;
  if (outcome.again) {
    sayStep(context, "contain restart: it is started again");
    noteRestarting(last.state, end);
    clear(context, plan, last.state, forwarded);
    return begin(last, 0, 0);
  }
  const why = whyNotAgain(plan, end, last.restarts);
  if (why !== undefined || plan.restart === undefined) {
    sayStep(context, `not started again: ${why}`);
    return undefined;
  }
  const pause = milliseconds >= LONG_LIFE ? FIRST_PAUSE : Math.min(Math.max(2 * last.pause, FIRST_PAUSE), LONGEST_PAUSE);
  noteRestarting(last.state, end);
  clear(context, plan, last.state, forwarded);
  sayStep(context, `starting it again in ${formatTime(pause)}: --restart ${describePolicy(plan.restart)}, restart ${last.restarts + 1}`);
  const over = waitOut(plan, pause);
  if (over === "asked") {
    sayStep(context, "not started again: it was asked to end");
    return undefined;
  }
  return over === "restart" ? begin(last, 0, 0) : begin(last, last.restarts + 1, pause);
}

function noteRestarting(state: State, { status, reason, verdict }: End): void {
  inStateFolder(() => writeState({ ...state, restarting: { status, reason, verdict, at: Date.now() } }));
}

const begin = ({ state }: Life, restarts: number, pause: number): Life => ({
  state: { ...state, restarts },
  restarts,
  pause,
  since: stamp(),
});

const OWN_LOG = 1 << 20; // bytes of our own lines, before they are dropped

/** Releases everything of the life that has ended. */
function clear({ passed, inherited }: Context, { id, health }: RunPlan, { network }: State, forwarded: readonly Forwarded[]): void {
  const kept = [...forwarded.map(({ fd }) => fd), tracer.fd, tracer.log?.fd ?? -1].filter((fd) => fd > 2);
  closeSpare();
  closeAllBut([...passed, ...inherited, ...kept, ...runtimeEvents(["eventfd", "signalfd"])]);
  while (waitpid(-1, WNOHANG) !== undefined) {
    // for example a health check
  }
  if (network?.hostName !== undefined) removeInterface(network.hostName); // the kernel removes it with the namespace, but some time later
  forgetFiles(id, "signals", "limits", "attach");
  if (health !== undefined) writeHealth(id, { status: "starting", failingStreak: 0 });
  if ((statIfThere(ownLogOf(id))?.size ?? 0) > OWN_LOG) truncate(1, 0);
}

/** A wait that signals end. */
function waitOut({ detach }: RunPlan, pause: number): "over" | "asked" | "restart" {
  const ends = detach ? [SIGTERM, SIGINT] : [SIGTERM, SIGINT, SIGHUP, SIGQUIT];
  for (const deadline = monotonic() + pause; ; ) {
    const left = deadline - monotonic();
    if (left <= 0) return "over";
    const info = waitForSignalOr([], left);
    if (info === undefined) continue;
    if (wantsRestart(info)) return "restart";
    if (ends.includes(info.signal)) return "asked";
    if (info.signal === SIGTSTP) kill(getpid(), SIGSTOP);
  }
}
