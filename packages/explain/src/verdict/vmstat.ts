// How many processes of the whole machine the OOM killer has taken, for where a group counts none of its own.

import type { Evidence } from "@contain-tools/chain";
import { lineValue, tryRead } from "@contain-tools/kernel";

const RULE = "mm/vmstat.c: every process that the OOM killer took, on the whole machine";

/** /proc/vmstat oom_kill as it is now. */
export function readVmstat(): Evidence {
  const source = "/proc/vmstat oom_kill";
  const reading = tryRead("/proc/vmstat");
  if ("problem" in reading) return { source, value: undefined, problem: reading.problem, rule: RULE };
  const value = lineValue(reading.text, "oom_kill ");
  return value === undefined ? { source, value, problem: "no such field", rule: RULE } : { source, value, rule: RULE };
}
