// The resource usage of a container at one moment, and between two.

import { readLimit, readUsage, type Usage } from "@contain-tools/explain";
import { monotonic } from "@contain-tools/kernel";

export interface Sample {
  /** Milliseconds, as `monotonic` counts them. */
  readonly at: number;
  readonly usage: Usage;
  /** memory.max; undefined without a limit. */
  readonly memoryLimit: number | undefined;
  readonly pidsLimit: number | undefined;
}

export function takeSample(group: string): Sample {
  return {
    at: monotonic(),
    usage: readUsage(group),
    memoryLimit: readLimit(group, "memory.max"),
    pidsLimit: readLimit(group, "pids.max"),
  };
}

/** Per cent of one CPU. */
export function cpuBetween(before: Sample | undefined, now: Sample): number | undefined {
  const [from, to] = [before?.usage.cpuMicroseconds, now.usage.cpuMicroseconds];
  if (before === undefined || from === undefined || to === undefined || now.at <= before.at) return undefined;
  return (to - from) / 10 / (now.at - before.at);
}

/** Per cent of the periods of cpu.max. */
export function throttledBetween(before: Sample | undefined, now: Sample): number | undefined {
  const { cpuPeriods: periods, cpuThrottledPeriods: throttled } = now.usage;
  if (before === undefined || periods === undefined || throttled === undefined) return undefined;
  const passed = periods - (before.usage.cpuPeriods ?? 0);
  return passed > 0 ? (100 * (throttled - (before.usage.cpuThrottledPeriods ?? 0))) / passed : 0;
}
