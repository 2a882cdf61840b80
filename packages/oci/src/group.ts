// A container's group, for the commands that load no koffi: its processes, its end. cgset sets the limits.
import { type Dirent, existsSync, readdirSync, rmdirSync, writeFileSync } from "node:fs";
import { codeOf, OciError } from "./failure.ts";
import { textOf } from "./read.ts";

/** Including those of the groups below it. */
export const processesOf = (group: string): number[] => groupsOf(group).flatMap((dir) => lines(`${dir}/cgroup.procs`).map(Number));

/** The group and those below it, deepest first. */
function groupsOf(group: string): string[] {
  let entries: Dirent[] = [];
  try {
    entries = readdirSync(group, { withFileTypes: true });
  } catch {
    return [];
  }
  return [...entries.filter((entry) => entry.isDirectory()).flatMap(({ name }) => groupsOf(`${group}/${name}`)), group];
}

/** None if the group was removed meanwhile, or is threaded. */
const lines = (file: string): string[] => textOf(file).split("\n").filter(Boolean);

const KILL_TIMEOUT = 10_000; // ms: a process in an uninterruptible call takes SIGKILL when the call ends

/** Kills what is in a group, if anything, and removes it. @throws OciError if it does not become empty */
export function removeGroup(group: string): void {
  const deadline = Date.now() + KILL_TIMEOUT;
  while (existsSync(group)) {
    if (removeAll(group)) return;
    if (Date.now() > deadline)
      throw new OciError(`${group} cannot be removed: processes are in it: PID ${processesOf(group).join(", ") || "unknown"}`);
    killAll(group);
    pause(2);
  }
}

function removeAll(group: string): boolean {
  try {
    for (const dir of groupsOf(group)) rmdirSync(dir);
    return true;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return !existsSync(group);
    if (codeOf(error) === "EBUSY") return false;
    throw error;
  }
}

export function killAll(group: string): void {
  try {
    writeFileSync(`${group}/cgroup.kill`, "1");
  } catch (error) {
    if (codeOf(error) !== "ENOENT" && codeOf(error) !== "EACCES") throw error;
    for (const pid of processesOf(group)) process.kill(pid, "SIGKILL"); // before Linux 5.14
  }
}

/** Waits, in milliseconds. */
export function pause(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
