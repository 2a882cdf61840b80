// System calls on a name in an open directory. Names are bytes, which need not be UTF-8. Symbolic links are not followed.

import { SyscallError } from "../ffi/errno.ts";
import { declare, declareSyscall, errno, SYS } from "../ffi/libc.ts";
import { quote, sys } from "../ffi/trace.ts";
import { O_CLOEXEC } from "./open.ts";
import { Stat } from "./stat.ts";

/** The bytes of a name or path, with a NUL at the end. */
export type Bytes = Uint8Array;

/**
 * The C string of a name in which each character is a byte (latin1). @throws SyscallError EINVAL if it has a NUL, where C would cut it off
 */
export function bytesOf(binary: string): Bytes {
  if (binary.includes("\0")) throw new SyscallError("open", [quote(textOf(binary))], 22);
  return Buffer.from(`${binary}\0`, "latin1");
}

/** Such a name as text, to be shown. */
export const textOf = (binary: string): string => Buffer.from(binary, "latin1").toString();

const shown = (name: Bytes) => quote(Buffer.from(name.subarray(0, -1)).toString());
const mkdiratC = declare("mkdirat");
const openatC = declare("openat");
const symlinkatC = declare("symlinkat");
const linkatC = declare("linkat");
const mknodatC = declare("mknodat");
const unlinkatC = declare("unlinkat");
const fchownatC = declare("fchownat");
const fchmodC = declare("fchmod");
const utimensatC = declare("utimensat");
const fsetxattrC = declare("fsetxattr");
const readlinkatC = declare("readlinkat", "long");
const statxC = declareSyscall(SYS.statx);

const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_REMOVEDIR = 0x200;
const AT_EMPTY_PATH = 0x1000;
const STATX_BASIC_STATS = 0x7ff;
const ENOENT = 2;

const call = (name: string, dir: number, path: Bytes, more: readonly (string | number)[], result: number) =>
  sys(name, () => [`${dir}`, shown(path), ...more.map(String)], result);

/** mkdirat(2). @throws SyscallError EEXIST, … */
export function mkdirAt(dir: number, name: Bytes, mode: number): void {
  call("mkdirat", dir, name, [`0${mode.toString(8)}`], mkdiratC(dir, name, mode));
}

/** openat(2), with O_CLOEXEC. @throws SyscallError ELOOP with O_NOFOLLOW for a symbolic link, … */
export function openAt(dir: number, name: Bytes, bits: number, mode = 0o600): number {
  return call(
    "openat",
    dir,
    name,
    [`0${(bits | O_CLOEXEC).toString(8)}`, `0${mode.toString(8)}`],
    openatC(dir, name, bits | O_CLOEXEC, mode),
  );
}

/** symlinkat(2): makes `name` a link to `target`. @throws SyscallError EEXIST, … */
export function symlinkAt(target: Bytes, dir: number, name: Bytes): void {
  call("symlinkat", dir, name, [shown(target)], symlinkatC(target, dir, name));
}

/** readlinkat(2), each byte a character. @throws SyscallError EINVAL for anything but a symbolic link */
export function readlinkAt(dir: number, name: Bytes): string {
  const target = Buffer.allocUnsafeSlow(4096);
  const length = call("readlinkat", dir, name, [], readlinkatC(dir, name, target, target.length));
  return target.toString("latin1", 0, length);
}

/** linkat(2): `name` in `dir` becomes one more name of `oldName` in `oldDir`; a symbolic link itself is linked. @throws SyscallError */
export function linkAt(oldDir: number, oldName: Bytes, dir: number, name: Bytes): void {
  call("linkat", oldDir, oldName, [dir, shown(name)], linkatC(oldDir, oldName, dir, name, 0));
}

/** mknodat(2). @param mode with the file type @throws SyscallError EPERM for a device without CAP_MKNOD, … */
export function mknodAt(dir: number, name: Bytes, mode: number, major: number, minor: number): void {
  const device = ((minor & 0xff) | ((major & 0xfff) << 8) | ((minor & 0xfff00) << 12)) >>> 0; // makedev(3)
  call("mknodat", dir, name, [`0${mode.toString(8)}`, `makedev(${major}, ${minor})`], mknodatC(dir, name, mode, device));
}

/** unlinkat(2). @throws SyscallError ENOENT, … */
export function unlinkAt(dir: number, name: Bytes, isDirectory = false): void {
  const bits = isDirectory ? AT_REMOVEDIR : 0;
  call("unlinkat", dir, name, [isDirectory ? "AT_REMOVEDIR" : 0], unlinkatC(dir, name, bits));
}

/**
 * fchownat(2); a symbolic link itself is changed; an empty name is the open file. @throws SyscallError EPERM; EINVAL for an id that the
 * user namespace does not map
 */
export function chownAt(dir: number, name: Bytes, uid: number, gid: number): void {
  const bits = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH;
  call("fchownat", dir, name, [uid, gid, "AT_SYMLINK_NOFOLLOW|AT_EMPTY_PATH"], fchownatC(dir, name, uid, gid, bits));
}

/** fchmod(2). @throws SyscallError EPERM, … */
export function fchmod(fd: number, mode: number): void {
  sys("fchmod", () => [`${fd}`, `0${mode.toString(8)}`], fchmodC(fd, mode));
}

/**
 * utimensat(2): access and modification time; a symbolic link itself is changed. @param nanoseconds since the epoch @throws SyscallError
 */
export function setTimesAt(dir: number, name: Bytes, nanoseconds: bigint): void {
  const second = 1_000_000_000n;
  const rest = ((nanoseconds % second) + second) % second;
  const time = [(nanoseconds - rest) / second, rest];
  const times = new BigInt64Array([...time, ...time]);
  call(
    "utimensat",
    dir,
    name,
    [`${time}`, "AT_SYMLINK_NOFOLLOW"],
    utimensatC(dir, name, new Uint8Array(times.buffer), AT_SYMLINK_NOFOLLOW),
  );
}

/** fsetxattr(2). @throws SyscallError EPERM; EOPNOTSUPP if the file system has no attributes */
export function setAttribute(fd: number, name: string, value: Uint8Array): void {
  sys("fsetxattr", () => [`${fd}`, quote(name), `${value.length} bytes`], fsetxattrC(fd, name, value, value.length, 0));
}

/** fstatat(2) of a name, of a symbolic link itself; an empty name is the directory. undefined if it does not exist. @throws SyscallError */
export function statAt(dir: number, name: Bytes): (Stat & { readonly mtime: bigint }) | undefined {
  const statx = Buffer.allocUnsafeSlow(256);
  if (statxC(dir, name, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, STATX_BASIC_STATS, statx) === -1) {
    const code = errno();
    if (code === ENOENT) return undefined;
    throw new SyscallError("statx", [`${dir}`, shown(name)], code);
  }
  return Object.assign(new Stat(statx), { mtime: statx.readBigInt64LE(112) * 1_000_000_000n + BigInt(statx.readUInt32LE(120)) });
}
