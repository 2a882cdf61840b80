// node:fs: what is known of a file.
import { declare, declareSyscall, ERRNO, errno, SYS } from "../libc.ts";
import { checked, constants, cPath, whole } from "./common.ts";

const accessC = declare("access");
const statxC = declareSyscall(SYS.statx);

export function existsSync(path: string): boolean {
  return !path.includes("\0") && accessC(path, constants.F_OK) === 0;
}

export function accessSync(path: string, mode = constants.F_OK): void {
  checked(accessC(cPath(path), mode), "access", path);
}

const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_EMPTY_PATH = 0x1000;
const STATX_ALL = 0xfff;

/** node:fs's Stats, but for its dates, out of a struct statx (linux/stat.h). */
class FileStats {
  readonly blksize: number;
  readonly nlink: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly ino: number;
  readonly size: number;
  readonly blocks: number;
  readonly rdev: number;
  readonly dev: number;
  readonly atimeMs: number;
  readonly birthtimeMs: number;
  readonly ctimeMs: number;
  readonly mtimeMs: number;

  constructor(statx: Buffer) {
    this.blksize = statx.readUInt32LE(4);
    this.nlink = statx.readUInt32LE(16);
    this.uid = statx.readUInt32LE(20);
    this.gid = statx.readUInt32LE(24);
    this.mode = statx.readUInt16LE(28);
    this.ino = Number(statx.readBigUInt64LE(32));
    this.size = Number(statx.readBigUInt64LE(40));
    this.blocks = Number(statx.readBigUInt64LE(48));
    [this.atimeMs, this.birthtimeMs, this.ctimeMs, this.mtimeMs] = [time(statx, 64), time(statx, 80), time(statx, 96), time(statx, 112)];
    this.rdev = makedev(statx.readUInt32LE(128), statx.readUInt32LE(132));
    this.dev = makedev(statx.readUInt32LE(136), statx.readUInt32LE(140));
  }

  is(type: number): boolean {
    return (this.mode & constants.S_IFMT) === type;
  }
  isFile(): boolean {
    return this.is(constants.S_IFREG);
  }
  isDirectory(): boolean {
    return this.is(constants.S_IFDIR);
  }
  isSymbolicLink(): boolean {
    return this.is(constants.S_IFLNK);
  }
  isCharacterDevice(): boolean {
    return this.is(constants.S_IFCHR);
  }
  isBlockDevice(): boolean {
    return this.is(constants.S_IFBLK);
  }
  isFIFO(): boolean {
    return this.is(constants.S_IFIFO);
  }
  isSocket(): boolean {
    return this.is(constants.S_IFSOCK);
  }
}

/** Milliseconds of a struct statx_timestamp. */
function time(statx: Buffer, at: number): number {
  return Number(statx.readBigInt64LE(at)) * 1000 + statx.readUInt32LE(at + 8) / 1e6;
}

/** A device number as stat(2) has it (linux/kdev_t.h, new_encode_dev), for majors below 4096. */
function makedev(major: number, minor: number): number {
  return (minor & 0xff) + major * 0x100 + (minor >>> 8) * 0x100000;
}

interface StatOptions {
  readonly throwIfNoEntry?: boolean;
  readonly bigint?: boolean;
}

function stat(syscall: "stat" | "lstat" | "fstat", fd: number, path: string, flags: number, missing: boolean): FileStats | undefined {
  const statx = Buffer.allocUnsafeSlow(256);
  if (statxC(fd, cPath(path), flags, STATX_ALL, statx) === 0) return new FileStats(statx);
  if (missing && errno() === ERRNO["ENOENT"]) return undefined;
  return void checked(-1, syscall, path || undefined);
}

export function statSync(path: string, { throwIfNoEntry = true, bigint = false }: StatOptions = {}): unknown {
  if (bigint) return whole().statSync(path, { throwIfNoEntry, bigint });
  return stat("stat", AT_FDCWD, path, 0, !throwIfNoEntry);
}

export function lstatSync(path: string, { throwIfNoEntry = true }: StatOptions = {}): FileStats | undefined {
  return stat("lstat", AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, !throwIfNoEntry);
}

export function fstatSync(fd: number): FileStats | undefined {
  return stat("fstat", fd, "", AT_EMPTY_PATH, false);
}
