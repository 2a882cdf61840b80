// Which controllers a group has for its children (cgroup.subtree_control), and why one is missing.

import { failedWith, ToolError } from "../ffi/errno.ts";
import { readIfThere } from "../file/open.ts";
import { dirname } from "../file/path.ts";
import { exists } from "../file/stat.ts";
import { writeKernelFile } from "../mount/file.ts";
import { type MountInfo, mountsOfType } from "../proc/proc.ts";
import { availableControllers, groupProcesses, type Hierarchy, notDelegated, words } from "./cgroup.ts";
import { childGroups } from "./groupend.ts";

/** The cgroup v1 mount that holds a controller on a hybrid host. */
export function controllerOnV1(controller: string): MountInfo | undefined {
  const name = controller === "io" ? "blkio" : controller;
  return mountsOfType("cgroup").find(({ superOptions }) => superOptions.includes(name));
}

/** What was enabled in a group, and which children it had before. */
interface Enabled {
  readonly dir: string;
  readonly names: readonly string[];
  readonly children: readonly string[];
}

/**
 * Enables controllers for the children of `dir`, from the top of the hierarchy down. Every group on the way is checked before the first is
 * changed. A thread-aware controller (cpu, cpuset, pids) that is enabled in a group with processes turns it into a `domain threaded` group,
 * in which no ordinary group can be made (cgroup-v2.rst, "Threads").
 *
 * @returns a function that disables again what was enabled here
 * @throws ToolError that says which hierarchy holds the controller, or which rule forbids it; nothing stays enabled then
 */
export function enableControllers(hierarchy: Hierarchy, dir: string, controllers: readonly string[]): () => void {
  const wanted = findDisabled(hierarchy, dir, controllers);
  for (const { dir, names } of wanted) checkParent(dir, names);
  const done: Enabled[] = [];
  const undo = () => {
    for (const enabled of done.reverse()) disable(enabled);
  };
  try {
    for (const enabled of wanted) {
      const text = enabled.names.map((name) => `+${name}`).join(" ");
      try {
        writeKernelFile(`${enabled.dir}/cgroup.subtree_control`, text);
      } catch (error) {
        throw explainEnable(error, enabled.dir, text);
      }
      done.push(enabled);
      checkType(enabled.dir); // a process may have joined it meanwhile
    }
  } catch (error) {
    undo();
    throw error;
  }
  return undo;
}

/** Which controllers to enable in which groups, the top first. @throws ToolError for a controller that cannot be had */
function findDisabled(hierarchy: Hierarchy, dir: string, controllers: readonly string[]): Enabled[] {
  const names = controllers.filter((name) => !words(`${dir}/cgroup.subtree_control`).includes(name));
  if (names.length === 0) return [];
  const above = dir === hierarchy.mountPoint ? [] : findDisabled(hierarchy, dirname(dir), names);
  for (const name of names) {
    if (!availableControllers(dir).includes(name) && !above.some((group) => group.names.includes(name))) throw missingController(dir, name);
  }
  return [...above, { dir, names, children: childGroups(dir) }];
}

/** The groups from the root of the hierarchy to `dir`, inclusive. */
export function groupsDownTo({ mountPoint }: Hierarchy, dir: string): string[] {
  return dir === mountPoint ? [dir] : [...groupsDownTo({ mountPoint, root: "/" }, dirname(dir)), dir];
}

/**
 * Enables every available controller for the children of `dir`, as far as that does no harm: it stops at the first group, from the top,
 * that has processes of its own or is threaded.
 *
 * @returns a function that disables again what was enabled here
 */
export function enableAvailable(hierarchy: Hierarchy, dir: string): () => void {
  const done: Enabled[] = [];
  for (const group of groupsDownTo(hierarchy, dir)) {
    if (groupType(group) !== "domain" || (group !== hierarchy.mountPoint && groupProcesses(group).length > 0)) break;
    const enabled = words(`${group}/cgroup.subtree_control`);
    const names = availableControllers(group).filter((name) => !enabled.includes(name) && enableQuietly(group, name));
    if (names.length > 0) done.push({ dir: group, names, children: childGroups(group) });
  }
  return () => {
    for (const enabled of done.reverse()) disable(enabled);
  };
}

/** Some cannot be enabled here or now: cpu while a group has real-time processes (EINVAL). */
function enableQuietly(dir: string, name: string): boolean {
  try {
    writeKernelFile(`${dir}/cgroup.subtree_control`, `+${name}`);
    return true;
  } catch {
    return false;
  }
}

/** Not if others have made groups here since: those may have limits by now. */
function disable({ dir, names, children }: Enabled): void {
  if (childGroups(dir).some((name) => !children.includes(name))) return;
  try {
    writeKernelFile(`${dir}/cgroup.subtree_control`, names.map((name) => `-${name}`).join(" "));
  } catch {
    // EBUSY: enabled in a child too; ENOENT: the group is gone
  }
}

/** Whether a group can be the parent of groups with these controllers. @throws ToolError */
export function checkParent(dir: string, controllers: readonly string[]): void {
  checkType(dir);
  const isRoot = !exists(`${dir}/cgroup.type`); // the root of the hierarchy, where processes do not matter
  const processes = controllers.length === 0 || isRoot ? [] : groupProcesses(dir);
  if (processes.length > 0) throw hasProcesses(dir, controllers, processes);
}

/** cgroup.type; the root of the hierarchy has no such file, and is a domain. */
export function groupType(dir: string): string {
  return readIfThere(`${dir}/cgroup.type`)?.trim() ?? "domain";
}

/** @throws ToolError in a threaded subtree */
function checkType(dir: string): void {
  const type = groupType(dir);
  if (type === "domain") return;
  throw new ToolError(
    `${dir}: its cgroup.type is \`${type}\`, and no group with processes of its own can be made below it`,
    `a thread-aware controller (cpu, cpuset, pids) was enabled while the group had processes (cgroup-v2.rst, "Threads"). Choose another --parent, or disable there what ${dir}/cgroup.subtree_control lists: ${words(`${dir}/cgroup.subtree_control`).join(" ") || "nothing"}`,
  );
}

/** Where a controller is that children of `dir` cannot have. */
export function missingController(dir: string, name: string): ToolError {
  const v1 = controllerOnV1(name);
  if (v1 !== undefined) {
    return new ToolError(
      `the ${name} controller is not on cgroup v2: a cgroup v1 hierarchy holds it, mounted at ${v1.mountPoint}`,
      "a controller is in one hierarchy at a time (cgroups(7)). Boot with systemd.unified_cgroup_hierarchy=1 to move all of them to cgroup v2",
    );
  }
  return new ToolError(
    `the ${name} controller is not available in ${dir}`,
    `${dir}/cgroup.controllers lists: ${availableControllers(dir).join(" ") || "nothing"}. A group has only what its parent enables in cgroup.subtree_control, and the kernel only what it was built with (cgroups(7))`,
  );
}

function explainEnable(error: unknown, dir: string, text: string): unknown {
  if (failedWith(error, "EBUSY")) return hasProcesses(dir, text.replaceAll("+", "").split(" "), groupProcesses(dir), error);
  if (failedWith(error, "EACCES", "EPERM", "EROFS")) return notDelegated(dir, error);
  return error;
}

function hasProcesses(dir: string, controllers: readonly string[], pids: readonly number[], cause?: unknown): ToolError {
  const list = pids.slice(0, 10).join(" ") + (pids.length > 10 ? ` and ${pids.length - 10} more` : "");
  return new ToolError(
    `${dir}: ${controllers.join(" ")} cannot be enabled for its children: it has processes of its own (${list || "they have left since"})`,
    'processes live only in leaves (cgroups(7), "no internal processes"). Move them to a group below it first (cgset --parent GROUP --name callers --make, then cgset --parent GROUP --name callers PID), or choose another --parent',
    125,
    { cause },
  );
}
