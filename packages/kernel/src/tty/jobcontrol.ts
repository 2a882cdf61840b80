// Job control of a parent and its child: the terminal's foreground goes from the shell to us, to the child's group, and back
// (tcsetpgrp(3)).
import { getpid } from "../process/process.ts";
import { kill } from "../process/sending.ts";
import { SIGCONT, SIGTSTP } from "../process/signal.ts";
import { controllingTerminal, foregroundGroup, getpgrp, inForeground, isJobControl, setForegroundGroup, setpgid } from "./terminal.ts";

export interface Job {
  readonly child: number;
  /** The child leads a process group of its own. */
  readonly ownGroup: boolean;
  /** True if nobody could continue us after a stop. */
  readonly isOrphaned: () => boolean;
  /** The terminal is ours; with ownGroup we have passed it to the child's group. After `bg` the shell has it. */
  hasTerminal: boolean;
}

/** In the child: gives it its own process group, and makes that the foreground one. SIGTTOU must be blocked, or tcsetpgrp(3) stops us. */
export function leadGroup(foreground: boolean): void {
  setpgid(0, 0);
  const fd = foreground ? controllingTerminal() : undefined;
  if (fd !== undefined) setForegroundGroup(fd, getpid());
}

/**
 * The child was stopped by `signal`. Continues it and returns true if nobody could do so later, or if a shell's `fg` of a running job,
 * which sends no signal, has made the terminal ours. Otherwise gives the terminal back and returns false: we have to stop too.
 */
export function continueStopped(job: Job, signal: number): boolean {
  const fd = job.ownGroup && isJobControl(signal) ? controllingTerminal() : undefined;
  if (fd === undefined) return false;
  const goesOn = signal === SIGTSTP ? job.isOrphaned() : (job.isOrphaned() || inForeground()) && setForegroundGroup(fd, job.child);
  if (!goesOn) {
    if (job.hasTerminal) setForegroundGroup(fd, getpgrp());
    job.hasTerminal = false;
    return false;
  }
  job.hasTerminal ||= signal !== SIGTSTP;
  kill(-job.child, SIGCONT);
  return true;
}

/** We were continued: by `fg`, and the child's group gets the terminal, or by `bg`, and the shell keeps it. */
export function resumeJob(job: Job): void {
  const fd = controllingTerminal();
  if (fd === undefined) return;
  const given = inForeground() && (!job.ownGroup || setForegroundGroup(fd, job.child));
  job.hasTerminal = given || (job.ownGroup && foregroundGroup(fd) === job.child);
}

/**
 * Takes the terminal back when the child has ended, for a script that goes on in our group. If our group has no number here (0), our parent
 * outside does it.
 */
export function takeTerminalBack({ hasTerminal }: Job): void {
  const fd = hasTerminal ? controllingTerminal() : undefined;
  const group = getpgrp();
  if (fd !== undefined && group !== 0 && !inForeground()) setForegroundGroup(fd, group);
}
