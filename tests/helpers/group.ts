// A control group of a test's own: whatever is started in it, and all its descendants, can be found and killed by it.
import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { pause } from "./wait.ts";

/** Where cgroup v2 is mounted, or undefined. */
export const hierarchy = readFileSync("/proc/self/mountinfo", "utf8")
  .split("\n")
  .find((line) => line.includes(" - cgroup2 "))
  ?.split(" ")[4];

export interface Group {
  readonly dir: string;
  /** Every process in it and in the groups below. */
  processes(): number[];
  /** Waits until there is none, and the groups can be removed; the PIDs that are still there when the time is up. */
  emptied(milliseconds: number): Promise<number[]>;
  /** Kills what is left, and removes it with all groups below. */
  remove(): Promise<void>;
}

export function makeGroup(name: string): Group {
  const dir = `${hierarchy}/contain-test-${name}-${process.pid}`;
  mkdirSync(dir);
  const below = (group: string): string[] =>
    readdirSync(group, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .flatMap((entry) => [...below(`${group}/${entry.name}`), `${group}/${entry.name}`]);
  const read = (group: string) => {
    try {
      return readFileSync(`${group}/cgroup.procs`, "utf8").split("\n").filter(Boolean).map(Number);
    } catch {
      return []; // removed meanwhile
    }
  };
  const processes = () => [...below(dir), dir].flatMap(read);
  // The last one leaves cgroup.procs a moment before it leaves the group: cgroup.events tells.
  const populated = () => readFileSync(`${dir}/cgroup.events`, "utf8").includes("populated 1");
  const emptied = async (milliseconds: number) => {
    for (const end = Date.now() + milliseconds; populated() && Date.now() < end; ) await pause(10);
    return processes();
  };
  return {
    dir,
    processes,
    emptied,
    remove: async () => {
      writeFileSync(`${dir}/cgroup.kill`, "1");
      await emptied(60_000);
      for (const group of [...below(dir), dir]) await eventuallyRemoved(group);
    },
  };
}

/** A group whose last process has gone is busy for a moment. */
async function eventuallyRemoved(group: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      rmdirSync(group);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EBUSY" || tries === 3000) throw error;
      await pause(10);
    }
  }
}
