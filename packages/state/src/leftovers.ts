// What killed supervisors left behind.

import {
  basename,
  cgroupField,
  cgroupOf,
  dirname,
  findHierarchy,
  groupDirectory,
  join,
  readdir,
  statIfThere,
  ToolError,
} from "@contain-tools/kernel";
import { readState, readStates, statusOf } from "./state.ts";
import type { State } from "./statefile.ts";

/** Containers with a state and without a supervisor. */
export const deadContainers = (): State[] => {
  const isDead = (state: State) => statusOf(state) === "dead";
  // A supervisor writes its last state just before it ends, perhaps after we read it: read again.
  return readStates()
    .filter(isDead)
    .flatMap(({ id }) => readState(id) ?? [])
    .filter(isDead);
};

/** True if a group has no processes. */
export const isEmptyGroup = (dir: string) => cgroupField(dir, "cgroup.events", "populated") !== 1;

/** Groups of this user's named contain-<twelve hexadecimal digits>, beside our own group or at the top, that belong to no state. */
export function strayGroups(): string[] {
  let tops: string[];
  try {
    const hierarchy = findHierarchy();
    const own = groupDirectory(hierarchy, cgroupOf("self"));
    tops = [...new Set([hierarchy.mountPoint, own, dirname(own)])].filter((dir) => dir.startsWith(hierarchy.mountPoint));
  } catch (error) {
    if (error instanceof ToolError) return []; // no cgroup v2 here
    throw error;
  }
  const known = new Set(readStates().map(({ group }) => basename(group ?? "")));
  return tops.flatMap((top) =>
    readdir(top)
      .filter((name) => /^contain-[0-9a-f]{12}$/.test(name) && !known.has(name))
      .map((name) => join(top, name))
      .filter((dir) => statIfThere(dir)?.uid === process.geteuid?.()),
  );
}
