// The init: one loop that takes signals from the queue, forwards them, and reaps. A turn allocates nothing, so private memory does not grow
// after the fork.

import { type Context, warn } from "@contain-tools/chain";
import {
  ALL_SIGNALS,
  continueStopped,
  controllingTerminal,
  endSignal,
  exit,
  getpid,
  hasChildren,
  isJobControl,
  type Job,
  keepSmall,
  kill,
  monotonic,
  reachedTheGroup,
  resumeJob,
  SIGCHLD,
  SIGCONT,
  SIGSTOP,
  SIGTERM,
  setForegroundGroup,
  setName,
  shellStatus,
  signalName,
  stopSignal,
  takeTerminalBack,
  WNOHANG,
  WUNTRACED,
  waitForSignal,
  waitpid,
} from "@contain-tools/kernel";
import type { Plan } from "./cli.ts";
import { descendants } from "./descendants.ts";

/** Runs until the main child has ended and, with --linger, the others had their time. All signals must be blocked. */
export function serve({ ownTerminal }: Context, plan: Plan, child: number): never {
  const job = { child, ownGroup: !plan.singleChild, isOrphaned: () => plan.orphaned, hasTerminal: plan.foreground };
  const init: Init = { plan, child, ownTerminal, status: -1, deadline: 0, job };
  if (reap(init)) return leave(init); // the engine prepares functions at their first call; that happens while the child starts
  for (;;) {
    keepSmall();
    const left = init.deadline === 0 ? undefined : init.deadline - monotonic();
    if (left !== undefined && left <= 0) return leave(init);
    const info = waitForSignal(ALL_SIGNALS, left);
    if (info === undefined) continue;
    if (info.signal !== SIGCHLD) forward(init, info.signal, info.code);
    else if (reap(init)) return leave(init);
  }
}

interface Init {
  readonly plan: Plan;
  /** The terminal is only the program's: nobody above us could continue it. */
  readonly ownTerminal: boolean;
  readonly child: number;
  /** The main child's wait status, -1 while it runs. */
  status: number;
  /** The time (as `monotonic`) at which lingering ends; 0 before the main child has ended. */
  deadline: number;
  readonly job: Job;
}

/** Reaps every child that has ended; one SIGCHLD may stand for many. True if it is time to leave. */
function reap(init: Init): boolean {
  const { plan, child } = init;
  for (let change = waitpid(-1, WNOHANG | WUNTRACED); change !== undefined; change = waitpid(-1, WNOHANG | WUNTRACED)) {
    const stop = stopSignal(change.status);
    if (stop !== 0) {
      if (change.pid === child) stopWithChild(init, stop);
    } else if (change.pid === child) {
      init.status = change.status;
      if (plan.linger === 0 || !startLinger(init)) return true;
    } else if (plan.warnReaped) {
      warn(`reaped orphan ${change.pid} (status ${shellStatus(change.status)}): its parent ended without waiting for it`);
    }
  }
  return init.status !== -1 && !hasChildren();
}

/** False if no child is left to wait for. */
function startLinger(init: Init): boolean {
  if (!hasChildren()) return false;
  init.deadline = monotonic() + init.plan.linger;
  // From PID 1, kill(-1) reaches every other process of the namespace (kill(2)); elsewhere it would reach the whole machine.
  for (const pid of getpid() === 1 ? [-1] : (descendants() ?? [-init.child])) kill(pid, SIGTERM);
  return true;
}

function forward(init: Init, signal: number, code: number): void {
  const { plan, child } = init;
  // A key on the terminal has reached the child already if it shares our process group.
  if (plan.singleChild && reachedTheGroup(signal, code)) return;
  const sent = plan.rewrites.get(signal) ?? signal;
  if (plan.verbose)
    warn(sent === 0 ? `${signalName(signal)} dropped` : `${signalName(sent)} to ${plan.group ? "the group of " : ""}${child}`);
  if (sent === 0 || init.status !== -1) return;
  const wholeGroup = (plan.group || signal === SIGCONT) && !plan.singleChild;
  if (signal === SIGCONT) resumeJob(init.job);
  kill(wholeGroup ? -child : child, sent);
}

/**
 * The child was stopped by a key or by touching the terminal. The whole job stops, so that a shell sees it: kill(0) reaches the processes
 * of our group outside this PID namespace too, and the kernel spares an init (pid_namespaces(7)).
 */
function stopWithChild(init: Init, stop: number): void {
  const { plan, child } = init;
  const fd = controllingTerminal();
  if (fd === undefined || !isJobControl(stop)) return;
  if (plan.verbose) warn(`the child was stopped by ${signalName(stop)}`);
  if (init.ownTerminal) {
    setForegroundGroup(fd, child);
    kill(-child, SIGCONT);
    return;
  }
  if (!continueStopped(init.job, stop)) kill(0, SIGSTOP);
}

function leave({ plan, status, job }: Init): never {
  takeTerminalBack(job);
  const result = shellStatus(status);
  // 137 alone does not name the signal; a supervisor reads it from /proc/PID/stat of our zombie.
  if (endSignal(status) !== 0) setName(`pid1: signal ${endSignal(status)}`);
  return exit(plan.expected.has(result) ? 0 : result);
}
