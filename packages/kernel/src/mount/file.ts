// Kernel files (/proc, /sys, cgroup), pipes, and which descriptors are open.
import { codeOf, SyscallError } from "../ffi/errno.ts";
import { declare, errno } from "../ffi/libc.ts";
import { quote, sys, trace, tracer } from "../ffi/trace.ts";
import { readdir } from "../file/directory.ts";
import { close, O_CLOEXEC, O_TRUNC, O_WRONLY, read } from "../file/open.ts";
import { statIfThere } from "../file/stat.ts";

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
 * Writes a kernel file in one write(2): such a file takes its value whole or refuses it.
 *
 * @throws SyscallError for open and write errors alike, shown as `write("PATH", "TEXT")`
 */
export function writeKernelFile(path: string, text: string): void {
  const fd = openC(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
  const failed = fd === -1 || writeC(fd, text, Buffer.byteLength(text)) === -1;
  const code = failed ? errno() : 0;
  if (fd !== -1) close(fd);
  if (!failed && tracer.mode === "off") return;
  const args = [quote(path), quote(text)];
  trace("write", args, failed ? -1 : text.length, code);
  if (failed) throw new SyscallError("write", args, code);
}

const openC = declare("open");
const writeC = declare("write", "long");
const pipe2C = declare("pipe2");

export interface Pipe {
  readonly read: number;
  readonly write: number;
}

/** pipe2(2) with O_CLOEXEC. */
export function pipe(): Pipe {
  const fds = new Int32Array(2);
  sys("pipe2", () => [`[${fds.join(", ")}]`, "O_CLOEXEC"], pipe2C(new Uint8Array(fds.buffer), O_CLOEXEC));
  return { read: fds[0] ?? -1, write: fds[1] ?? -1 };
}

/** Reads a pipe until its last writer has closed it. */
export function readToEnd(fd: number): string {
  const chunk = Buffer.alloc(4096);
  let text = "";
  for (;;) {
    const length = uninterrupted(() => read(fd, chunk));
    if (length === 0) return text;
    text += chunk.toString("utf8", 0, length);
  }
}

/** Closes a descriptor that may be closed already. */
export function closeQuietly(fd: number): void {
  try {
    close(fd);
  } catch {
    // EBADF
  }
}

/** The descriptors from 3 up that are files or directories; none without /proc. The runtime's own are pipes, sockets and devices. */
export function openFiles(): number[] {
  let names: string[];
  try {
    names = readdir("/proc/self/fd");
  } catch {
    return [];
  }
  return names.map(Number).filter((fd) => fd >= 3 && isFile(fd));
}

/** By its link in /proc: the descriptor of the listing is closed by now, and must not cost an exception. */
function isFile(fd: number): boolean {
  try {
    const stat = statIfThere(`/proc/self/fd/${fd}`);
    return stat !== undefined && (stat.isDirectory() || stat.isFile());
  } catch {
    return true; // its file system does not answer, as with a dead FUSE server
  }
}
