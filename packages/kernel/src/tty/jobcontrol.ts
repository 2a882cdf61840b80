// Job control of a parent and its child: the terminal's foreground goes from the shell to us, to the child's group, and back (tcsetpgrp(3)).
import { getpid } from "../process/process.ts";
import { kill } from "../process/sending.ts";
import { SIGCONT, SIGTSTP } from "../process/signal.ts";
import { controllingTerminal, foregroundGroup, getpgrp, inForeground, isJobControl, setForegroundGroup, setpgid } from "./terminal.ts";

export interface Job {
  readonly child: number;
  /** The child leads a process group of its own. */
  readonly ownGroup: boolean;
  /** True when nobody could continue us after a stop. */
  readonly isOrphaned: () => boolean;
  /** The terminal is ours, and with ownGroup the child's group has it from us; after `bg` it is the shell's. */
  hasTerminal: boolean;
}

/** In the child: a process group of its own, and the terminal's foreground for it. SIGTTOU must be blocked, else tcsetpgrp(3) stops us. */
export function leadGroup(foreground: boolean): void {
  setpgid(0, 0);
  const fd = foreground ? controllingTerminal() : undefined;
  if (fd !== undefined) setForegroundGroup(fd, getpid());
}

/**
 * The child was stopped by `signal`. Continues it where it need not have been: nobody could do it later, or a shell's `fg` of a running
 * job, which sends no signal, has made the terminal ours. Otherwise the terminal goes back: false, and we have to stop too.
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

/** We were continued: after `fg` the child's group gets the terminal, after `bg` the shell has it. */
export function resumeJob(job: Job): void {
  const fd = controllingTerminal();
  if (fd === undefined) return;
  const given = inForeground() && (!job.ownGroup || setForegroundGroup(fd, job.child));
  job.hasTerminal = given || (job.ownGroup && foregroundGroup(fd) === job.child);
}

/** The child has ended, and a script goes on in our group. Where our group has no number here (0), our parent outside does this. */
export function takeTerminalBack({ hasTerminal }: Job): void {
  const fd = hasTerminal ? controllingTerminal() : undefined;
  const group = getpgrp();
  if (fd !== undefined && group !== 0 && !inForeground()) setForegroundGroup(fd, group);
}
