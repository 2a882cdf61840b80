// The transparent parent: whatever happens to nsexec happens to its child, and vice versa.
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
  /** The child has its own process group, so keys on the terminal do not reach both of us. */
  readonly ownGroup: boolean;
  /** We had the terminal's foreground when we started, and must have it again afterwards. */
  readonly hadTerminal: boolean;
  /** Stop when the child stops, so that the shell that started us sees it. */
  readonly stopWithChild: (signal: number) => boolean;
  /** A signal that was sent to us. */
  readonly onSignal: (info: SignalInfo) => void;
  /** Descriptors to serve during the wait. */
  readonly sources?: Source[];
  /** The timeout in milliseconds when there is no signal; undefined waits for ever. */
  readonly timeout?: () => number | undefined;
  /** Its SIGCHLD may have been taken already. */
  readonly mayHaveEnded?: boolean;
  readonly onTimeout?: () => void;
  /** We have sent SIGKILL: the terminal was closed, and PID 1 has no handler for SIGHUP. */
  readonly onHangupKill?: () => void;
}

/**
 * Passes a signal on to the child. One that the terminal sent to our process group goes to a child that has its own group and no terminal.
 */
export function passOn({ foreground, ownGroup, tty }: Plan, pid: number, { signal, code }: SignalInfo): void {
  const ofGroup = reachedTheGroup(signal, code);
  if (ownGroup && (ofGroup || signal === SIGCONT)) kill(-pid, signal);
  else if (foreground || tty || !ofGroup) kill(pid, signal);
}

/** Waits until the child has ended, and returns its wait status. All signals must be blocked (`spawn` does it). */
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
      // An init is not spared these two: they come from outside its PID namespace.
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
 * True if the kernel spares the process a signal that would otherwise end or stop it, because it is the init of a PID namespace
 * (pid_namespaces(7)). Then a key or the terminal does nothing to it.
 */
function isSpared(pid: number, signal: number): boolean {
  const status = readIfThere(`${procDirectory(pid)}/status`) ?? "";
  if (!/\t1$/.test(statusField(status, "NSpid") ?? "")) return false;
  // Ten attempts: a shell blocks all signals for a moment before it waits for a child, and drops what came then later.
  for (let tries = 0; tries < 10; tries++) {
    const fate = receptionOf(pid, signal)?.fate;
    if (fate === "dropped" || fate === "unknown") return statusField(status, "Name") !== "pid1"; // /proc of pid1, which takes all signals, may be unreadable for us
    if (fate !== "blocked") return false;
    pollOnce(-1, 0, 20);
  }
  return false;
}

/**
 * True if the terminal has gone. Its foreground group is the child's, and a shell that dies at once tells its jobs nothing: then nobody
 * sends us a SIGHUP, nor the child if it is an init. Jobs in the background are excluded: their terminal is the shell's.
 */
function hangup(fd: number, job: Job, terminal: Terminal): Source {
  return {
    fd,
    wants: () => (job.hasTerminal && !terminal.hungUp ? 0 : undefined),
    ready: (events) => {
      if (!(events & POLLHUP)) return;
      terminal.hungUp = true;
      kill(getpid(), SIGHUP); // `onSignal` decides what a hangup means
    },
  };
}

/** After a hangup: the shell's own SIGHUP to its jobs may come a moment before the terminal is gone. */
function terminalIsGone(): boolean {
  for (let tries = 0; tries < 10; tries++) {
    if (controllingTerminal() === undefined) return true;
    pollOnce(-1, 0, 20);
  }
  return false;
}

interface Terminal {
  /** It has been closed, and we have handled that. */
  hungUp: boolean;
  /** We have stopped the child ourselves, as the terminal would have. */
  stopping: boolean;
}

/** The child was stopped, so we stop too, until the shell's `fg` continues us. That SIGCONT is then pending, and `onSignal` forwards it. */
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
    setDumpable(false); // one core file is enough: the child's
    setDispositionAndUnblock(signal);
    kill(getpid(), signal);
  }
  return exit(shellStatus(status));
}
