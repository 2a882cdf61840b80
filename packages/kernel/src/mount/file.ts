// Files of the kernel (/proc, /sys, cgroup) and descriptors. node:fs makes the calls; what changes something is traced.
import { closeSync, openSync, readdirSync, readlinkSync, readSync, statSync, writeSync } from "node:fs";
import { codeOf, errnoName, failedWith, SyscallError } from "../ffi/errno.ts";
import { declare, declareSyscall, ERRNO, errno, SYS } from "../ffi/libc.ts";
import { quote, sys, trace } from "../ffi/trace.ts";

/** Retries a call that was interrupted by a signal (EINTR, signal(7)). */
export function uninterrupted<T>(call: () => T): T {
  for (;;) {
    try {
      return call();
    } catch (error) {
      if (codeOf(error) !== "EINTR") throw error;
    }
  }
}

/**
 * Writes a file of the kernel in one write(2); such a file takes its value whole or refuses it.
 *
 * @throws SyscallError open and write errors, both told as `write("PATH", "TEXT")`
 */
export function writeKernelFile(path: string, text: string): void {
  const args = [quote(path), quote(text)];
  try {
    const fd = openSync(path, "w");
    try {
      writeSync(fd, text);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    const code = ERRNO[codeOf(error) ?? ""] ?? 0;
    trace("write", args, -1, code);
    throw new SyscallError("write", args, code);
  }
  trace("write", args, text.length);
}

const openC = declare("open");
const readC = declare("read", "long");
const closeC = declare("close");
const O_CLOEXEC = 0o2000000;
const EINTR = 4;
let buffer = Buffer.allocUnsafe(0);

/** A file as it was read, or the errno name of why it was not. */
export type Reading = { readonly text: string } | { readonly problem: string };

/** Reads a file that may not be there; many are not, and an exception costs more than a read. */
export function tryRead(path: string): Reading {
  const fd = openC(path, O_CLOEXEC);
  if (fd === -1) return { problem: errnoName(errno()) };
  try {
    for (let filled = 0; ; ) {
      if (filled === buffer.length) buffer = Buffer.concat([buffer], Math.max(0x10000, 2 * filled));
      const length = readC(fd, buffer.subarray(filled), buffer.length - filled);
      if (length === 0) return { text: buffer.toString("utf8", 0, filled) };
      if (length > 0) filled += length;
      else if (errno() !== EINTR) return { problem: errnoName(errno()) };
    }
  } finally {
    closeC(fd);
  }
}

/** The text of a file, or undefined where it does not exist or cannot be read. */
export function readIfThere(path: string): string | undefined {
  const reading = tryRead(path);
  return "text" in reading ? reading.text : undefined;
}

const pipe2C = declare("pipe2");

export interface Pipe {
  readonly read: number;
  readonly write: number;
}

/** pipe2(2) with O_CLOEXEC. */
export function pipe(): Pipe {
  const fds = new Int32Array(2);
  sys(
    "pipe2",
    () => [`[${fds.join(", ")}]`, "O_CLOEXEC"],
    () => pipe2C(new Uint8Array(fds.buffer), O_CLOEXEC),
  );
  return { read: fds[0] ?? -1, write: fds[1] ?? -1 };
}

/** Everything that comes through a pipe until its last writer is gone. */
export function readToEnd(fd: number): string {
  const chunk = Buffer.alloc(4096);
  let text = "";
  for (;;) {
    const length = uninterrupted(() => readSync(fd, chunk));
    if (length === 0) return text;
    text += chunk.toString("utf8", 0, length);
  }
}

/** Closes a descriptor that may be closed already. */
export function closeQuietly(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // EBADF
  }
}

/** The descriptors from 3 up that are files or directories; none without /proc. The runtime's own are pipes, sockets and devices. */
export function openFiles(): number[] {
  let names: string[];
  try {
    names = readdirSync("/proc/self/fd");
  } catch {
    return [];
  }
  return names.map(Number).filter((fd) => fd >= 3 && isFile(fd));
}

/** By its link in /proc, since the listing's own descriptor is closed again, and that shall be no exception. */
function isFile(fd: number): boolean {
  try {
    const stat = statSync(`/proc/self/fd/${fd}`, { throwIfNoEntry: false });
    return stat !== undefined && (stat.isDirectory() || stat.isFile());
  } catch {
    return true; // what its file system cannot tell of any more, as of a FUSE that has died
  }
}

const fcntlC = declare("fcntl");
const closeRangeC = declareSyscall(SYS.close_range);
const F_GETFD = 1;
const F_SETFD = 2;
const F_DUPFD_CLOEXEC = 1030;
const FD_CLOEXEC = 1;
const CLOSE_RANGE_CLOEXEC = 4;
const LAST_FD = 0xffffffff;

/** fcntl(2) F_SETFD. */
export function setCloseOnExec(fd: number, on: boolean): void {
  sys(
    "fcntl",
    () => [`${fd}`, "F_SETFD", on ? "FD_CLOEXEC" : "0"],
    () => fcntlC(fd, F_SETFD, on ? FD_CLOEXEC : 0),
  );
}

/** fcntl(2) F_DUPFD_CLOEXEC: another descriptor of the same open file, close-on-exec, the lowest free one from `least` on. */
export function duplicate(fd: number, least: number): number {
  return sys(
    "fcntl",
    () => [`${fd}`, "F_DUPFD_CLOEXEC", `${least}`],
    () => fcntlC(fd, F_DUPFD_CLOEXEC, least),
  );
}

/** True for a descriptor that is open: fcntl(2) F_GETFD. */
export function isOpen(fd: number): boolean {
  return fcntlC(fd, F_GETFD, 0) !== -1;
}

function readIfLink(fd: number): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return undefined; // the descriptor that the listing itself was read through
  }
}

const dup2C = declare("dup2");

/** dup2(2): `to` becomes another descriptor of the open file of `from`, and stays open across execve. */
export function dup2(from: number, to: number): void {
  sys(
    "dup2",
    () => [`${from}`, `${to}`],
    () => dup2C(from, to),
  );
}

/** What a non-blocking descriptor has at this moment: a number of bytes, 0 at its end, undefined when there is nothing yet. */
export function readNow(fd: number, bytes: Uint8Array): number | undefined {
  try {
    return uninterrupted(() => readSync(fd, bytes));
  } catch (error) {
    if (codeOf(error) === "EAGAIN") return undefined;
    if (codeOf(error) === "EIO" || codeOf(error) === "ECONNRESET") return 0; // a terminal that hung up, a peer that died
    throw error;
  }
}

/** Writes as much as there is room for: the number of bytes, 0 when there is none. @throws Error of node:fs: EPIPE, EIO, ENOSPC, … */
export function writeNow(fd: number, bytes: Uint8Array): number {
  try {
    return uninterrupted(() => writeSync(fd, bytes));
  } catch (error) {
    if (codeOf(error) === "EAGAIN") return 0;
    throw error;
  }
}

const flockC = declare("flock");
const LOCK_EX = 2;
const LOCK_NB = 4;

/** flock(2) LOCK_EX without waiting: false while somebody else has the lock (EWOULDBLOCK). It is let go when the descriptor is closed, or we die. */
export function tryLock(fd: number): boolean {
  try {
    sys(
      "flock",
      () => [`${fd}`, "LOCK_EX|LOCK_NB"],
      () => flockC(fd, LOCK_EX | LOCK_NB),
    );
    return true;
  } catch (error) {
    if (failedWith(error, "EAGAIN")) return false;
    throw error;
  }
}

function closeRange(first: number, last: number, onExecOnly: boolean): void {
  const flag = onExecOnly ? CLOSE_RANGE_CLOEXEC : 0;
  sys(
    "close_range",
    () => [`${first}`, last === LAST_FD ? "~0U" : `${last}`, onExecOnly ? "CLOSE_RANGE_CLOEXEC" : "0"],
    () => closeRangeC(first, last, flag),
  );
}

/**
 * Marks all descriptors from `first` on close-on-exec. CLOSE_RANGE_CLOEXEC came with Linux 5.11; the runtime has set FD_CLOEXEC on
 * all that it inherited, so 5.10 loses nothing.
 */
export function closeOnExecFrom(first: number): void {
  try {
    closeRange(first, LAST_FD, true);
  } catch (error) {
    if (!failedWith(error, "EINVAL", "ENOSYS")) throw error;
  }
}

/**
 * The runtime's eventfd(2) descriptors. A process that stays must keep them: when V8 has a task to post, libuv writes to one, and
 * aborts when it is closed. Nobody reads them any more, and they lead nowhere.
 */
export function runtimeEvents(): number[] {
  return readdirSync("/proc/self/fd")
    .map(Number)
    .filter((fd) => readIfLink(fd) === "anon_inode:[eventfd]");
}

/** close_range(2) of all descriptors from 3 on but `kept`. */
export function closeAllBut(kept: readonly number[]): void {
  let first = 3;
  for (const fd of [...kept].sort((a, b) => a - b)) {
    if (fd > first) closeRange(first, fd - 1, false);
    first = Math.max(first, fd + 1);
  }
  closeRange(first, LAST_FD, false);
}
