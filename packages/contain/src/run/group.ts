// The group that a container gets, if it can have one.
import { placeOf } from "@contain-tools/cgset";
import { findHierarchy, groupType, type Hierarchy, isWritable, ToolError } from "@contain-tools/kernel";

/** Missing cgroup v2 is fatal only if limits were asked for. */
export function findHierarchyFor(limits: boolean): Hierarchy | undefined {
  try {
    return findHierarchy();
  } catch (error) {
    if (limits || !(error instanceof ToolError)) throw error;
    return undefined;
  }
}

/** The directory of the group. Without limits it is undefined if the parent is not writable or cannot have child groups. */
export function findGroup(name: string, hierarchy: Hierarchy, needed: boolean): string | undefined {
  const dir = placeOf(name, undefined, hierarchy);
  const parent = dir.slice(0, dir.lastIndexOf("/"));
  return needed || (isWritable(parent) && groupType(parent) === "domain") ? dir : undefined;
}
