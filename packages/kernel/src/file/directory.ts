// Directories and the names in them.
import { SyscallError } from "../ffi/errno.ts";
import { declare, declareSyscall, errno, SYS } from "../ffi/libc.ts";
import { quote, sys, trace, tracer } from "../ffi/trace.ts";
import { close, O_DIRECTORY, O_RDONLY, open } from "./open.ts";
import { dirname } from "./path.ts";
import { exists, lstatIfThere } from "./stat.ts";

const getdents64C = declareSyscall(SYS.getdents64);
const readlinkC = declare("readlink", "long");
const mkdirC = declare("mkdir");
const rmdirC = declare("rmdir");
const unlinkC = declare("unlink");
const renameC = declare("rename");
const symlinkC = declare("symlink");
const chmodC = declare("chmod");
const chownC = declare("chown");
const fchownC = declare("fchown");

const DT_UNKNOWN = 0; // some file systems do not report types
const DT_DIR = 4;
const ENOENT = 2;

const dents = Buffer.allocUnsafeSlow(32768); // struct linux_dirent64, one after the other (getdents(2))
const target = Buffer.allocUnsafeSlow(4096);

/** Calls `entry` with each name in a directory but `.` and `..`, and its type. @throws SyscallError ENOENT, ENOTDIR, EACCES */
function list(path: string, entry: (name: string, type: number) => void, encoding: "utf8" | "latin1" = "utf8"): void {
  const fd = open(path, O_RDONLY | O_DIRECTORY);
  try {
    for (;;) {
      const length = getdents64C(fd, dents, dents.length);
      if (length === -1) {
        const code = errno();
        if (code === ENOENT) return; // removed since it was opened, so it is empty (getdents(2))
        throw new SyscallError("getdents64", [`${fd}`], code);
      }
      if (length === 0) return;
      for (let at = 0; at < length; at += dents.readUInt16LE(at + 16)) {
        const name = dents.toString(encoding, at + 19, dents.indexOf(0, at + 19));
        if (name !== "." && name !== "..") entry(name, dents.readUInt8(at + 18));
      }
    }
  } finally {
    close(fd);
  }
}

/** The names in a directory, unordered. @throws SyscallError ENOENT, ENOTDIR, EACCES */
export function readdir(path: string): string[] {
  const names: string[] = [];
  list(path, (name) => names.push(name));
  return names;
}

/** The same names, each byte a character. @throws SyscallError ENOENT, ENOTDIR, EACCES */
export function readdirBytes(path: string): string[] {
  const names: string[] = [];
  list(path, (name) => names.push(name), "latin1");
  return names;
}

/** The names of the directories in a directory. @throws SyscallError ENOENT, ENOTDIR, EACCES */
export function subdirectories(path: string): string[] {
  const names: string[] = [];
  list(path, (name, type) => {
    if (type === DT_DIR || (type === DT_UNKNOWN && lstatIfThere(`${path}/${name}`)?.isDirectory())) names.push(name);
  });
  return names;
}

/** readlink(2). @throws SyscallError ENOENT, EINVAL for anything but a symbolic link */
export function readlink(path: string): string {
  const length = sys("readlink", () => [quote(path)], readlinkC(path, target, target.length));
  return target.toString("utf8", 0, length);
}

/** The same; undefined if there is no link, or it cannot be read. */
export function readlinkIfThere(path: string): string | undefined {
  const length = readlinkC(path, target, target.length);
  if (tracer.mode !== "off") trace("readlink", [quote(path)], length, length === -1 ? errno() : 0);
  return length === -1 ? undefined : target.toString("utf8", 0, length);
}

/** mkdir(2). @throws SyscallError EEXIST, … */
export function mkdir(path: string, mode = 0o777): void {
  sys("mkdir", () => [quote(path), `0${mode.toString(8)}`], mkdirC(path, mode));
}

/** mkdir(2) of a directory and its missing parents. @throws SyscallError EEXIST, … */
export function makeDirectories(path: string, mode: number): void {
  const above = dirname(path);
  if (above !== path && !exists(above)) makeDirectories(above, mode);
  mkdir(path, mode);
}

/** rmdir(2). @throws SyscallError ENOTEMPTY, EBUSY, … */
export function rmdir(path: string): void {
  sys("rmdir", () => [quote(path)], rmdirC(path));
}

/** unlink(2). @throws SyscallError ENOENT, … */
export function unlink(path: string): void {
  sys("unlink", () => [quote(path)], unlinkC(path));
}

/** rename(2). @throws SyscallError ENOENT, ENOTEMPTY, … */
export function rename(from: string, to: string): void {
  sys("rename", () => [quote(from), quote(to)], renameC(from, to));
}

/** symlink(2): makes `path` a link to `target`. @throws SyscallError EEXIST, … */
export function symlink(target: string, path: string): void {
  sys("symlink", () => [quote(target), quote(path)], symlinkC(target, path));
}

/** chmod(2). @throws SyscallError EPERM, … */
export function chmod(path: string, mode: number): void {
  sys("chmod", () => [quote(path), `0${mode.toString(8)}`], chmodC(path, mode));
}

/** chown(2). @throws SyscallError EPERM, … */
export function chown(path: string, uid: number, gid: number): void {
  sys("chown", () => [quote(path), `${uid}`, `${gid}`], chownC(path, uid, gid));
}

/** fchown(2). @throws SyscallError EPERM, … */
export function fchown(fd: number, uid: number, gid: number): void {
  sys("fchown", () => [`${fd}`, `${uid}`, `${gid}`], fchownC(fd, uid, gid));
}
