// What /proc tells about processes.
import { readdirSync, readFileSync } from "node:fs";

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

/** The processes below `pid`, nearest first. */
export function descendants(pid: number): number[] {
  const children = childrenOf(pid);
  return [...children, ...children.flatMap(descendants)];
}

export function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "latin1").replaceAll("\0", " ").trim();
  } catch {
    return "";
  }
}

export function statusField(pid: number | string, name: string): string {
  return new RegExp(`^${name}:\\s*(.*)$`, "m").exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1] ?? "";
}

/** Waits until `condition` holds, at most so many milliseconds; false when it never did. */
export async function eventually(condition: () => boolean, milliseconds = 15_000): Promise<boolean> {
  const deadline = Date.now() + milliseconds;
  while (!condition()) {
    if (Date.now() > deadline) return false;
    await pause(20);
  }
  return true;
}

export const pause = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));
