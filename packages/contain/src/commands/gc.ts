// `contain gc`: finds what containers left whose supervisor is gone, says what each is, and removes it.
import { existsSync, readdirSync, writeSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import {
  cgroupField,
  cgroupOf,
  exit,
  findHierarchy,
  groupDirectory,
  killGroup,
  removeGroup,
  report,
  ToolError,
  withCommon,
} from "@contain-tools/kernel";
import { subcommand } from "../command.ts";
import { folderOf, readState, readStates, removeState, type State, stateIds, statusOf } from "../state.ts";

const PATIENCE = 5000; // milliseconds for killed processes to leave their group

export const gc = subcommand({
  name: "gc",
  description: "Remove what containers left whose supervisor is gone",
  usage: "",
  options: withCommon({}),
  plan() {
    return () => exit(collectAll());
  },
});

function collectAll(): number {
  let status = 0;
  const attempt = (what: string, remove: () => void) => {
    writeSync(1, `${what}\n`);
    try {
      remove();
    } catch (error) {
      status = report(error);
    }
  };
  for (const state of readStates().filter((candidate) => statusOf(candidate) === "dead")) {
    attempt(`container ${state.id} (${state.argv[0]}): its supervisor, PID ${state.supervisor.pid}, is gone`, () => {
      collect(state);
      removeState(state.id);
    });
  }
  for (const id of stateIds().filter((candidate) => readState(candidate) === undefined))
    attempt(`${folderOf(id)}: a folder without a state`, () => removeState(id));
  for (const dir of strayGroups()) {
    // Processes without a supervisor of ours were started by hand (--print-chain): theirs to end.
    if (cgroupField(dir, "cgroup.events", "populated") === 1)
      writeSync(1, `${dir}: a group of no container that is known; it has processes, so it stays\n`);
    else attempt(`${dir}: an empty group of no container that is known`, () => removeGroup(dir, 0));
  }
  return status;
}

/** Removes what a container left outside its state: the processes of its group, and the group. */
export function collect({ group }: State): void {
  if (group !== undefined && existsSync(group)) remove(group);
}

function remove(group: string): void {
  killGroup(group);
  removeGroup(group, PATIENCE);
}

/** Groups named as ours, contain-<twelve hexadecimal digits>, beside our own or at the top, that no state knows. */
function strayGroups(): string[] {
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
