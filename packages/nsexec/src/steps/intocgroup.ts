// --into-cgroup: a child is born in a control group, or moved there.
import { type Context, fork } from "@contain-tools/chain";
import { exists, failedWith, findHierarchy, groupDirectory, isFrozen, openGroup, ToolError, writeKernelFile } from "@contain-tools/kernel";
import type { Child } from "./between.ts";

function cgroupPath(path: string): string {
  return exists(`${path}/cgroup.procs`) ? path : groupDirectory(findHierarchy(), path);
}

export function openCgroup(path: string): number {
  const dir = cgroupPath(path);
  if (!exists(`${dir}/cgroup.procs`))
    throw new ToolError(
      `no such cgroup: --into-cgroup ${path}`,
      "a path below the cgroup2 mount, as /proc/PID/cgroup shows it, or its directory; `cgset --name NAME --memory …` makes one",
    );
  if (isFrozen(dir)) {
    throw new ToolError(
      `--into-cgroup ${path}: the group is frozen`,
      "a process born in a frozen group hangs and takes not even SIGKILL before it is thawed: cgset --name NAME --thaw",
    );
  }
  return openGroup(dir);
}

/**
 * clone3 with CLONE_INTO_CGROUP; without it if the kernel (before 5.7) or a seccomp filter does not know it, or after joining a user
 * namespace, where root may not write to the group.
 */
export function cloneIntoCgroup(
  context: Context,
  bits: number,
  cgroup: number | undefined,
  child: () => never,
  ...mayNot: readonly string[]
): Child {
  try {
    return { pid: fork(context, { flags: bits, cgroup }, child), entered: true };
  } catch (error) {
    if (cgroup === undefined || !failedWith(error, "EINVAL", "ENOSYS", "E2BIG", ...mayNot)) throw error;
    return { pid: fork(context, { flags: bits }, child), entered: false };
  }
}

/** Moves a child that was not born there into its group. */
export function putIntoGroup({ pid, entered }: Child, group: string | undefined): void {
  if (!entered && group !== undefined) writeKernelFile(`${cgroupPath(group)}/cgroup.procs`, `${pid}`);
}
