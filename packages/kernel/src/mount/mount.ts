// Mounts. What is mounted into a root that may be hostile goes through a descriptor from `openInRoot`, never through a path.
import { chmodSync, closeSync, constants, mkdirSync, openSync, readlinkSync } from "node:fs";
import { basename, dirname } from "node:path";
import { codeOf, failedWith, ToolError } from "../ffi/errno.ts";
import { declare, declareSyscall, SYS } from "../ffi/libc.ts";
import { flags, quote, sys } from "../ffi/trace.ts";
import { lineValue, type MountInfo, readMountInfo } from "../proc/proc.ts";
import { readIfThere } from "./file.ts";

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
export const MS_PRIVATE = 1 << 18;
export const MS_SLAVE = 1 << 19;
export const MS_SHARED = 1 << 20;
export const MS_RELATIME = 1 << 21;
export const MS_STRICTATIME = 1 << 24;

const MS_FLAGS = {
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
    () => mountC(source, target, type, bits, data),
  );
}

/** umount2(2). */
export function umount2(target: string, bits: number): void {
  sys(
    "umount2",
    () => [quote(target), flags({ MNT_DETACH }, bits)],
    () => umount2C(target, bits),
  );
}

/** pivot_root(2): `newRoot` becomes the root, the old root is mounted on `putOld`. */
export function pivotRoot(newRoot: string, putOld: string): void {
  sys(
    "pivot_root",
    () => [quote(newRoot), quote(putOld)],
    () => pivotRootC(newRoot, putOld),
  );
}

/** fchdir(2). */
export function fchdir(fd: number): void {
  sys(
    "fchdir",
    () => [`${fd}`],
    () => fchdirC(fd),
  );
}

/** chdir(2), traced; process.chdir would ask for the path of the new directory. */
export function chdir(path: string): void {
  sys(
    "chdir",
    () => [quote(path)],
    () => chdirC(path),
  );
}

/** chroot(2). */
export function chroot(path: string): void {
  sys(
    "chroot",
    () => [quote(path)],
    () => chrootC(path),
  );
}

export type Propagation = "private" | "slave" | "shared";

/** Sets the propagation of `/` and of everything below (mount_namespaces(7)). @throws SyscallError EINVAL in a chroot that is no mount point */
export function setPropagation(kind: Propagation): void {
  mount(null, "/", null, MS_REC | { private: MS_PRIVATE, slave: MS_SLAVE, shared: MS_SHARED }[kind]);
}

const AT_EMPTY_PATH = 0x1000;
const AT_RECURSIVE = 0x8000;
const OPEN_TREE_CLONE = 1;
const OPEN_TREE_CLOEXEC = 0o2000000;
const openTreeC = declareSyscall(SYS.open_tree);

/**
 * open_tree(2) with OPEN_TREE_CLONE|AT_RECURSIVE: a copy of what `fd` stands for, with every mount below it, attached nowhere yet.
 *
 * @returns a descriptor of the copy's root, and so of that mount wherever `moveMount` puts it
 */
export function cloneTree(fd: number): number {
  return sys(
    "open_tree",
    () => [`${fd}`, '""', "OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_EMPTY_PATH|AT_RECURSIVE"],
    () => openTreeC(fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE),
  );
}

const MOVE_MOUNT_F_EMPTY_PATH = 4;
const MOVE_MOUNT_T_EMPTY_PATH = 0x40;
const moveMountC = declareSyscall(SYS.move_mount);

/** move_mount(2): attaches a mount to the place that `target` stands for, on top of what is mounted there. */
export function moveMount(fd: number, target: number): void {
  sys(
    "move_mount",
    () => [`${fd}`, '""', `${target}`, '""', "MOVE_MOUNT_F_EMPTY_PATH|MOVE_MOUNT_T_EMPTY_PATH"],
    () => moveMountC(fd, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH),
  );
}

const FSCONFIG_SET_FLAG = 0;
const FSCONFIG_SET_STRING = 1;
const FSCONFIG_CMD_CREATE = 6;
const MOUNT_ATTRS = { MOUNT_ATTR_NOSUID: MS_NOSUID, MOUNT_ATTR_NODEV: MS_NODEV, MOUNT_ATTR_NOEXEC: MS_NOEXEC }; // the same bits
const fsopenC = declareSyscall(SYS.fsopen);
const fsconfigC = declareSyscall(SYS.fsconfig);
const fsmountC = declareSyscall(SYS.fsmount);

/**
 * A new file system, attached nowhere yet: fsopen(2), fsconfig(2), fsmount(2). Its descriptor needs no lookup after the mount,
 * in which somebody could have put another directory under the same name.
 *
 * @param options a value of null is an option without one
 */
export function newMount(type: string, options: Readonly<Record<string, string | null>>, bits: number): number {
  const context = sys(
    "fsopen",
    () => [quote(type), "FSOPEN_CLOEXEC"],
    () => fsopenC(type, 1),
  );
  try {
    for (const [key, value] of Object.entries(options)) {
      sys(
        "fsconfig",
        () => [`${context}`, value === null ? "FSCONFIG_SET_FLAG" : "FSCONFIG_SET_STRING", quote(key), quote(value), "0"],
        () => fsconfigC(context, value === null ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING, key, value, 0),
      );
    }
    sys(
      "fsconfig",
      () => [`${context}`, "FSCONFIG_CMD_CREATE", "NULL", "NULL", "0"],
      () => fsconfigC(context, FSCONFIG_CMD_CREATE, null, null, 0),
    );
    return sys(
      "fsmount",
      () => [`${context}`, "FSMOUNT_CLOEXEC", flags(MOUNT_ATTRS, bits)],
      () => fsmountC(context, 1, bits),
    );
  } finally {
    closeSync(context);
  }
}

const MOUNT_ATTRS_SET = { MOUNT_ATTR_RDONLY: MS_RDONLY, ...MOUNT_ATTRS };
const mountSetattrC = declareSyscall(SYS.mount_setattr);

/**
 * Gives a mount and, if `whole`, every mount below it more of MS_RDONLY, MS_NODEV, MS_NOSUID and MS_NOEXEC, and another propagation:
 * mount_setattr(2), which leaves all other flags as they are. Before Linux 5.12 each mount is remounted by itself, with the flags it
 * has, since a user namespace may not drop a locked one.
 *
 * @param fd a descriptor of the mount's root
 * @param propagation MS_PRIVATE, MS_SLAVE or MS_SHARED; 0 for what it has
 */
export function restrictMount(fd: number, bits: number, whole = true, propagation = 0): void {
  if (bits === 0 && propagation === 0) return;
  const attr = new BigUint64Array([BigInt(bits), 0n, BigInt(propagation), 0n]);
  const how = AT_EMPTY_PATH | (whole ? AT_RECURSIVE : 0);
  const travels = propagation === 0 ? "" : `, propagation=${flags(MS_FLAGS, propagation)}`;
  const what = () => `{attr_set=${flags(MOUNT_ATTRS_SET, bits)}${travels}}`;
  const text = () => [`${fd}`, '""', flags({ AT_EMPTY_PATH, AT_RECURSIVE }, how), what(), "32"];
  try {
    sys("mount_setattr", text, () => mountSetattrC(fd, "", how, new Uint8Array(attr.buffer), 32));
  } catch (error) {
    if (!failedWith(error, "ENOSYS")) throw error;
    if (bits !== 0) remountWith(fd, bits, whole);
    if (propagation !== 0) mount(null, fdPath(fd), null, (whole ? MS_REC : 0) | propagation);
  }
}

/** `restrictMount` with MS_RDONLY alone. */
export const makeReadOnly = (fd: number): void => restrictMount(fd, MS_RDONLY);

/** The MS_* bits of the words in a line of mountinfo. */
const OPTION_FLAGS: Readonly<Record<string, number>> = {
  ro: MS_RDONLY,
  nosuid: MS_NOSUID,
  nodev: MS_NODEV,
  noexec: MS_NOEXEC,
  noatime: MS_NOATIME,
  nodiratime: MS_NODIRATIME,
  relatime: MS_RELATIME,
  nosymfollow: MS_NOSYMFOLLOW,
};

/** The id of the mount that a descriptor lies on, as mountinfo has it (proc_pid_fdinfo(5)). */
export function mountIdOf(fd: number): number {
  return Number(lineValue(readIfThere(`/proc/self/fdinfo/${fd}`) ?? "", "mnt_id:"));
}

/** The line of mountinfo of the mount that a descriptor lies on. */
export function mountOf(fd: number): MountInfo | undefined {
  const mountId = mountIdOf(fd);
  return readMountInfo().find(({ id }) => id === mountId);
}

/** MS_NOSUID, MS_NODEV and MS_NOEXEC as the mount that a descriptor lies on has them. */
export function safetyFlags(fd: number): number {
  const options = mountOf(fd)?.options ?? [];
  return options.reduce((bits, option) => bits | (OPTION_FLAGS[option] ?? 0), 0) & (MS_NOSUID | MS_NODEV | MS_NOEXEC);
}

function remountWith(fd: number, bits: number, whole: boolean): void {
  const top = readlinkSync(fdPath(fd)).replace(/\/$/, "");
  const inside = readMountInfo().filter(({ mountPoint }) => mountPoint === (top || "/") || (whole && mountPoint.startsWith(`${top}/`)));
  for (const { mountPoint, options } of inside) {
    const atime = options.includes("noatime") || options.includes("relatime") ? 0 : MS_STRICTATIME; // mountinfo does not show it
    const kept = options.reduce((bits, option) => bits | (OPTION_FLAGS[option] ?? 0), atime);
    try {
      // A file that is bound over another one is no directory to look for itself in.
      const below = mountPoint === top ? undefined : openInRoot(fd, mountPoint.slice(top.length) || "/");
      try {
        mount(null, fdPath(below ?? fd), null, MS_REMOUNT | MS_BIND | bits | kept);
      } finally {
        if (below !== undefined) closeSync(below);
      }
    } catch (error) {
      // A mount that another one covers has no path any more, and nothing inside can reach it either.
      if (!failedWith(error, "EINVAL", "ENOENT", "EACCES", "ENOTDIR")) throw error;
    }
  }
}

const O_PATH = 0o10000000;
const O_CLOEXEC = 0o2000000;
const RESOLVE_NO_MAGICLINKS = 2;
const RESOLVE_IN_ROOT = 16;
const openat2C = declareSyscall(SYS.openat2);

/**
 * openat2(2) with RESOLVE_IN_ROOT: `path` is looked up as if `root` were `/`, so that neither `..` nor a symbolic link in a
 * hostile rootfs leads out of it (CVE-2021-30465).
 *
 * @returns an O_PATH descriptor
 * @throws SyscallError ENOENT, ENOTDIR, ELOOP; ENOSYS before Linux 5.6
 */
export function openInRoot(root: number, path: string): number {
  const how = new BigUint64Array([BigInt(O_PATH | O_CLOEXEC), 0n, BigInt(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)]);
  const text = () => [`${root}`, quote(path), "{flags=O_PATH|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}", "24"];
  for (let tries = 0; ; tries++) {
    try {
      return sys("openat2", text, () => openat2C(root, path, new Uint8Array(how.buffer), 24));
    } catch (error) {
      if (!failedWith(error, "EAGAIN") || tries > 100) throw error; // a rename crossed the lookup
    }
  }
}

const AT_FDCWD = -100;

/**
 * openat2(2) with RESOLVE_NO_MAGICLINKS, from the working directory and the root that the kernel has for this process: a runtime's own
 * idea of the first may be that of before pivot_root (Bun keeps it).
 *
 * @returns an O_PATH descriptor
 * @throws SyscallError ELOOP for a path that leads through a link of /proc like /proc/PID/exe
 */
export function openWithoutMagicLinks(path: string): number {
  const how = new BigUint64Array([BigInt(O_PATH | O_CLOEXEC), 0n, BigInt(RESOLVE_NO_MAGICLINKS)]);
  return sys(
    "openat2",
    () => ["AT_FDCWD", quote(path), "{flags=O_PATH|O_CLOEXEC, resolve=RESOLVE_NO_MAGICLINKS}", "24"],
    () => openat2C(AT_FDCWD, path, new Uint8Array(how.buffer), 24),
  );
}

/** The name by which a call that takes a path reaches exactly what a descriptor stands for. */
export function fdPath(fd: number): string {
  return `/proc/self/fd/${fd}`;
}

/**
 * chdir(2) to a path that others may have laid out: no link of /proc is followed, since /proc/self/fd/N could lead to a directory of
 * the host that is still open here (CVE-2024-21626).
 *
 * @throws SyscallError ENOENT, ENOTDIR, EACCES; ELOOP for such a link
 */
export function chdirInRoot(path: string): void {
  const root = openSync("/", O_PATH | constants.O_DIRECTORY);
  try {
    const fd = openInRoot(root, path);
    try {
      fchdir(fd);
    } finally {
      closeSync(fd);
    }
  } finally {
    closeSync(root);
  }
}

/** `openInRoot`, making what is missing: a directory, or for a file its directories and an empty file. */
export function makeInRoot(root: number, path: string, kind: "directory" | "file"): number {
  try {
    return openInRoot(root, path);
  } catch (error) {
    if (!failedWith(error, "ENOENT")) throw error;
  }
  const parent = dirname(path) === path ? "/" : dirname(path);
  const above = makeInRoot(root, parent, "directory");
  try {
    const name = basename(path);
    if (name === ".." || name === "." || name === "") throw new ToolError(`${path}: not a place to make a ${kind}`);
    const target = `${fdPath(above)}/${name}`;
    if (kind === "directory") mkdirSync(target, 0o755);
    else closeSync(openSync(target, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o644));
  } catch (error) {
    // EEXIST: somebody was faster, or a dangling symbolic link has the name; the lookup below decides
    if (codeOf(error) !== "EEXIST") throw error;
  } finally {
    closeSync(above);
  }
  return openInRoot(root, path);
}

const mknodC = declare("mknod");
const S_IFCHR = 0o020000;

/** mknod(2) of a character device with exactly this mode, whatever the umask. @throws SyscallError EPERM in a user namespace */
export function makeCharacterDevice(path: string, mode: number, major: number, minor: number): void {
  const device = major * 256 + minor;
  sys(
    "mknod",
    () => [quote(path), `S_IFCHR|0${mode.toString(8)}`, `makedev(${major}, ${minor})`],
    () => mknodC(path, S_IFCHR | mode, device),
  );
  chmodSync(path, mode);
}
