// node:fs of the native programs (scripts/native.mjs puts it there): the calls of it that they use, made by libc. Bun's own module
// takes 1.5 ms to load, as long as six of the system calls that make a container; it is loaded for what is not here. Names, results
// and errors are node:fs's, and tests/nativefs.test.ts compares the two.
import { errnoMeaning } from "./errno.ts";
import { declare, declareSyscall, ERRNO, errno, SYS } from "./libc.ts";

type Fs = typeof import("node:fs");
/** Bun's own. */
const whole = (): Fs => process.getBuiltinModule("node:fs");

export const constants = (process as unknown as { binding(name: string): { fs: Fs["constants"] } }).binding("constants").fs;

const openC = declare("open");
const closeC = declare("close");
const readC = declare("read", "long");
const preadC = declare("pread", "long");
const writeC = declare("write", "long");
const accessC = declare("access");
const statxC = declareSyscall(SYS.statx);
const getdents64C = declareSyscall(SYS.getdents64);
const readlinkC = declare("readlink", "long");
const mkdirC = declare("mkdir");
const chmodC = declare("chmod");
const rmdirC = declare("rmdir");
const unlinkC = declare("unlink");
const renameC = declare("rename");
const symlinkC = declare("symlink");

/** The result of a call, or what node:fs throws. */
function checked(result: number, syscall: string, path?: string, dest?: string): number {
  if (result !== -1) return result;
  const number = errno();
  const { code, text } = errnoMeaning(`${number}`) ?? { code: `E${number}`, text: "unknown error" };
  const at = path === undefined ? "" : dest === undefined ? ` '${path}'` : ` '${path}' -> '${dest}'`;
  const error = new Error(`${code}: ${text.slice(0, 1).toLowerCase()}${text.slice(1)}, ${syscall}${at}`);
  throw Object.assign(error, { errno: -number, code, syscall }, path === undefined ? {} : { path }, dest === undefined ? {} : { dest });
}

/** A path for C, which ends at a NUL. */
function cPath(path: string): string {
  if (!path.includes("\0")) return path;
  const why = `The argument 'path' must be a string, Uint8Array, or URL without null bytes. Received ${JSON.stringify(path)}`;
  throw Object.assign(new TypeError(why), { code: "ERR_INVALID_ARG_VALUE" });
}

const FLAGS: Readonly<Record<string, number>> = {
  r: constants.O_RDONLY,
  "r+": constants.O_RDWR,
  w: constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC,
  wx: constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_EXCL,
  a: constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND,
};
const O_CLOEXEC = 0o2000000; // which node:fs adds too

export function openSync(path: string, flags: string | number = "r", mode = 0o666): number {
  const bits = typeof flags === "number" ? flags : FLAGS[flags];
  if (bits === undefined) return whole().openSync(path, flags, mode);
  return checked(openC(cPath(path), bits | O_CLOEXEC, mode), "open", path);
}

export function closeSync(fd: number): void {
  checked(closeC(fd), "close");
}

export function readSync(
  fd: number,
  buffer: Uint8Array,
  offset = 0,
  length = buffer.length - offset,
  position: number | null = null,
): number {
  const place = buffer.subarray(offset, offset + length);
  return checked(position === null ? readC(fd, place, place.length) : preadC(fd, place, place.length, position), "read");
}

export function writeSync(fd: number, data: string | Uint8Array, offset = 0): number {
  const bytes = typeof data === "string" ? bytesOf(data) : data.subarray(offset);
  return checked(writeC(fd, bytes, bytes.length), "write");
}

/** As Buffer.from, whose first call takes a fifth of a millisecond. */
function bytesOf(text: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  bytes.write(text);
  return bytes;
}

/** What readFileSync reads into; most files are shorter, and their text needs no copy of the bytes. */
let chunk: Buffer | undefined;

export function readFileSync(file: string | number, encoding?: BufferEncoding): string | Buffer {
  const fd = typeof file === "number" ? file : openSync(file);
  try {
    chunk ??= Buffer.allocUnsafeSlow(65536);
    const parts: Buffer[] = [];
    let at = 0;
    for (let length = readSync(fd, chunk); length > 0; length = readSync(fd, chunk, at)) {
      at += length;
      if (at < chunk.length) continue;
      parts.push(Buffer.from(chunk));
      at = 0;
    }
    if (parts.length === 0 && encoding !== undefined) return chunk.toString(encoding, 0, at);
    const bytes = Buffer.concat([...parts, chunk.subarray(0, at)]);
    return encoding === undefined ? bytes : bytes.toString(encoding);
  } finally {
    if (fd !== file) closeSync(fd);
  }
}

export function writeFileSync(
  path: string,
  data: string | Uint8Array,
  { mode = 0o666, flag = "w" }: { readonly mode?: number; readonly flag?: string } = {},
): void {
  const fd = openSync(path, flag, mode);
  try {
    const bytes = typeof data === "string" ? bytesOf(data) : data;
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
  } finally {
    closeSync(fd);
  }
}

export function existsSync(path: string): boolean {
  return !path.includes("\0") && accessC(path, constants.F_OK) === 0;
}

export function accessSync(path: string, mode = constants.F_OK): void {
  checked(accessC(cPath(path), mode), "access", path);
}

const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_EMPTY_PATH = 0x1000;
const STATX_BASIC_STATS = 0x7ff;

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
  if (statxC(fd, cPath(path), flags, STATX_BASIC_STATS, statx) === 0) return new FileStats(statx);
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

const DT_DIR = 4;

/** The names in a directory, in the order that the kernel has them; with `withFileTypes`, entries that tell a directory. */
export function readdirSync(path: string, options: { readonly withFileTypes?: boolean; readonly recursive?: boolean } = {}): unknown[] {
  const { withFileTypes = false, recursive } = options;
  if (recursive) return whole().readdirSync(path, options as { withFileTypes: true });
  const fd = checked(openC(cPath(path), constants.O_RDONLY | constants.O_DIRECTORY | O_CLOEXEC, 0), "scandir", path);
  const dents = Buffer.allocUnsafeSlow(32768); // struct linux_dirent64, one behind the other (getdents(2))
  const entries: unknown[] = [];
  try {
    for (let length = list(fd, dents, path); length > 0; length = list(fd, dents, path)) {
      for (let at = 0; at < length; at += dents.readUInt16LE(at + 16)) {
        const name = dents.toString("utf8", at + 19, dents.indexOf(0, at + 19));
        if (name === "." || name === "..") continue;
        const type = dents[at + 18];
        entries.push(withFileTypes ? { name, isDirectory: () => isDirectory(type, `${path}/${name}`) } : name);
      }
    }
  } finally {
    closeSync(fd);
  }
  return entries;
}

const list = (fd: number, dents: Buffer, path: string) => checked(getdents64C(fd, dents, dents.length), "scandir", path);

/** Some file systems do not tell the type: DT_UNKNOWN, 0. */
const isDirectory = (type: number | undefined, path: string) => (type ? type === DT_DIR : lstatSync(path)?.isDirectory() === true);

export function readlinkSync(path: string): string {
  const text = Buffer.allocUnsafeSlow(4096);
  return text.toString("utf8", 0, checked(readlinkC(cPath(path), text, text.length), "readlink", path));
}

export function mkdirSync(path: string, options: number | { readonly mode?: number; readonly recursive?: boolean } = {}): void {
  if (typeof options === "object" && options.recursive) return void whole().mkdirSync(path, options);
  const mode = typeof options === "number" ? options : (options.mode ?? 0o777);
  checked(mkdirC(cPath(path), mode), "mkdir", path);
}

export function chmodSync(path: string, mode: number): void {
  checked(chmodC(cPath(path), mode), "chmod", path);
}

export function rmdirSync(path: string): void {
  checked(rmdirC(cPath(path)), "rmdir", path);
}

export function unlinkSync(path: string): void {
  checked(unlinkC(cPath(path)), "unlink", path);
}

export function renameSync(path: string, to: string): void {
  checked(renameC(cPath(path), cPath(to)), "rename", path, to);
}

export function symlinkSync(target: string, path: string): void {
  checked(symlinkC(cPath(target), cPath(path)), "symlink", target, path);
}

// Not for every start.
export const chownSync: Fs["chownSync"] = (...args) => whole().chownSync(...args);
export const copyFileSync: Fs["copyFileSync"] = (...args) => whole().copyFileSync(...args);
export const fchownSync: Fs["fchownSync"] = (...args) => whole().fchownSync(...args);
export const realpathSync = (path: string): string => whole().realpathSync(path);
export const rmSync: Fs["rmSync"] = (...args) => whole().rmSync(...args);
export const statfsSync = (path: string) => whole().statfsSync(path);
