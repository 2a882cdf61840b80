// A terminal in raw mode, and a process that restores it even if we are killed by SIGKILL.
import {
  type Attributes,
  clone3,
  exit,
  getAttributes,
  getpid,
  isTerminal,
  kill,
  POLLIN,
  pidfdOpen,
  pollOnce,
  rawAttributes,
  SIGKILL,
  sameAttributes,
  setAttributes,
  setsid,
  setTracer,
  waitpid,
} from "@contain-tools/kernel";

export interface RawTerminal {
  /** Raw again, after the shell used the terminal while we were stopped. */
  readonly again: () => void;
  /** As it was before. */
  readonly restore: () => void;
}

/** Puts a terminal into raw mode, or another one. All signals must be blocked. */
export function makeRaw(fd: number, change = rawAttributes): RawTerminal {
  const before = getAttributes(fd);
  if (before === undefined) return { again: () => {}, restore: () => {} };
  const again = () => void setAttributes(fd, change(before));
  again();
  const guard = startGuard(fd, getAttributes(fd) ?? before, before);
  setTracer({ raw: change === rawAttributes && isTerminal(2) });
  const restore = () => {
    // End the guard first: after our end the shell owns the terminal, and a late guard would change its settings.
    kill(guard, SIGKILL);
    waitpid(guard, 0);
    setAttributes(fd, before);
    setTracer({ raw: false });
  };
  return { again, restore };
}

/** A copy of this process, in a session of its own so that it survives a kill -9 of the whole job. Returns its PID. */
function startGuard(fd: number, raw: Attributes, before: Attributes): number {
  const self = pidfdOpen(getpid());
  return clone3({ flags: 0 }, () => {
    setsid();
    while (!pollOnce(self, POLLIN, -1)) {
      // poll(2) says POLLIN when the process has ended
    }
    // The shell may already have set its own attributes when its job died.
    const now = getAttributes(fd);
    if (now !== undefined && sameAttributes(now, raw)) setAttributes(fd, before);
    return exit(0);
  });
}
