// Mounts by descriptors: open_tree(2), move_mount(2), fsopen(2), mount_setattr(2).

import { failedWith } from "../ffi/errno.ts";
import { declareSyscall, SYS } from "../ffi/libc.ts";
import { flags, quote, sys } from "../ffi/trace.ts";
import { readlink } from "../file/directory.ts";
import { close, readIfThere } from "../file/open.ts";
import { lineValue, type MountInfo, readMountInfo } from "../proc/proc.ts";
import { attributeNames } from "./attributes.ts";
import { fdPath, openInRoot } from "./inroot.ts";
import {
  MS_BIND,
  MS_FLAGS,
  MS_NOATIME,
  MS_NODEV,
  MS_NODIRATIME,
  MS_NOEXEC,
  MS_NOSUID,
  MS_NOSYMFOLLOW,
  MS_RDONLY,
  MS_REC,
  MS_RELATIME,
  MS_REMOUNT,
  MS_STRICTATIME,
  mount,
} from "./mount.ts";

const AT_EMPTY_PATH = 0x1000;
const AT_RECURSIVE = 0x8000;
const OPEN_TREE_CLONE = 1;
const OPEN_TREE_CLOEXEC = 0o2000000;
const openTreeC = declareSyscall(SYS.open_tree);

/**
 * open_tree(2) with OPEN_TREE_CLONE|AT_RECURSIVE: a copy of what `fd` stands for, with every mount below it, not attached yet.
 *
 * @returns a descriptor of the copy's root, which stays valid wherever `moveMount` puts it
 */
export function cloneTree(fd: number): number {
  return sys(
    "open_tree",
    () => [`${fd}`, '""', "OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_EMPTY_PATH|AT_RECURSIVE"],
    openTreeC(fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE),
  );
}

const MOVE_MOUNT_F_EMPTY_PATH = 4;
const MOVE_MOUNT_T_EMPTY_PATH = 0x40;
const moveMountC = declareSyscall(SYS.move_mount);

/** move_mount(2): attaches a mount at the place that `target` stands for, on top of what is mounted there. */
export function moveMount(fd: number, target: number): void {
  sys(
    "move_mount",
    () => [`${fd}`, '""', `${target}`, '""', "MOVE_MOUNT_F_EMPTY_PATH|MOVE_MOUNT_T_EMPTY_PATH"],
    moveMountC(fd, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH),
  );
}

const FSCONFIG_SET_FLAG = 0;
const FSCONFIG_SET_STRING = 1;
const FSCONFIG_CMD_CREATE = 6;
const fsopenC = declareSyscall(SYS.fsopen);
const fsconfigC = declareSyscall(SYS.fsconfig);
const fsmountC = declareSyscall(SYS.fsmount);

/**
 * A new file system, not attached yet: fsopen(2), fsconfig(2), fsmount(2). Its descriptor needs no later lookup, in which another directory
 * could have taken the name.
 *
 * @param options null is an option without a value
 * @param bits MOUNT_ATTR_*; MS_RDONLY, MS_NOSUID, MS_NODEV and MS_NOEXEC have the same values
 */
export function newMount(type: string, options: Readonly<Record<string, string | null>>, bits: number): number {
  const context = sys("fsopen", () => [quote(type), "FSOPEN_CLOEXEC"], fsopenC(type, 1));
  try {
    for (const [key, value] of Object.entries(options)) {
      sys(
        "fsconfig",
        () => [`${context}`, value === null ? "FSCONFIG_SET_FLAG" : "FSCONFIG_SET_STRING", quote(key), quote(value), "0"],
        fsconfigC(context, value === null ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING, key, value, 0),
      );
    }
    sys(
      "fsconfig",
      () => [`${context}`, "FSCONFIG_CMD_CREATE", "NULL", "NULL", "0"],
      fsconfigC(context, FSCONFIG_CMD_CREATE, null, null, 0),
    );
    return sys("fsmount", () => [`${context}`, "FSMOUNT_CLOEXEC", attributeNames(bits)], fsmountC(context, 1, bits));
  } finally {
    close(context);
  }
}

const mountSetattrC = declareSyscall(SYS.mount_setattr);

/**
 * Adds MS_RDONLY, MS_NODEV, MS_NOSUID or MS_NOEXEC to a mount and, if `whole`, to every mount below it, and sets the propagation.
 * mount_setattr(2) leaves all other flags as they are. Before Linux 5.12 each mount is remounted with the flags it has, since a user
 * namespace may not drop a locked one.
 *
 * @param fd a descriptor of the mount's root
 * @param propagation MS_PRIVATE, MS_SLAVE or MS_SHARED; 0 leaves it
 */
export function restrictMount(fd: number, bits: number, whole = true, propagation = 0): void {
  if (bits === 0 && propagation === 0) return;
  const attr = new BigUint64Array([BigInt(bits), 0n, BigInt(propagation), 0n]);
  const how = AT_EMPTY_PATH | (whole ? AT_RECURSIVE : 0);
  const travels = propagation === 0 ? "" : `, propagation=${flags(MS_FLAGS, propagation)}`;
  const what = () => `{attr_set=${attributeNames(bits)}${travels}}`;
  const text = () => [`${fd}`, '""', flags({ AT_EMPTY_PATH, AT_RECURSIVE }, how), what(), "32"];
  try {
    sys("mount_setattr", text, mountSetattrC(fd, "", how, new Uint8Array(attr.buffer), 32));
  } catch (error) {
    if (!failedWith(error, "ENOSYS")) throw error;
    if (bits !== 0) remountWith(fd, bits, whole);
    if (propagation !== 0) mount(null, fdPath(fd), null, (whole ? MS_REC : 0) | propagation);
  }
}

/** `restrictMount` with only MS_RDONLY. */
export const makeReadOnly = (fd: number): void => restrictMount(fd, MS_RDONLY);

/** The MS_* bits of the option words in mountinfo. */
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

/** The id of the mount that a descriptor is on, as in mountinfo (proc_pid_fdinfo(5)). */
export function mountIdOf(fd: number): number {
  return Number(lineValue(readIfThere(`/proc/self/fdinfo/${fd}`) ?? "", "mnt_id:"));
}

/** The mountinfo line of the mount that a descriptor is on. */
export function mountOf(fd: number): MountInfo | undefined {
  const mountId = mountIdOf(fd);
  return readMountInfo().find(({ id }) => id === mountId);
}

/** MS_NOSUID, MS_NODEV and MS_NOEXEC of the mount that a descriptor is on. */
export function safetyFlags(fd: number): number {
  const options = mountOf(fd)?.options ?? [];
  return options.reduce((bits, option) => bits | (OPTION_FLAGS[option] ?? 0), 0) & (MS_NOSUID | MS_NODEV | MS_NOEXEC);
}

function remountWith(fd: number, bits: number, whole: boolean): void {
  const top = readlink(fdPath(fd)).replace(/\/$/, "");
  const inside = readMountInfo().filter(({ mountPoint }) => mountPoint === (top || "/") || (whole && mountPoint.startsWith(`${top}/`)));
  for (const { mountPoint, options } of inside) {
    const atime = options.includes("noatime") || options.includes("relatime") ? 0 : MS_STRICTATIME; // mountinfo does not show it
    const kept = options.reduce((bits, option) => bits | (OPTION_FLAGS[option] ?? 0), atime);
    try {
      // A file bound over another one cannot be looked up as a directory.
      const below = mountPoint === top ? undefined : openInRoot(fd, mountPoint.slice(top.length) || "/");
      try {
        mount(null, fdPath(below ?? fd), null, MS_REMOUNT | MS_BIND | bits | kept);
      } finally {
        if (below !== undefined) close(below);
      }
    } catch (error) {
      // A mount that another one covers has no path any more; nothing inside can reach it either.
      if (!failedWith(error, "EINVAL", "ENOENT", "EACCES", "ENOTDIR")) throw error;
    }
  }
}
