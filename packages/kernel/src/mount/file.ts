// Files of the kernel (/proc, /sys, cgroup) and descriptors. node:fs makes the calls; what changes something is traced.
import { closeSync, openSync, readdirSync, readSync, statSync, writeSync } from "node:fs";
import { codeOf, errnoName, SyscallError } from "../ffi/errno.ts";
import { declare, ERRNO, errno } from "../ffi/libc.ts";
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
