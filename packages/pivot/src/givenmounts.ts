// Plan to kernel calls: mounts of any type, as they were given.
import {
  cgroupOf,
  cloneMount,
  cloneTree,
  close,
  deviceOf,
  failedWith,
  findHierarchy,
  fstat,
  groupDirectory,
  MOUNT_ATTR,
  MS_PRIVATE,
  moveMount,
  newMount,
  O_DIRECTORY,
  O_PATH,
  open,
  resolve,
  restrictMount,
  setMountAttributes,
  ToolError,
} from "@contain-tools/kernel";
import type { Plan } from "./cli.ts";
import { copyUp } from "./copyup.ts";
import { isBasicDevice } from "./dev.ts";
import { type Given, withAttribute } from "./fstab.ts";
import { mountAt } from "./place.ts";

/** Makes one mount. @param source for a bind: a descriptor, or a copy that is not attached yet */
export function mountGiven(plan: Plan, root: number, given: Given, source: number | undefined, copied: number | undefined): void {
  const { target, bind, remount } = given;
  const isFile = source !== undefined && !fstat(source).isDirectory();
  const act = (place: number) => {
    if (remount) return changeMount(place, given);
    if (source !== undefined) checkKind(plan, given, place, isFile);
    const fd = copied ?? (source === undefined ? newFileSystem(given, place) : (bind === "tree" ? cloneTree : cloneMount)(source));
    try {
      if (given.copyUp) copyUp(place, fd);
      moveMount(fd, place);
      changeMount(fd, stillOpen(nodev(plan, given, source)));
    } finally {
      close(fd);
    }
  };
  mountAt(plan, root, target, act, isFile ? "file" : "directory");
}

function checkKind({ rootfs }: Plan, { target, source }: Given, place: number, isFile: boolean): void {
  if (fstat(place).isDirectory() !== isFile) return;
  const what = (file: boolean) => (file ? "a file" : "a directory");
  throw new ToolError(`${target} in ${rootfs} is ${what(!isFile)}, and ${source} is ${what(isFile)}`);
}

/** A tmpfs on /dev becomes read-only last: mounts, nodes and links must be made in it first. */
export const closesLast = ({ type, target, top, whole }: Given): boolean =>
  type === "tmpfs" && resolve(target) === "/dev" && ((top.set | whole.set) & MOUNT_ATTR.RDONLY) !== 0;

const stillOpen = (given: Given): Given => {
  if (!closesLast(given)) return given;
  const { top, whole } = given;
  return { ...given, top: { ...top, set: top.set & ~MOUNT_ATTR.RDONLY }, whole: { ...whole, set: whole.set & ~MOUNT_ATTR.RDONLY } };
};

/** Sets propagation and flags; without words about it, a mount is private. */
function changeMount(fd: number, { top, whole, propagation, remount }: Given): void {
  if (propagation === undefined && !remount) restrictMount(fd, 0, true, MS_PRIVATE);
  else if (propagation !== undefined) restrictMount(fd, 0, propagation.recursive, propagation.kind);
  setMountAttributes(fd, top, false);
  setMountAttributes(fd, whole, true);
}

/** --nodev applies to every mount but pseudo-terminals and nodes that every program may use. */
function nodev(plan: Plan, given: Given, source: number | undefined): Given {
  const spared = given.type === "devpts" || (source !== undefined && isBasicDevice(deviceOf(fstat(source))));
  return plan.nodev && !spared ? { ...given, whole: withAttribute(given.whole, MOUNT_ATTR.NODEV) } : given;
}

/** Read-only as a whole file system, if allowed: not for those that others share with other options, or that are still to be filled. */
const OWN_READ_ONLY = ["proc", "sysfs", "tmpfs", "devpts", "mqueue", "cgroup2", "overlay"];

function newFileSystem({ type, source = "none", top, whole, data }: Given, place: number): number {
  // The kernel compares a new /proc or /sys in a user namespace with the existing one: its flags must be set from the beginning.
  const bits = (top.set | whole.set) & ~MOUNT_ATTR.RDONLY;
  if (type === "cgroup" || type === "cgroup2") return newGroupTree(source, data, bits);
  const isReadOnly = ((top.set | whole.set) & MOUNT_ATTR.RDONLY) !== 0;
  const mode = type === "tmpfs" && !Object.hasOwn(data, "mode") ? { mode: (fstat(place).mode & 0o7777).toString(8) } : {};
  const readOnly = isReadOnly && !OWN_READ_ONLY.includes(type) ? { ro: null } : {};
  const isRevealing = type === "proc" || type === "sysfs";
  return newMount(type, { source, ...mode, ...readOnly, ...data }, bits | (isRevealing && isReadOnly ? MOUNT_ATTR.RDONLY : 0));
}

/** cgroup v2, from the root of this cgroup namespace down; if that may not be mounted, a bind of our own group in the existing mount. */
function newGroupTree(source: string, data: Given["data"], bits: number): number {
  try {
    return newMount("cgroup2", { source, ...data }, bits);
  } catch (error) {
    if (!failedWith(error, "EPERM", "EBUSY")) throw error;
    const fd = open(groupDirectory(findHierarchy(), cgroupOf("self")), O_PATH | O_DIRECTORY);
    try {
      return cloneTree(fd);
    } finally {
      close(fd);
    }
  }
}
