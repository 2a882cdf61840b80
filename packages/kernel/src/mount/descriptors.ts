// Descriptors: flags, copies, which are open, closing all but some.

import { codeOf, failedWith } from "../ffi/errno.ts";
import { declare, declareSyscall, SYS } from "../ffi/libc.ts";
import { sys } from "../ffi/trace.ts";
import { readdir, readlinkIfThere } from "../file/directory.ts";
import { O_NONBLOCK, read, write } from "../file/open.ts";
import { uninterrupted } from "./file.ts";

const fcntlC = declare("fcntl");
const closeRangeC = declareSyscall(SYS.close_range);
const F_GETFD = 1;
const F_SETFD = 2;
const F_SETFL = 4;
const F_DUPFD_CLOEXEC = 1030;
const FD_CLOEXEC = 1;
const CLOSE_RANGE_CLOEXEC = 4;
const LAST_FD = 0xffffffff;

/** fcntl(2) F_SETFD. */
export function setCloseOnExec(fd: number, on: boolean): void {
  sys("fcntl", () => [`${fd}`, "F_SETFD", on ? "FD_CLOEXEC" : "0"], fcntlC(fd, F_SETFD, on ? FD_CLOEXEC : 0));
}

/** fcntl(2) F_DUPFD_CLOEXEC: another descriptor of the same open file, close-on-exec, the lowest free one from `least` up. */
export function duplicate(fd: number, least: number): number {
  return sys("fcntl", () => [`${fd}`, "F_DUPFD_CLOEXEC", `${least}`], fcntlC(fd, F_DUPFD_CLOEXEC, least));
}

/** fcntl(2) F_SETFL: sets O_NONBLOCK on the open file, and so for all descriptors of it. */
export function setNonBlocking(fd: number): void {
  sys("fcntl", () => [`${fd}`, "F_SETFL", "O_NONBLOCK"], fcntlC(fd, F_SETFL, O_NONBLOCK));
}

/** True for a descriptor that is open: fcntl(2) F_GETFD. */
export function isOpen(fd: number): boolean {
  return fcntlC(fd, F_GETFD, 0) !== -1;
}

const dup2C = declare("dup2");

/** dup2(2): `to` becomes another descriptor of the open file of `from`, and stays open across execve. */
export function dup2(from: number, to: number): void {
  sys("dup2", () => [`${from}`, `${to}`], dup2C(from, to));
}

/** Reads what is available now: the number of bytes, 0 at the end, undefined if there is nothing yet. */
export function readNow(fd: number, bytes: Uint8Array): number | undefined {
  try {
    return uninterrupted(() => read(fd, bytes));
  } catch (error) {
    if (codeOf(error) === "EAGAIN") return undefined;
    if (codeOf(error) === "EIO" || codeOf(error) === "ECONNRESET") return 0; // a terminal that hung up, a peer that died
    throw error;
  }
}

/** Writes as much as there is room for: the number of bytes, 0 if there is none. @throws SyscallError EPIPE, EIO, ENOSPC, … */
export function writeNow(fd: number, bytes: Uint8Array): number {
  try {
    return uninterrupted(() => write(fd, bytes));
  } catch (error) {
    if (codeOf(error) === "EAGAIN") return 0;
    throw error;
  }
}

const flockC = declare("flock");
const LOCK_EX = 2;
const LOCK_NB = 4;

/**
 * flock(2) LOCK_EX without waiting: false while another process has the lock (EWOULDBLOCK). Closing the descriptor, or our death, releases
 * it.
 */
export function tryLock(fd: number): boolean {
  try {
    sys("flock", () => [`${fd}`, "LOCK_EX|LOCK_NB"], flockC(fd, LOCK_EX | LOCK_NB));
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
    closeRangeC(first, last, flag),
  );
}

/**
 * Marks all descriptors from `first` up close-on-exec. CLOSE_RANGE_CLOEXEC came with Linux 5.11; on 5.10 nothing is lost, since the runtime
 * has set FD_CLOEXEC on all that it inherited.
 */
export function closeOnExecFrom(first: number): void {
  try {
    closeRange(first, LAST_FD, true);
  } catch (error) {
    if (!failedWith(error, "EINVAL", "ENOSYS")) throw error;
  }
}

/**
 * The runtime's eventfd(2) descriptors. A process that stays must keep them: when V8 posts a task, libuv writes to one, and aborts if it is
 * closed. Nobody reads them any more.
 */
export function runtimeEvents(kinds: readonly string[] = ["eventfd"]): number[] {
  const links = kinds.map((kind) => `anon_inode:[${kind}]`);
  return readdir("/proc/self/fd")
    .map(Number)
    .filter((fd) => links.includes(readlinkIfThere(`/proc/self/fd/${fd}`) ?? "")); // the descriptor of the listing itself is closed by now
}

/** close_range(2) of all descriptors from 3 up but `kept`. */
export function closeAllBut(kept: readonly number[]): void {
  let first = 3;
  for (const fd of [...kept].sort((a, b) => a - b)) {
    if (fd > first) closeRange(first, fd - 1, false);
    first = Math.max(first, fd + 1);
  }
  closeRange(first, LAST_FD, false);
}
