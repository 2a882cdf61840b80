// Reads files by node:fs alone.
import { readFileSync } from "node:fs";
import { codeOf } from "./failure.ts";

export type Reading = { readonly text: string } | { readonly problem: string };

export function reading(file: string): Reading {
  try {
    return { text: readFileSync(file, "latin1") };
  } catch (error) {
    return { problem: codeOf(error) ?? "EIO" };
  }
}

/** Empty if it cannot be read. */
export function textOf(file: string): string {
  const read = reading(file);
  return "text" in read ? read.text : "";
}

/** The fields of /proc/PID/stat from the third on (proc_pid_stat(5)); one empty field if the process has ended. */
export function statFields(pid: number): string[] {
  const stat = textOf(`/proc/${pid}/stat`);
  return stat
    .slice(stat.lastIndexOf(")") + 2)
    .trimEnd()
    .split(" ");
}
