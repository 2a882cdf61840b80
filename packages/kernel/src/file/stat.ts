// What is known of a file.
import { SyscallError } from "../ffi/errno.ts";
import { declare, declareSyscall, errno, SYS } from "../ffi/libc.ts";
import { flags, quote, sys, trace, tracer } from "../ffi/trace.ts";

export const X_OK = 1;
export const W_OK = 2;
export const R_OK = 4;

const S_IFMT = 0o170000;
const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_EMPTY_PATH = 0x1000;
const STATX_BASIC_STATS = 0x7ff;
const ENOENT = 2;
const ENOTDIR = 20;

const statxC = declareSyscall(SYS.statx);
const accessC = declare("access");
const statfsC = declare("statfs");

/** A struct stat; device numbers as stat(2) has them. */
export class Stat {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
  readonly ino: number;
  readonly size: number;
  readonly rdev: number;
  readonly dev: number;

  /** @param statx a struct statx (linux/stat.h) */
  constructor(statx: Buffer) {
    this.uid = statx.readUInt32LE(20);
    this.gid = statx.readUInt32LE(24);
    this.mode = statx.readUInt16LE(28);
    this.ino = statx.readUInt32LE(32) + statx.readUInt32LE(36) * 2 ** 32;
    this.size = statx.readUInt32LE(40) + statx.readUInt32LE(44) * 2 ** 32;
    this.rdev = makedev(statx.readUInt32LE(128), statx.readUInt32LE(132));
    this.dev = makedev(statx.readUInt32LE(136), statx.readUInt32LE(140));
  }

  isFile(): boolean {
    return (this.mode & S_IFMT) === 0o100000;
  }
  isDirectory(): boolean {
    return (this.mode & S_IFMT) === 0o040000;
  }
  isSymbolicLink(): boolean {
    return (this.mode & S_IFMT) === 0o120000;
  }
  isCharacterDevice(): boolean {
    return (this.mode & S_IFMT) === 0o020000;
  }
  isBlockDevice(): boolean {
    return (this.mode & S_IFMT) === 0o060000;
  }
  isFIFO(): boolean {
    return (this.mode & S_IFMT) === 0o010000;
  }
  isSocket(): boolean {
    return (this.mode & S_IFMT) === 0o140000;
  }
}

/** Correct for majors below 4096 (linux/kdev_t.h, new_encode_dev). */
function makedev(major: number, minor: number): number {
  return (minor & 0xff) + major * 0x100 + (minor >>> 8) * 0x100000;
}

/** One buffer is enough: its contents are copied out before the next call. */
const struct = Buffer.allocUnsafeSlow(256);

function find(fd: number, path: string, flags: number): Stat | number {
  const code = statxC(fd, path, flags, STATX_BASIC_STATS, struct) === 0 ? 0 : errno();
  if (tracer.mode !== "off") trace(NAMES[flags] ?? "stat", [flags === AT_EMPTY_PATH ? `${fd}` : quote(path)], code === 0 ? 0 : -1, code);
  return code === 0 ? new Stat(struct) : code;
}

const NAMES: Readonly<Record<number, string>> = { [AT_EMPTY_PATH]: "fstat", [AT_SYMLINK_NOFOLLOW]: "lstat" };

function found(result: Stat | number, syscall: string, what: string | number): Stat {
  if (typeof result === "number") throw new SyscallError(syscall, [typeof what === "number" ? `${what}` : quote(what)], result);
  return result;
}

function foundOrNot(result: Stat | number, syscall: string, path: string): Stat | undefined {
  return result === ENOENT || result === ENOTDIR ? undefined : found(result, syscall, path);
}

/** stat(2). @throws SyscallError */
export function stat(path: string): Stat {
  return found(find(AT_FDCWD, path, 0), "stat", path);
}

/** stat(2); undefined if the file does not exist. @throws SyscallError EACCES, ELOOP, … */
export function statIfThere(path: string): Stat | undefined {
  return foundOrNot(find(AT_FDCWD, path, 0), "stat", path);
}

/** lstat(2): of a symbolic link itself; undefined if it does not exist. @throws SyscallError */
export function lstatIfThere(path: string): Stat | undefined {
  return foundOrNot(find(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW), "lstat", path);
}

/** fstat(2). @throws SyscallError EBADF */
export function fstat(fd: number): Stat {
  return found(find(fd, "", AT_EMPTY_PATH), "fstat", fd);
}

/** access(2): may the real user do this with the file? @throws SyscallError EACCES, EROFS, … */
export function access(path: string, mode: number): void {
  sys("access", () => [quote(path), flags({ R_OK, W_OK, X_OK }, mode)], accessC(path, mode));
}

/** True for a file that exists and can be reached. */
export function exists(path: string): boolean {
  const result = accessC(path, 0);
  if (tracer.mode !== "off") trace("access", [quote(path), "F_OK"], result, result === -1 ? errno() : 0);
  return result === 0;
}

/** A struct statfs: sizes in blocks of `bsize` bytes. */
export interface StatFs {
  /** One of the magic numbers of statfs(2). */
  readonly type: number;
  readonly bsize: number;
  readonly blocks: number;
  readonly bfree: number;
  readonly files: number;
  readonly ffree: number;
}

/** statfs(2): the file system on which a file is. @throws SyscallError */
export function statfs(path: string): StatFs {
  const bytes = new BigInt64Array(32);
  sys("statfs", () => [quote(path)], statfsC(path, new Uint8Array(bytes.buffer)));
  const [type = 0, bsize = 0, blocks = 0, bfree = 0, , files = 0, ffree = 0] = [...bytes].map(Number);
  return { type, bsize, blocks, bfree, files, ffree };
}
