// The controlling terminal: who is in its foreground process group.
import { declare, errno } from "../ffi/libc.ts";
import { sys, trace, tracer } from "../ffi/trace.ts";
import { getpid, getppid } from "../process/process.ts";
import { ALL_SIGNALS, SIGCONT, SIGHUP, SIGTSTP, SIGTTIN, SIGTTOU, setSignalMaskSilently } from "../process/signal.ts";
import { SI_KERNEL } from "../process/signalqueue.ts";

const tcgetpgrpC = declare("tcgetpgrp");
const tcsetpgrpC = declare("tcsetpgrp");
const setpgidC = declare("setpgid");
const getpgrpC = declare("getpgrp");
const getsidC = declare("getsid");
const readC = declare("read", "long");

/** setpgid(2). */
export function setpgid(pid: number, pgid: number): void {
  sys("setpgid", () => [`${pid}`, `${pgid}`], setpgidC(pid, pgid));
}

/** getpgrp(2): 0 when the group's leader is in another PID namespace. */
export function getpgrp(): number {
  return getpgrpC();
}

/** The foreground process group of a terminal; undefined when it is not our controlling terminal (ENOTTY). */
export function foregroundGroup(fd: number): number | undefined {
  const group = tcgetpgrpC(fd);
  return group === -1 ? undefined : group;
}

/**
 * tcsetpgrp(3): makes a process group the foreground one. SIGTTOU must be blocked or ignored, else a background caller is stopped.
 * ENOTTY, ENXIO, EBADF and EPERM are everyday answers (no terminal, a session that ended): false.
 */
export function setForegroundGroup(fd: number, group: number): boolean {
  const result = tcsetpgrpC(fd, group);
  const code = result === -1 ? errno() : 0;
  if (tracer.mode !== "off") trace("tcsetpgrp", [`${fd}`, `${group}`], result, code);
  return result === 0;
}

/** That of descriptors 0, 2 and 1 which is the controlling terminal. /dev/tty may be a file of the container's, so it is not asked. */
export function controllingTerminal(): number | undefined {
  if (tcgetpgrpC(0) !== -1) return 0; // no loop over an array: its iterator would be garbage for the init
  if (tcgetpgrpC(2) !== -1) return 2;
  return tcgetpgrpC(1) !== -1 ? 1 : undefined;
}

/** True when this process is in the terminal's foreground, where keys go; a job that was started with `&` is not. */
export function inForeground(): boolean {
  const fd = controllingTerminal();
  if (fd === undefined) return false;
  const group = getpgrp();
  return foregroundGroup(fd) === group && (group !== 0 || mayRead(fd));
}

/**
 * In a PID namespace every group outside is 0, the shell's like our own. What tells them apart is a read of no bytes: with SIGTTIN
 * blocked the kernel answers EIO to a background process (termios(3), drivers/tty/n_tty.c).
 */
function mayRead(fd: number): boolean {
  setSignalMaskSilently(ALL_SIGNALS, oldMask);
  const background = readC(fd, nothing, 0) === -1 && errno() === EIO;
  setSignalMaskSilently(oldMask, nothing);
  return !background;
}
const EIO = 5;
const oldMask = new Uint8Array(8);
const nothing = new Uint8Array(8);

/**
 * True when the terminal may be given to a child: we are in its foreground and read from it. A script's `PROG &` is in the
 * foreground too, and so is a link of a pipeline, but the terminal is not theirs to take; their standard input is something else.
 */
export function holdsTerminal(): boolean {
  return foregroundGroup(0) !== undefined && inForeground();
}

/**
 * True when a shell with job control has given this process a group of its own, and may bring it to the terminal's foreground later: what
 * shares the group is stopped and continued with it. A script's programs are in the script's group.
 */
export function isBackgroundJob(): boolean {
  return controllingTerminal() !== undefined && getpgrp() === getpid();
}

/** True when a key or the terminal stopped a process with this signal, and not a person with `kill -STOP`. */
export function isJobControl(signal: number): boolean {
  return signal === SIGTSTP || signal === SIGTTIN || signal === SIGTTOU;
}

/** True when no shell of this session could continue us after a stop; the kernel does not stop such a group either (setpgid(2)). */
export function isOrphaned(): boolean {
  const parent = getppid();
  return parent !== 0 && getsidC(parent) !== getsidC(0);
}

/**
 * True for a signal that the kernel sent to our whole process group, because of a key: a child in the same group has it already.
 * A hangup is told to the session's leader alone (drivers/tty/tty_jobctrl.c).
 */
export function reachedTheGroup(signal: number, code: number): boolean {
  return code === SI_KERNEL && signal !== SIGCONT && !(signal === SIGHUP && getsidC(0) === getpid());
}
