// The counters of a container's group and of all groups above it, before and after (cgroup-v2.rst).
import type { Evidence } from "@contain-tools/chain";
import { dirname, exists, keyedValue, type Reading, tryRead } from "@contain-tools/kernel";

const FILES = ["memory.events", "memory.events.local", "pids.events", "pids.events.local", "cpu.stat"] as const;
export type CounterFile = (typeof FILES)[number];

/** One group: the first of a chain is the container's own, the last one the highest visible. */
export interface Level {
  readonly dir: string;
  readonly files: ReadonlyMap<CounterFile, Reading>;
}

/** The groups above the container's own before it starts; its own is new and has counted nothing yet. */
export function readAncestors(group: string): Level[] {
  const levels: Level[] = [];
  for (let dir = dirname(group); exists(`${dir}/cgroup.procs`); dir = dirname(dir)) levels.push(readLevel(dir));
  return levels;
}

/** One group now. @param before a file that could not be read then is not read now: without its first value there is no difference */
export function readLevel(dir: string, before?: Level): Level {
  const read = (file: CounterFile): Reading => {
    const old = before?.files.get(file);
    return old !== undefined && "problem" in old ? old : tryRead(`${dir}/${file}`);
  };
  return { dir, files: new Map(FILES.map((file) => [file, read(file)])) };
}

/** The same groups afterwards, the container's own first. */
export function readChainAgain(group: string, ancestors: readonly Level[], own?: Level): Level[] {
  return [readLevel(group, own), ...ancestors.map((level) => readLevel(level.dir, level))];
}

/** The increase of a counter. */
export interface Growth {
  /** undefined if it cannot be read, or does not exist. */
  readonly by: number | undefined;
  /** The kernel has no such file here: the controller is not on cgroup v2. */
  readonly absent: boolean;
  readonly evidence: Evidence;
}

export interface Chain {
  /** The container's own group before, if it existed before us; otherwise it was new and had counted nothing. */
  readonly own?: Level | undefined;
  /** The groups above. */
  readonly before: readonly Level[];
  readonly after: readonly Level[];
}

/** @param level 0 is the container's own group */
export function growth({ own, before, after }: Chain, level: number, file: CounterFile, key: string, rule: string): Growth {
  const now = after[level];
  const reading = now?.files.get(file) ?? { problem: "ENOENT" };
  const old = level === 0 ? (own?.files.get(file) ?? { text: "" }) : (before[level - 1]?.files.get(file) ?? { problem: "ENOENT" });
  const source = `${now === undefined ? "?" : `${now.dir}/${file}`} ${key}`;
  const unreadable = "problem" in reading ? reading : "problem" in old ? old : undefined;
  if (unreadable !== undefined) {
    const absent = unreadable.problem === "ENOENT";
    return { by: undefined, absent, evidence: { source, value: undefined, problem: unreadable.problem, rule } };
  }
  const field = (text: string) => keyedValue(text, key) ?? 0;
  const [from, to] = [field("text" in old ? old.text : ""), field("text" in reading ? reading.text : "")];
  return { by: to - from, absent: false, evidence: { source, value: `${from} → ${to}`, rule } };
}
