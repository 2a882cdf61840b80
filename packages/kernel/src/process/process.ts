// Processes: waiting for them, ending, and what prctl(2) changes about the calling one.

import { SyscallError } from "../ffi/errno.ts";
import { declare, declareSyscall, errno, SYS } from "../ffi/libc.ts";
import { flags, quote, sys, trace, tracer } from "../ffi/trace.ts";
import { POLLIN, pollOnce } from "./poll.ts";
import { signalName } from "./signal.ts";

const exitC = declare("_exit");

/** _exit(2): ends the process at once, without the runtime's exit handlers, which are the parent's. */
export function exit(status: number): never {
  exitC(status);
  throw new Error("unreachable");
}

export const WNOHANG = 1;
export const WUNTRACED = 2;
export const WCONTINUED = 8;
const WAIT_FLAGS = { WNOHANG, WUNTRACED, WCONTINUED };
const EINTR = 4;
const ECHILD = 10;

/** A wait status, as wait(2) packs it. The next `waitpid` reuses the object. */
export interface Waited {
  pid: number;
  status: number;
}

const waited: Waited = { pid: 0, status: 0 };
const statusWord = new Int32Array(1);
const statusBytes = new Uint8Array(statusWord.buffer);
const waitpidC = declare("waitpid");

/**
 * waitpid(2), retried if a signal interrupts it.
 *
 * @returns undefined if there is no child left (ECHILD) or, with WNOHANG, none has changed; the object is reused
 */
export function waitpid(pid: number, options: number): Waited | undefined {
  for (;;) {
    const result = waitpidC(pid, statusBytes, options);
    const code = result === -1 ? errno() : 0;
    if (code === EINTR) continue;
    if (tracer.mode !== "off")
      trace("waitpid", [`${pid}`, result > 0 ? describeStatus(statusWord[0] ?? 0) : "NULL", flags(WAIT_FLAGS, options)], result, code);
    if (code !== 0 && code !== ECHILD) throw new SyscallError("waitpid", [`${pid}`, "NULL", flags(WAIT_FLAGS, options)], code);
    if (result <= 0) return undefined;
    waited.pid = result;
    waited.status = statusWord[0] ?? 0;
    return waited;
  }
}

/**
 * Waits for a child if a seccomp filter allows it. Does not throw: making an exception may need more calls than the filter leaves.
 *
 * @returns its wait status; 0 if waiting failed
 */
export function reap(pid: number): number {
  return waitpidC(pid, statusBytes, 0) === pid ? (statusWord[0] ?? 0) : 0;
}

const P_ALL = 0;
const WEXITED = 4;
const WNOWAIT = 0x1000000;
const childInfo = new Uint8Array(128);
const waitidC = declare("waitid");

/** True while this process has a child, living or zombie: waitid(2) with WNOWAIT fails with ECHILD if there is none. */
export function hasChildren(): boolean {
  return waitidC(P_ALL, 0, childInfo, WEXITED | WNOHANG | WNOWAIT) === 0;
}

/** The signal that stopped the process, or 0 (WIFSTOPPED, WSTOPSIG). */
export function stopSignal(status: number): number {
  return (status & 0xff) === 0x7f ? (status >> 8) & 0xff : 0;
}

/** True when the process was continued by SIGCONT (WIFCONTINUED). */
export function wasContinued(status: number): boolean {
  return status === 0xffff;
}

/** The signal that ended the process, or 0 (WIFSIGNALED, WTERMSIG). */
export function endSignal(status: number): number {
  return (status & 0x7f) !== 0 && (status & 0xff) !== 0x7f ? status & 0x7f : 0;
}

/** The status a shell would show: its own exit status, or 128 + the signal that ended it. */
export function shellStatus(status: number): number {
  const signal = endSignal(status);
  return signal === 0 ? (status >> 8) & 0xff : 128 + signal;
}

function describeStatus(status: number): string {
  if (stopSignal(status)) return `[{WIFSTOPPED(s) && WSTOPSIG(s) == ${signalName(stopSignal(status))}}]`;
  if (wasContinued(status)) return "[{WIFCONTINUED(s)}]";
  if (endSignal(status)) return `[{WIFSIGNALED(s) && WTERMSIG(s) == ${signalName(endSignal(status))}}]`;
  return `[{WIFEXITED(s) && WEXITSTATUS(s) == ${(status >> 8) & 0xff}}]`;
}

const getpidC = declare("getpid");
const getppidC = declare("getppid");

/** getpid(2) from the kernel: process.pid still has the parent's value after a fork. */
export function getpid(): number {
  return getpidC();
}

/** getppid(2): 0 if the parent is in another PID namespace. */
export function getppid(): number {
  return getppidC();
}

const pidfdOpenC = declareSyscall(SYS.pidfd_open);

/** pidfd_open(2): a close-on-exec descriptor that always means this process, even when its PID is reused. @throws SyscallError ESRCH */
export function pidfdOpen(pid: number): number {
  return sys("pidfd_open", () => [`${pid}`, "0"], pidfdOpenC(pid, 0));
}

const pidfdGetfdC = declareSyscall(SYS.pidfd_getfd);

/** pidfd_getfd(2): a copy of a descriptor of that process, since Linux 5.6. @throws SyscallError EBADF, EPERM, ESRCH */
export function pidfdGetfd(pidfd: number, fd: number): number {
  return sys("pidfd_getfd", () => [`${pidfd}`, `${fd}`, "0"], pidfdGetfdC(pidfd, fd, 0));
}

/** True if the process behind a pidfd has ended: poll(2) then reports POLLIN. */
export function hasEnded(pidfd: number): boolean {
  return pollOnce(pidfd, POLLIN, 0);
}

const PIDFD_GET_INFO = 0xc040ff0b; // _IOWR(0xff, 11, struct pidfd_info), which has 64 bytes in its first version
const PIDFD_INFO_EXIT = 8;
const EXIT_CODE = 60;
const ioctlC = declare("ioctl");

/** The wait status of a process that has ended and been reaped, by any process: ioctl_pidfd(2), since Linux 6.15; undefined before. */
export function pidfdStatus(pidfd: number): number | undefined {
  const info = Buffer.alloc(64);
  info.writeUInt32LE(PIDFD_INFO_EXIT, 0);
  if (ioctlC(pidfd, PIDFD_GET_INFO, info) === -1) return undefined;
  return (info.readUInt32LE(0) & PIDFD_INFO_EXIT) === 0 ? undefined : info.readInt32LE(EXIT_CODE);
}

const prctlC = declare("prctl");
const PR_GET_DUMPABLE = 3;
const PR_SET_DUMPABLE = 4;
const PR_SET_NAME = 15;
const PR_SET_CHILD_SUBREAPER = 36;

/** prctl(2) PR_SET_NAME: 15 bytes of what `ps` shows as the command. A filter that refuses it is ignored. */
export function setName(name: string): void {
  const result = prctlC(PR_SET_NAME, name, 0, 0, 0);
  if (tracer.mode !== "off") trace("prctl", ["PR_SET_NAME", quote(name)], result, result === -1 ? errno() : 0);
}

/** prctl(2) PR_SET_CHILD_SUBREAPER: orphans below this process become its children. */
export function setChildSubreaper(): void {
  sys("prctl", () => ["PR_SET_CHILD_SUBREAPER", "1"], prctlC(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
}

/** prctl(2) PR_SET_DUMPABLE: 0 gives /proc/PID to root and denies ptrace(2) without CAP_SYS_PTRACE. */
export function setDumpable(on: boolean): void {
  sys("prctl", () => ["PR_SET_DUMPABLE", on ? "1" : "0"], prctlC(PR_SET_DUMPABLE, on ? 1 : 0, 0, 0, 0));
}

/** prctl(2) PR_GET_DUMPABLE: whether processes of the same user may look at this one. */
export const isDumpable = (): boolean => prctlC(PR_GET_DUMPABLE, 0, 0, 0, 0) === 1;

const memsetC = declare("memset", "long");
const memcpyC = declare("memcpy", "long");

/** Overwrites a range of this process's own memory with `text`, and fills the rest with zeros. */
export function overwrite(from: number, to: number, text: string): void {
  memsetC(from, 0, to - from);
  const bytes = Buffer.from(text).subarray(0, Math.max(0, to - from - 1));
  if (bytes.length > 0) memcpyC(from, bytes, bytes.length);
}
