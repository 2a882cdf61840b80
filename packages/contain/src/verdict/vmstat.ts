// How many processes of the whole machine the OOM killer has taken, for where a group counts none of its own.
import { readFileSync } from "node:fs";
import { codeOf, lineValue } from "@contain-tools/kernel";
import type { Evidence } from "../evidence.ts";

const RULE = "mm/vmstat.c: every process that the OOM killer took, on the whole machine";

/** /proc/vmstat oom_kill as it is now. */
export function readVmstat(): Evidence {
  const source = "/proc/vmstat oom_kill";
  try {
    const value = lineValue(readFileSync("/proc/vmstat", "utf8"), "oom_kill ");
    return value === undefined ? { source, value, problem: "no such field", rule: RULE } : { source, value, rule: RULE };
  } catch (error) {
    return { source, value: undefined, problem: codeOf(error) ?? String(error), rule: RULE };
  }
}
