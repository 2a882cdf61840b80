// What /proc tells about processes.
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { pause } from "./wait.ts";

/** A field of /proc/PID/stat by its number in proc_pid_stat(5), from 3 on; undefined when the process is gone. */
export function stat(pid: number, field: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    return text.slice(text.lastIndexOf(")") + 2).split(" ")[field - 3];
  } catch {
    return undefined;
  }
}

/** True while a process is there and no zombie. */
export function isAlive(pid: number): boolean {
  const state = stat(pid, 3);
  return state !== undefined && state !== "Z" && state !== "X";
}

export function parentOf(pid: number): number {
  return Number(stat(pid, 4));
}

/** The children of a process, zombies too. */
export function childrenOf(pid: number): number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((other) => other > 0 && parentOf(other) === pid);
}

/** The processes of a process group that are no zombies. */
export function membersOf(processGroup: number): number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0 && Number(stat(pid, 5)) === processGroup && isAlive(pid));
}

/** The processes below `pid`, nearest first. */
export function descendants(pid: number): number[] {
  const children = childrenOf(pid);
  return [...children, ...children.flatMap(descendants)];
}

/** The first child of a process, 0 if it has none. */
export const childOf = (pid: number) => childrenOf(pid)[0] ?? 0;

/** The other processes that have a word in their command lines; zombies have none. */
export function withWord(word: string): number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid && commandOf(pid).includes(word));
}

export function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1").replaceAll("\0", " ").trim();
  } catch {
    return "";
  }
}

/** CPU time used so far, in ticks of 10 ms. */
export function ticksOf(pid: number): number {
  return Number(stat(pid, 14)) + Number(stat(pid, 15));
}

/** Ticks of CPU time that a process takes in so many milliseconds, once it has settled down. */
export async function ticksIn(milliseconds: number, pid: number): Promise<number> {
  for (let before = -1; before !== ticksOf(pid); await pause(500)) before = ticksOf(pid);
  const before = ticksOf(pid);
  await pause(milliseconds);
  return ticksOf(pid) - before;
}

export function statusField(pid: number | string, name: string): string {
  return new RegExp(`^${name}:\\s*(.*)$`, "m").exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1] ?? "";
}

/** True once one of our programs waits for signals beside descriptors (signalfd(2)): what comes now is passed on. */
export function takesSignals(pid: number): boolean {
  const folder = `/proc/${pid}/fd`;
  const target = (fd: string) => {
    try {
      return readlinkSync(`${folder}/${fd}`);
    } catch {
      return ""; // closed meanwhile
    }
  };
  return readdirSync(folder).some((fd) => target(fd) === "anon_inode:[signalfd]");
}
