// The transparent parent: whatever happens to nsexec happens to its child, and the other way round.
import {
  ALL_SIGNALS,
  controllingTerminal,
  endSignal,
  exit,
  getpgrp,
  inForeground,
  kill,
  SI_KERNEL,
  SIGCHLD,
  SIGCONT,
  SIGSTOP,
  type SignalInfo,
  setDispositionAndUnblock,
  setDumpable,
  setForegroundGroup,
  shellStatus,
  stopSignal,
  WCONTINUED,
  WNOHANG,
  WUNTRACED,
  waitForSignal,
  waitpid,
  wasContinued,
} from "@contain-tools/kernel";

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
  /** When to wake up without a signal, in milliseconds; undefined waits for ever. */
  readonly timeout?: () => number | undefined;
  readonly onTimeout?: () => void;
}

/** Waits until the child has ended. All signals must be blocked (`spawn` does it). Returns the wait status. */
export function watch(w: Watch): number {
  for (;;) {
    const info = waitForSignal(ALL_SIGNALS, w.timeout?.());
    if (info === undefined) {
      w.onTimeout?.();
      continue;
    }
    if (info.signal !== SIGCHLD) {
      w.onSignal(info);
      continue;
    }
    for (
      let change = waitpid(w.pid, WNOHANG | WUNTRACED | WCONTINUED);
      change !== undefined;
      change = waitpid(w.pid, WNOHANG | WUNTRACED | WCONTINUED)
    ) {
      const stop = stopSignal(change.status);
      if (stop !== 0 && w.stopWithChild(stop)) stopOurselves(w);
      else if (stop === 0 && !wasContinued(change.status)) {
        if (w.hadTerminal) takeTerminalBack();
        return change.status;
      }
    }
  }
}

/** The group that the terminal was given to has ended. A script goes on in ours; an interactive shell would do this itself. */
function takeTerminalBack(): void {
  const fd = controllingTerminal();
  if (fd !== undefined && !inForeground()) setForegroundGroup(fd, getpgrp());
}

/** The child was stopped: so are we, until the shell's `fg` continues us. The terminal goes back and forth with it. */
function stopOurselves({ pid, ownGroup }: Watch): void {
  const fd = ownGroup ? controllingTerminal() : undefined;
  if (fd !== undefined) setForegroundGroup(fd, getpgrp());
  kill(process.pid, SIGSTOP);
  // Here we have been continued. The SIGCONT itself is pending too, and `onSignal` forwards it.
  if (fd !== undefined && inForeground()) setForegroundGroup(fd, pid);
  kill(ownGroup ? -pid : pid, SIGCONT);
}

/**
 * True for a signal that the kernel sent to our whole process group, because of a key or a hangup: a child in the same group
 * has it already.
 */
export function reachedTheGroup({ signal, code }: SignalInfo): boolean {
  return code === SI_KERNEL && signal !== SIGCONT;
}

/** Ends as the child did: with its exit status, or by the same signal, as unshare(1) does. */
export function endLike(status: number): never {
  const signal = endSignal(status);
  if (signal !== 0) {
    setDumpable(false); // one core file, the child's, is enough
    setDispositionAndUnblock(signal);
    kill(process.pid, signal);
  }
  return exit(shellStatus(status));
}
