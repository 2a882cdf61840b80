// What containers left whose supervisor is gone.

import { readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { cgroupField, cgroupOf, findHierarchy, groupDirectory, ToolError } from "@contain-tools/kernel";
import { readState, readStates, statusOf } from "./state.ts";
import type { State } from "./statefile.ts";

/** Containers with a state and without a supervisor. */
export const deadContainers = (): State[] => {
  const isDead = (state: State) => statusOf(state) === "dead";
  // A supervisor writes its last state and goes: what was read before it went is read again.
  return readStates()
    .filter(isDead)
    .flatMap(({ id }) => readState(id) ?? [])
    .filter(isDead);
};

/** True when no process is in a group. */
export const isEmptyGroup = (dir: string) => cgroupField(dir, "cgroup.events", "populated") !== 1;

/** Groups named as ours, contain-<twelve hexadecimal digits>, beside our own or at the top, that no state knows. */
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
    readdirSync(top)
      .filter((name) => /^contain-[0-9a-f]{12}$/.test(name) && !known.has(name))
      .map((name) => join(top, name)),
  );
}
