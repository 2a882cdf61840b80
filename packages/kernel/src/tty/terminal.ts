// The controlling terminal and its foreground process group.
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

/** getpgrp(2): 0 if the group's leader is in another PID namespace. */
export function getpgrp(): number {
  return getpgrpC();
}

/** The foreground process group of a terminal; undefined if it is not our controlling terminal (ENOTTY). */
export function foregroundGroup(fd: number): number | undefined {
  const group = tcgetpgrpC(fd);
  return group === -1 ? undefined : group;
}

/**
 * tcsetpgrp(3): makes a process group the foreground one. SIGTTOU must be blocked or ignored, or a background caller is stopped. False for
 * everyday errors: ENOTTY, ENXIO, EBADF, EPERM (no terminal, a session that ended).
 */
export function setForegroundGroup(fd: number, group: number): boolean {
  const result = tcsetpgrpC(fd, group);
  const code = result === -1 ? errno() : 0;
  if (tracer.mode !== "off") trace("tcsetpgrp", [`${fd}`, `${group}`], result, code);
  return result === 0;
}

/** The first of descriptors 0, 2 and 1 that is the controlling terminal. /dev/tty is not asked: it may be a file of the container. */
export function controllingTerminal(): number | undefined {
  if (tcgetpgrpC(0) !== -1) return 0; // no loop over an array: its iterator would be garbage for the init
  if (tcgetpgrpC(2) !== -1) return 2;
  return tcgetpgrpC(1) !== -1 ? 1 : undefined;
}

/** True if this process is in the terminal's foreground and so gets its keys; a job started with `&` is not. */
export function inForeground(): boolean {
  const fd = controllingTerminal();
  if (fd === undefined) return false;
  const group = getpgrp();
  return foregroundGroup(fd) === group && (group !== 0 || mayRead(fd));
}

/**
 * In a PID namespace every group outside is 0, the shell's and our own alike. A read of zero bytes tells them apart: with SIGTTIN blocked
 * the kernel answers EIO to a background process (termios(3), drivers/tty/n_tty.c).
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
 * True if the terminal may be given to a child: we are in its foreground and read from it. A script's `PROG &` and a link of a pipeline are
 * in the foreground too, but they must not take the terminal; their standard input is something else.
 */
export function holdsTerminal(): boolean {
  return foregroundGroup(0) !== undefined && inForeground();
}

/**
 * True if a shell with job control gave this process its own group, and may bring it to the foreground later: the whole group is stopped
 * and continued together. A script's programs are in the script's group.
 */
export function isBackgroundJob(): boolean {
  return controllingTerminal() !== undefined && getpgrp() === getpid();
}

/** True if a key or the terminal stopped a process with this signal, rather than a `kill -STOP`. */
export function isJobControl(signal: number): boolean {
  return signal === SIGTSTP || signal === SIGTTIN || signal === SIGTTOU;
}

/** True if no shell of this session could continue us after a stop; the kernel does not stop such a group either (setpgid(2)). */
export function isOrphaned(): boolean {
  const parent = getppid();
  return parent !== 0 && getsidC(parent) !== getsidC(0);
}

/**
 * True for a signal that the kernel sent to our whole process group because of a key: a child in the same group has it already. A hangup
 * goes only to the session's leader (drivers/tty/tty_jobctrl.c).
 */
export function reachedTheGroup(signal: number, code: number): boolean {
  return code === SI_KERNEL && signal !== SIGCONT && !(signal === SIGHUP && getsidC(0) === getpid());
}
