// Mounts. In a root that may be hostile, mounts go through a descriptor from `openInRoot`, never through a path.

import { declare, declareSyscall, SYS } from "../ffi/libc.ts";
import { flags, quote, sys } from "../ffi/trace.ts";
import { chmod } from "../file/directory.ts";

export const MS_RDONLY = 1;
export const MS_NOSUID = 2;
export const MS_NODEV = 4;
export const MS_NOEXEC = 8;
export const MS_REMOUNT = 32;
export const MS_NOSYMFOLLOW = 256;
export const MS_NOATIME = 1024;
export const MS_NODIRATIME = 2048;
export const MS_BIND = 4096;
export const MS_REC = 16384;
export const MS_UNBINDABLE = 1 << 17;
export const MS_PRIVATE = 1 << 18;
export const MS_SLAVE = 1 << 19;
export const MS_SHARED = 1 << 20;
export const MS_RELATIME = 1 << 21;
export const MS_STRICTATIME = 1 << 24;

export const MS_FLAGS = {
  MS_RDONLY,
  MS_NOSUID,
  MS_NODEV,
  MS_NOEXEC,
  MS_REMOUNT,
  MS_NOSYMFOLLOW,
  MS_NOATIME,
  MS_NODIRATIME,
  MS_BIND,
  MS_REC,
  MS_UNBINDABLE,
  MS_PRIVATE,
  MS_SLAVE,
  MS_SHARED,
  MS_RELATIME,
  MS_STRICTATIME,
};
export const MNT_DETACH = 2;

const mountC = declare("mount");
const umount2C = declare("umount2");
const pivotRootC = declareSyscall(SYS.pivot_root);
const fchdirC = declare("fchdir");
const chdirC = declare("chdir");
const chrootC = declare("chroot");

/** mount(2). */
export function mount(source: string | null, target: string, type: string | null, bits: number, data: string | null = null): void {
  sys(
    "mount",
    () => [quote(source), quote(target), quote(type), flags(MS_FLAGS, bits), quote(data)],
    mountC(source, target, type, bits, data),
  );
}

/** umount2(2). */
export function umount2(target: string, bits: number): void {
  sys("umount2", () => [quote(target), flags({ MNT_DETACH }, bits)], umount2C(target, bits));
}

/** pivot_root(2): `newRoot` becomes the root, the old root is mounted on `putOld`. */
export function pivotRoot(newRoot: string, putOld: string): void {
  sys("pivot_root", () => [quote(newRoot), quote(putOld)], pivotRootC(newRoot, putOld));
}

/** fchdir(2). */
export function fchdir(fd: number): void {
  sys("fchdir", () => [`${fd}`], fchdirC(fd));
}

/** chdir(2), traced; process.chdir would also ask for the new directory's path. */
export function chdir(path: string): void {
  sys("chdir", () => [quote(path)], chdirC(path));
}

/** chroot(2). */
export function chroot(path: string): void {
  sys("chroot", () => [quote(path)], chrootC(path));
}

export type Propagation = "private" | "slave" | "shared";

/**
 * Sets the propagation of `/` and of everything below (mount_namespaces(7)). @throws SyscallError EINVAL in a chroot that is not a mount
 * point
 */
export function setPropagation(kind: Propagation): void {
  setRootPropagation(`r${kind}`);
}

const PROPAGATIONS = {
  private: MS_PRIVATE,
  slave: MS_SLAVE,
  shared: MS_SHARED,
  unbindable: MS_UNBINDABLE,
  rprivate: MS_REC | MS_PRIVATE,
  rslave: MS_REC | MS_SLAVE,
  rshared: MS_REC | MS_SHARED,
  runbindable: MS_REC | MS_UNBINDABLE,
};
/** A leading `r` means everything below too. */
export type RootPropagation = keyof typeof PROPAGATIONS;
export const isRootPropagation = (word: string): word is RootPropagation => Object.hasOwn(PROPAGATIONS, word);

/** Sets the propagation of `/`. */
export function setRootPropagation(kind: RootPropagation): void {
  mount(null, "/", null, PROPAGATIONS[kind]);
}

const mknodC = declare("mknod");
const S_IFCHR = 0o020000;

/** mknod(2) of a character device with exactly this mode, whatever the umask is. @throws SyscallError EPERM in a user namespace */
export function makeCharacterDevice(path: string, mode: number, major: number, minor: number): void {
  const device = major * 256 + minor;
  sys("mknod", () => [quote(path), `S_IFCHR|0${mode.toString(8)}`, `makedev(${major}, ${minor})`], mknodC(path, S_IFCHR | mode, device));
  chmod(path, mode);
}

/** A character device (also `u`, an unbuffered one), a block device, or a FIFO, which has no device numbers. */
export type NodeType = "c" | "u" | "b" | "p";

/** mknod(2); the umask applies. @throws SyscallError EEXIST; EPERM for a device in a user namespace */
export function makeNode(path: string, type: NodeType, mode: number, major: number, minor: number): void {
  const [name, bits] = {
    c: ["S_IFCHR", 0o20000] as const,
    u: ["S_IFCHR", 0o20000] as const,
    b: ["S_IFBLK", 0o60000] as const,
    p: ["S_IFIFO", 0o10000] as const,
  }[type];
  const device = type === "p" ? 0 : ((minor & 0xff) | ((major & 0xfff) << 8) | ((minor & 0xfff00) << 12)) >>> 0; // makedev(3)
  sys(
    "mknod",
    () => [quote(path), `${name}|0${mode.toString(8)}`, ...(type === "p" ? [] : [`makedev(${major}, ${minor})`])],
    mknodC(path, bits | mode, device),
  );
}

/** mknod(2) of a FIFO. @throws SyscallError EEXIST */
export const makeFifo = (path: string, mode: number): void => makeNode(path, "p", mode, 0, 0);
