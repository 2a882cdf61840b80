// Looking at the processes of a container from outside.
import { readFileSync } from "node:fs";

import { childrenOf, hasSignal, parseSignalMask, readIfThere, statusField } from "@contain-tools/kernel";

/** Its children, theirs, and so on. */
export function descendantsOf(pid: number): number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)]);
}

/** A field of /proc/PID/status; undefined when the process is gone. */
export function statusOf(pid: number, field: string): string | undefined {
  return statusField(readIfThere(`/proc/${pid}/status`) ?? "", field);
}

/** True when a process has a handler for a signal, false when it has none or is gone. */
export function catches(pid: number, signal: number): boolean {
  return hasSignal(parseSignalMask(statusOf(pid, "SigCgt") ?? "0"), signal);
}

/** True when a mask that was read (SigCgt) lacks a signal; false when nothing was read. */
export function lacks(mask: string, signal: number): boolean {
  return mask !== "" && !hasSignal(parseSignalMask(mask), signal);
}

/** The words that a process was started with; none for a zombie. */
export function wordsOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1);
  } catch {
    return [];
  }
}
