// The transparent parent: whatever happens to nsexec happens to its child, and the other way round.
import {
  continueStopped,
  controllingTerminal,
  endSignal,
  exit,
  getpid,
  isJobControl,
  isOrphaned,
  type Job,
  kill,
  POLLHUP,
  pollOnce,
  procDirectory,
  reachedTheGroup,
  readIfThere,
  receptionOf,
  resumeJob,
  SI_KERNEL,
  SIGCHLD,
  SIGCONT,
  SIGHUP,
  SIGKILL,
  SIGSTOP,
  type SignalInfo,
  type Source,
  setDispositionAndUnblock,
  setDumpable,
  shellStatus,
  statusField,
  stopSignal,
  takeTerminalBack,
  WCONTINUED,
  WNOHANG,
  WUNTRACED,
  waitForSignalOr,
  waitpid,
  wasContinued,
} from "@contain-tools/kernel";
import type { Plan } from "./plan.ts";

export interface Watch {
  readonly pid: number;
  /** The child has a process group of its own, so keys on the terminal do not reach us and it at once. */
  readonly ownGroup: boolean;
  /** The terminal's keys came to us when we started; it must be ours again afterwards. */
  readonly hadTerminal: boolean;
  /** Stop when the child is stopped, so that the shell that started us sees it. */
  readonly stopWithChild: (signal: number) => boolean;
  /** A signal that was sent to us. */
  readonly onSignal: (info: SignalInfo) => void;
  /** Descriptors to serve meanwhile. */
  readonly sources?: Source[];
  /** When to wake up without a signal, in milliseconds; undefined waits for ever. */
  readonly timeout?: () => number | undefined;
  /** Its SIGCHLD may have been taken before. */
  readonly mayHaveEnded?: boolean;
  readonly onTimeout?: () => void;
  /** We have sent SIGKILL: the terminal was closed, and PID 1 has no handler for SIGHUP. */
  readonly onHangupKill?: () => void;
}

/** What came to us, to the child; what the terminal sent to our process group, to a child's that has one of its own without a terminal. */
export function passOn({ foreground, ownGroup, tty }: Plan, pid: number, { signal, code }: SignalInfo): void {
  const ofGroup = reachedTheGroup(signal, code);
  if (ownGroup && (ofGroup || signal === SIGCONT)) kill(-pid, signal);
  else if (foreground || tty || !ofGroup) kill(pid, signal);
}

/** Waits until the child has ended. All signals must be blocked (`spawn` does it). Returns the wait status. */
export function watch(w: Watch): number {
  const job: Job = { child: w.pid, ownGroup: w.ownGroup, isOrphaned, hasTerminal: w.hadTerminal };
  const terminal = { hungUp: false, stopping: false };
  const fd = controllingTerminal();
  const onTerminal = fd !== undefined;
  const sources = w.sources ?? [];
  if (onTerminal) sources.push(hangup(fd, job, terminal));
  const look = (): number | undefined => {
    for (
      let change = waitpid(w.pid, WNOHANG | WUNTRACED | WCONTINUED);
      change !== undefined;
      change = waitpid(w.pid, WNOHANG | WUNTRACED | WCONTINUED)
    ) {
      const stop = stopSignal(change.status);
      if (stop !== 0 && (terminal.stopping || w.stopWithChild(stop))) {
        terminal.stopping = false;
        stopOurselves(job, stop);
      } else if (stop === 0 && !wasContinued(change.status)) {
        takeTerminalBack(job);
        return change.status;
      }
    }
    return undefined;
  };
  const early = w.mayHaveEnded ? look() : undefined;
  if (early !== undefined) return early;
  for (;;) {
    const info = waitForSignalOr(sources, w.timeout?.());
    if (info === undefined) {
      w.onTimeout?.();
      continue;
    }
    if (info.signal !== SIGCHLD) {
      if (info.signal === SIGCONT) resumeJob(job);
      if (info.signal === SIGHUP) terminal.hungUp = true;
      // These two an init is not spared: they come from outside its PID namespace.
      if (info.signal === SIGHUP && onTerminal && isSpared(w.pid, SIGHUP) && terminalIsGone() && kill(w.pid, SIGKILL)) w.onHangupKill?.();
      if (isJobControl(info.signal) && info.code === SI_KERNEL && isSpared(w.pid, info.signal)) terminal.stopping = kill(w.pid, SIGSTOP);
      w.onSignal(info);
      continue;
    }
    const status = look();
    if (status !== undefined) return status;
  }
}

/**
 * True when a process is the init of a PID namespace and would be ended or stopped by a signal if it were not: the kernel spares it
 * (pid_namespaces(7)). Its group's key, or the terminal, does nothing to it then.
 */
function isSpared(pid: number, signal: number): boolean {
  const status = readIfThere(`${procDirectory(pid)}/status`) ?? "";
  if (!/\t1$/.test(statusField(status, "NSpid") ?? "")) return false;
  // Ten looks: a shell blocks all signals for a moment before it waits for a child, and what was blocked then is dropped later.
  for (let tries = 0; tries < 10; tries++) {
    const fate = receptionOf(pid, signal)?.fate;
    if (fate === "dropped" || fate === "unknown") return statusField(status, "Name") !== "pid1"; // /proc of pid1, which takes all signals, may be closed to us
    if (fate !== "blocked") return false;
    pollOnce(-1, 0, 20);
  }
  return false;
}

/**
 * A terminal that has gone. Its foreground group is the child's, and a shell that dies at once tells its jobs nothing: then nobody
 * sends us a SIGHUP, and the child has none either if it is an init. A job in the background is not meant: its terminal is the shell's.
 */
function hangup(fd: number, job: Job, terminal: Terminal): Source {
  return {
    fd,
    wants: () => (job.hasTerminal && !terminal.hungUp ? 0 : undefined),
    ready: (events) => {
      if (!(events & POLLHUP)) return;
      terminal.hungUp = true;
      kill(getpid(), SIGHUP); // what a hangup means is decided where all signals are
    },
  };
}

/** After a hangup. The shell's own SIGHUP to its jobs may come a moment before the terminal has left us. */
function terminalIsGone(): boolean {
  for (let tries = 0; tries < 10; tries++) {
    if (controllingTerminal() === undefined) return true;
    pollOnce(-1, 0, 20);
  }
  return false;
}

interface Terminal {
  /** It has been closed, and we know. */
  hungUp: boolean;
  /** We have stopped the child ourselves, as the terminal would have. */
  stopping: boolean;
}

/** The child was stopped: so are we, until the shell's `fg` continues us. The SIGCONT itself is pending then, and `onSignal` forwards it. */
function stopOurselves(job: Job, signal: number): void {
  if (continueStopped(job, signal)) return;
  kill(getpid(), SIGSTOP);
  resumeJob(job);
  kill(job.ownGroup ? -job.child : job.child, SIGCONT);
}

/** Ends as the child did: with its exit status, or by the same signal, as unshare(1) does. */
export function endLike(status: number): never {
  const signal = endSignal(status);
  if (signal !== 0) {
    setDumpable(false); // one core file, the child's, is enough
    setDispositionAndUnblock(signal);
    kill(getpid(), signal);
  }
  return exit(shellStatus(status));
}
