// What a line of mountinfo means.

import type { Evidence } from "@contain-tools/chain";
import { codeOf, type MountInfo, readMountInfo } from "@contain-tools/kernel";
import { clean, fact } from "../process/finding.ts";

const RULE = "proc_pid_mountinfo(5)";

/** The mounts of a process, or why they cannot be read. */
export function mountsOf(pid: number): MountInfo[] | Evidence {
  try {
    return readMountInfo(`/proc/${pid}`);
  } catch (error) {
    return { source: `/proc/${pid}/mountinfo`, value: undefined, problem: codeOf(error) ?? String(error), rule: RULE };
  }
}

export function mountEvidence(pid: number, { mountPoint, options, type, source, superOptions }: MountInfo): Evidence {
  const value = `${options.join(",")} - ${type} ${source} ${superOptions.join(",")}`;
  return fact(`/proc/${pid}/mountinfo ${clean(mountPoint)}`, clean(value, 300), RULE);
}

/** Both the mount and its file system must allow writing. Permissions are another matter. */
export function isWritable({ options, superOptions }: MountInfo): boolean {
  return options.includes("rw") && superOptions.includes("rw");
}

const INTERFACES = new Set(
  "proc sysfs cgroup cgroup2 devpts mqueue devtmpfs debugfs tracefs securityfs bpf pstore configfs fusectl binfmt_misc nsfs efivarfs autofs hugetlbfs rpc_pipefs selinuxfs".split(
    " ",
  ),
);

/** The kernel's own file systems, which hold nobody's files. */
export function isKernelInterface({ type }: MountInfo): boolean {
  return INTERFACES.has(type);
}

/** True when `path` is `top` or below it. */
export function isBelow(path: string, top: string): boolean {
  return path === top || path.startsWith(top === "/" ? "/" : `${top}/`);
}

/** Where the host sees the directory that a mount shows: the same device, at or above its root. undefined if it does not. */
export function hostPath(mount: MountInfo, host: readonly MountInfo[]): string | undefined {
  const holders = host.filter(({ device, root }) => device === mount.device && isBelow(mount.root, root));
  holders.sort((a, b) => b.root.length - a.root.length);
  const [holder] = holders;
  if (holder === undefined) return undefined;
  const rest = holder.root === "/" ? mount.root : mount.root.slice(holder.root.length);
  return `${holder.mountPoint === "/" ? "" : holder.mountPoint}${rest === "/" ? "" : rest}` || "/";
}

const DELETED = "//deleted";

/** The mounted directory has been removed from its file system. */
export const isDeleted = ({ root }: MountInfo) => root.endsWith(DELETED);

/** Where it was, in its file system. */
export const deletedRoot = ({ root }: MountInfo) => root.slice(0, -DELETED.length);
