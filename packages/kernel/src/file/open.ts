// Opening, reading and writing files. Names and arguments are C's. All calls are traced but those that move bytes through a descriptor.
import { errnoName, SyscallError } from "../ffi/errno.ts";
import { declare, errno } from "../ffi/libc.ts";
import { flags, quote, sys, trace, tracer } from "../ffi/trace.ts";

const { arch } = process;

// <fcntl.h>: two of them have other values on arm64.
export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_RDWR = 2;
export const O_CREAT = 0o100;
export const O_EXCL = 0o200;
export const O_NOCTTY = 0o400;
export const O_TRUNC = 0o1000;
export const O_APPEND = 0o2000;
export const O_NONBLOCK = 0o4000;
export const O_DIRECTORY = arch === "arm64" ? 0o40000 : 0o200000;
export const O_NOFOLLOW = arch === "arm64" ? 0o100000 : 0o400000;
export const O_CLOEXEC = 0o2000000;
export const O_PATH = 0o10000000;
const O_FLAGS = { O_CREAT, O_EXCL, O_NOCTTY, O_TRUNC, O_APPEND, O_NONBLOCK, O_DIRECTORY, O_NOFOLLOW, O_CLOEXEC, O_PATH };
const ACCESS = ["O_RDONLY", "O_WRONLY", "O_RDWR"];

const openC = declare("open");
const closeC = declare("close");
const readC = declare("read", "long");
const preadC = declare("pread", "long");
const pwriteC = declare("pwrite", "long");
const writeC = declare("write", "long");

/** open(2), with O_CLOEXEC. @throws SyscallError ENOENT, EACCES, … */
export function open(path: string, bits = O_RDONLY, mode = 0o666): number {
  return sys("open", () => openArgs(path, bits, mode), openC(path, bits | O_CLOEXEC, mode));
}

function openArgs(path: string, bits: number, mode: number): string[] {
  const how = `${ACCESS[bits & 3]}|${flags(O_FLAGS, (bits & ~3) | O_CLOEXEC)}`;
  return [quote(path), how, ...(bits & O_CREAT ? [`0${mode.toString(8)}`] : [])];
}

/** close(2). @throws SyscallError EBADF */
export function close(fd: number): void {
  if (closeC(fd) === -1) throw new SyscallError("close", [`${fd}`], errno());
}

/** read(2). Returns the number of bytes, 0 at the end. @throws SyscallError */
export function read(fd: number, bytes: Uint8Array): number {
  const length = readC(fd, bytes, bytes.length);
  if (length === -1) throw new SyscallError("read", [`${fd}`], errno());
  return length;
}

/** pread(2): reads from byte `at`; the file position stays. @throws SyscallError */
export function pread(fd: number, bytes: Uint8Array, at: number): number {
  const length = preadC(fd, bytes, bytes.length, at);
  if (length === -1) throw new SyscallError("pread", [`${fd}`], errno());
  return length;
}

/** Opens a directory as a place: it cannot be read. @throws SyscallError */
export const openDirectory = (path: string): number => open(path, O_PATH | O_DIRECTORY);

/** pwrite(2): writes all of `bytes` from byte `at`; the file position stays. @throws SyscallError */
export function pwrite(fd: number, bytes: Uint8Array, at: number): void {
  for (let done = 0; done < bytes.length; ) {
    const length = pwriteC(fd, bytes.subarray(done), bytes.length - done, at + done);
    if (length === -1) throw new SyscallError("pwrite", [`${fd}`], errno());
    done += length;
  }
}

/** write(2). Returns the number of bytes that were written. @throws SyscallError EPIPE, ENOSPC, … */
export function write(fd: number, data: string | Uint8Array): number {
  const bytes = typeof data === "string" ? bytesOf(data) : data;
  const length = writeC(fd, bytes, bytes.length);
  if (length === -1) throw new SyscallError("write", [`${fd}`], errno());
  return length;
}

/** Buffer.from would take a tenth of a millisecond at its first call, and a string passed as it is would be cut at a NUL. */
function bytesOf(text: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  bytes.write(text);
  return bytes;
}

/** The text of a file, or the errno name of the failure. */
export type Reading = { readonly text: string } | { readonly problem: string };

const EINTR = 4;
let buffer = Buffer.allocUnsafeSlow(0x10000);

/** Reads a file into `buffer`: the number of bytes, or -1 and errno. */
function fill(path: string): number {
  const fd = openC(path, O_CLOEXEC);
  if (tracer.mode !== "off") {
    const code = fd === -1 ? errno() : 0;
    trace("open", openArgs(path, O_RDONLY, 0), fd, code);
    if (code !== 0) return -code;
  } else if (fd === -1) return -errno();
  try {
    for (let filled = 0; ; ) {
      if (filled === buffer.length) buffer = Buffer.concat([buffer], 2 * filled);
      const length = readC(fd, filled === 0 ? buffer : buffer.subarray(filled), buffer.length - filled);
      if (length === 0) return filled;
      if (length > 0) filled += length;
      else if (errno() !== EINTR) return -errno();
    }
  } finally {
    closeC(fd);
  }
}

/** Reads a file without throwing: many of them do not exist, and an exception costs more than a read. */
export function tryRead(path: string): Reading {
  const length = fill(path);
  return length < 0 ? { problem: errnoName(-length) } : { text: buffer.toString("utf8", 0, length) };
}

/** The text of a file, or undefined if it does not exist or cannot be read. */
export function readIfThere(path: string): string | undefined {
  const length = fill(path);
  return length < 0 ? undefined : buffer.toString("utf8", 0, length);
}

/** The text of a file. @throws SyscallError ENOENT, EACCES, EISDIR, … */
export function readText(path: string): string {
  const length = filled(path); // first: it may allocate a larger buffer
  return buffer.toString("utf8", 0, length);
}

/** The bytes of a file. @throws SyscallError */
export function readBytes(path: string): Buffer {
  const length = filled(path);
  const bytes = Buffer.allocUnsafeSlow(length);
  buffer.copy(bytes, 0, 0, length);
  return bytes;
}

function filled(path: string): number {
  const length = fill(path);
  if (length < 0) throw new SyscallError("open", openArgs(path, O_RDONLY, 0), -length);
  return length;
}

/** Writes a whole file. @param bits as for `open` @throws SyscallError */
export function writeFile(path: string, data: string | Uint8Array, mode = 0o666, bits = O_WRONLY | O_CREAT | O_TRUNC): void {
  const fd = open(path, bits, mode);
  try {
    const bytes = typeof data === "string" ? bytesOf(data) : data;
    for (let at = 0; at < bytes.length; ) at += write(fd, at === 0 ? bytes : bytes.subarray(at));
  } finally {
    close(fd);
  }
}
