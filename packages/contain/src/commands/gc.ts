// `contain gc`: finds what containers left whose supervisor is gone, says what each is, and removes it.
import { existsSync, readdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import {
  cgroupField,
  cgroupOf,
  exit,
  findHierarchy,
  groupDirectory,
  kill,
  killGroup,
  MNT_DETACH,
  pollOnce,
  readMountInfo,
  removeGroup,
  report,
  SIGKILL,
  ToolError,
  umount2,
  withCommon,
} from "@contain-tools/kernel";
import { checkNoWords, subcommand } from "../command.ts";
import { print } from "../print.ts";
import { folderOf, isAlive, readStates, removeState, type State, statusOf, strays } from "../state.ts";
import { printable } from "../table.ts";

const PATIENCE = 5000; // milliseconds for killed processes to leave their group
const MOMENT = 1000; // milliseconds for somebody who has just made a group to use it

export const gc = subcommand({
  name: "gc",
  description: "Remove what containers left whose supervisor is gone",
  usage: "",
  options: withCommon({}),
  plan(given) {
    checkNoWords(given);
    return () => exit(collectAll());
  },
});

function collectAll(): number {
  let status = 0;
  const attempt = (what: string, remove: () => void) => {
    print(`${what}\n`);
    try {
      remove();
    } catch (error) {
      status = report(error);
    }
  };
  for (const state of readStates().filter((candidate) => statusOf(candidate) === "dead")) {
    attempt(`container ${state.id} (${printable(state.argv[0] ?? "")}): its supervisor, PID ${state.supervisor.pid}, is gone`, () => {
      collect(state);
      removeState(state.id);
    });
  }
  for (const { path, why } of strays()) {
    attempt(`${path}: ${why}`, () => {
      unmountBelow(path);
      rmSync(path, { recursive: true, force: true });
    });
  }
  const groups = strayGroups();
  if (groups.some(isEmpty)) pollOnce(-1, 0, MOMENT);
  for (const dir of groups) {
    // Processes without a supervisor of ours were started by hand (--print-chain): theirs to end.
    if (!isEmpty(dir)) print(`${dir}: a group of no container that is known; it has processes, so it stays\n`);
    else attempt(`${dir}: an empty group of no container that is known`, () => removeGroup(dir, 0));
  }
  return status;
}

const isEmpty = (dir: string) => cgroupField(dir, "cgroup.events", "populated") !== 1;

/** Removes what a container left beside its state: its processes, its group, mounts in its folder. */
export function collect({ id, init, group }: State): void {
  if (init !== undefined && isAlive(init)) kill(init.pid, SIGKILL);
  if (group !== undefined && existsSync(group)) {
    killGroup(group);
    removeGroup(group, PATIENCE);
  }
  unmountBelow(folderOf(id));
}

/** The last mounted first. A folder is not removed before, so that nothing mounted there is taken for its contents. */
function unmountBelow(folder: string): void {
  const below = readMountInfo().filter(({ mountPoint }) => mountPoint.startsWith(`${folder}/`));
  for (const { mountPoint } of below.reverse()) umount2(mountPoint, MNT_DETACH);
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
