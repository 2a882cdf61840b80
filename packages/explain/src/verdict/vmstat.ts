// How many processes of the whole machine the OOM killer has killed, for a group that does not count.

import type { Evidence } from "@contain-tools/chain";
import { lineValue, tryRead } from "@contain-tools/kernel";

const RULE = "mm/vmstat.c: every process that the OOM killer took, on the whole machine";

/** The present value of oom_kill in /proc/vmstat. */
export function readVmstat(): Evidence {
  const source = "/proc/vmstat oom_kill";
  const reading = tryRead("/proc/vmstat");
  if ("problem" in reading) return { source, value: undefined, problem: reading.problem, rule: RULE };
  const value = lineValue(reading.text, "oom_kill ");
  return value === undefined ? { source, value, problem: "no such field", rule: RULE } : { source, value, rule: RULE };
}
