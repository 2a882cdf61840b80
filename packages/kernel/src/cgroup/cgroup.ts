// Control groups, version 2 (cgroups(7), Documentation/admin-guide/cgroup-v2.rst): a group is a directory, a limit is a file in it.

import { codeOf, failedWith, ToolError } from "../ffi/errno.ts";
import { mkdir } from "../file/directory.ts";
import { O_DIRECTORY, O_RDONLY, open, readIfThere, readText } from "../file/open.ts";
import { dirname, resolve } from "../file/path.ts";
import { access, exists, W_OK } from "../file/stat.ts";
import { procDirectory, type Whose } from "../proc/ownproc.ts";
import { keyedValue, lineValue, mountsOfType } from "../proc/proc.ts";

/** Where the cgroup2 file system is mounted. */
export interface Hierarchy {
  readonly mountPoint: string;
  /** The cgroup that is the mount's root, `/` on a host. */
  readonly root: string;
}

/**
 * Finds the cgroup2 mount in /proc/self/mountinfo.
 *
 * @throws ToolError when there is none
 */
export function findHierarchy(): Hierarchy {
  const mounts = mountsOfType("cgroup2").filter(({ mountPoint }) => exists(`${mountPoint}/cgroup.procs`));
  // In a cgroup namespace, a mount made outside has a root like `/..`, and our own path under it is not our own group.
  const found = mounts.find(({ root }) => !root.startsWith("/..")) ?? mounts[0];
  if (found === undefined) {
    throw new ToolError(
      "no cgroup2 file system is mounted",
      "mount one with `mount -t cgroup2 cgroup2 /sys/fs/cgroup`, or boot with systemd.unified_cgroup_hierarchy=1 (cgroups(7))",
    );
  }
  return { mountPoint: found.mountPoint, root: found.root };
}

const GONE = " (deleted)";

/** The cgroup v2 path of a process as /proc/PID/cgroup shows it: the line `0::PATH`. */
export function cgroupOf(process: Whose): string {
  const text = readText(`${procDirectory(process)}/cgroup`);
  const path = lineValue(text, "0::") ?? "/";
  return path.endsWith(GONE) ? path.slice(0, -GONE.length) : path;
}

/** The directory of a cgroup path, as seen through the mount. */
export function groupDirectory({ mountPoint, root }: Hierarchy, path: string): string {
  const below = root !== "/" && `${path}/`.startsWith(`${root}/`) ? path.slice(root.length) : path;
  return resolve(`${mountPoint}/${below}`);
}

/** The controllers that a group may use, from its cgroup.controllers. */
export function availableControllers(dir: string): string[] {
  return words(`${dir}/cgroup.controllers`);
}

export function words(file: string): string[] {
  return (readIfThere(file) ?? "").trim().split(/\s+/).filter(Boolean);
}

/** The error for an ordinary user who may not write to a group. */
export function notDelegated(dir: string, cause: unknown): ToolError {
  return new ToolError(
    `${dir}: this cgroup is not delegated to you: ${codeOf(cause) ?? "EACCES"}`,
    codeOf(cause) === "EROFS"
      ? "the cgroup file system is read-only here, as inside a container: whatever started the container must give it a writable one"
      : 'only a group that was handed over may be written to (cgroups(7), "Delegation"). An ordinary user gets one with `systemd-run --user --scope -p Delegate=yes contain …`',
    125,
    { cause },
  );
}

/** mkdir(2) of a group; false when it was there already. */
export function makeGroup(dir: string): boolean {
  try {
    mkdir(dir, 0o755);
    return true;
  } catch (error) {
    if (failedWith(error, "EEXIST")) return false;
    if (failedWith(error, "EACCES", "EPERM", "EROFS")) throw notDelegated(dirname(dir), error);
    throw error;
  }
}

/** True when the caller may make groups in `dir` and move processes there. */
export function isWritable(dir: string): boolean {
  try {
    access(dir, W_OK);
    access(`${dir}/cgroup.procs`, W_OK);
    return true;
  } catch {
    return false;
  }
}

/** A field of a flat keyed file: `cgroupField(dir, "cgroup.events", "populated")` is 0 or 1. */
export function cgroupField(dir: string, file: string, key: string): number | undefined {
  return keyedValue(readIfThere(`${dir}/${file}`) ?? "", key);
}

/** True while the group is frozen: a process that joins it stops at once, and does not even take SIGKILL until it is thawed. */
export function isFrozen(dir: string): boolean {
  return cgroupField(dir, "cgroup.events", "frozen") === 1;
}

/** The processes in a group, without those in groups below it. */
export function groupProcesses(dir: string): number[] {
  return words(`${dir}/cgroup.procs`).map(Number);
}

/** A descriptor of a group's directory, for CLONE_INTO_CGROUP. */
export function openGroup(dir: string): number {
  return open(dir, O_RDONLY | O_DIRECTORY);
}
