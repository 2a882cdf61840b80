// Samples to lines: memory by kind against its limit, CPU and throttling, pids, pressure.

import { type Line, numberAt, textAt } from "./read.ts";
import type { Chart, Series } from "./types.ts";

type Value = number | null;
type Read = (line: Line, before: Line | undefined) => number | undefined;

/** The charts that have data. */
export function chartsOf(samples: readonly Line[]): Chart[] {
  const series = (label: string, kind: Series["kind"], read: Read): Series => {
    const values = samples.map((line, i): Value => read(line, samples[i - 1]) ?? null);
    const last = values.findLast((value) => value !== null) ?? null;
    const most = values.reduce<Value>((greatest, value) => (value === null ? greatest : Math.max(greatest ?? value, value)), null);
    return { label, kind, values, last, most };
  };
  const plain =
    (...keys: string[]) =>
    (line: Line) =>
      numberAt(line, ...keys);
  const charts: Chart[] = [
    {
      title: "Memory",
      note: "memory.current, by the kinds of memory.stat; the limit is memory.max",
      unit: "bytes",
      series: [
        series("anon", "stack", plain("memory.stat", "anon")),
        series("shmem, tmpfs", "stack", plain("memory.stat", "shmem")),
        series("file cache", "stack", fileCache),
        series("kernel", "stack", plain("memory.stat", "kernel")),
        series("sockets", "stack", plain("memory.stat", "sock")),
        series("current", "line", plain("memory.current")),
        series("swap", "line", plain("memory.swap.current")),
        series("limit", "limit", plain("memory.max")),
      ],
    },
    {
      title: "CPU",
      note: "cpu.stat usage_usec, in per cent of one CPU; throttled: throttled_usec in per cent of the time, per CPU; the limit is cpu.max",
      unit: "percent",
      series: [
        series("used", "line", rate("cpu.stat", "usage_usec")),
        series("throttled", "line", throttled),
        series("limit", "limit", cpuLimit),
      ],
    },
    {
      title: "Processes and threads",
      note: "pids.current, or the lines of cgroup.threads; the limit is pids.max",
      unit: "count",
      series: [
        series("now", "line", (line) => numberAt(line, "pids.current") ?? numberAt(line, "cgroup.threads")),
        series("limit", "limit", plain("pids.max")),
      ],
    },
    {
      title: "Pressure",
      note: "the share of time in which some, or all, tasks waited for memory, CPU or IO (PSI)",
      unit: "percent",
      series: [
        series("memory, some", "line", rate("memory.pressure", "some")),
        series("memory, all", "line", rate("memory.pressure", "full")),
        series("CPU, some", "line", rate("cpu.pressure", "some")),
        series("IO, some", "line", rate("io.pressure", "some")),
      ],
    },
  ];
  return charts.map(withoutEmpty).filter((chart) => chart.series.some(({ kind }) => kind !== "limit"));
}

/** memory.stat counts tmpfs and shared memory under `file` too (cgroup-v2.rst). */
function fileCache(line: Line): number | undefined {
  const [file, shmem] = [numberAt(line, "memory.stat", "file"), numberAt(line, "memory.stat", "shmem")];
  return file === undefined ? undefined : Math.max(0, file - (shmem ?? 0));
}

/** Growth of a count of microseconds, in per cent of the time that passed. */
function rate(...keys: string[]): Read {
  return (line, before) => {
    const [to, from] = [numberAt(line, ...keys), before && numberAt(before, ...keys)];
    if (before === undefined || from === undefined || to === undefined || line.t <= before.t || to < from) return undefined;
    return (to - from) / 10 / (line.t - before.t);
  };
}

/** 100: one CPU was throttled all the time. Two CPUs may reach 200. */
const throttled: Read = rate("cpu.stat", "throttled_usec");

/** `50000 100000`: quota and period, in microseconds. */
function cpuLimit(line: Line): number | undefined {
  const [quota, period] = (textAt(line, "cpu.max") ?? "").split(" ").map(Number);
  return quota !== undefined && period !== undefined && quota > 0 && period > 0 ? (100 * quota) / period : undefined;
}

/** Without series that have no values, and without swap and sockets if they were always 0. */
function withoutEmpty(chart: Chart): Chart {
  const nothing = ({ label, values }: Series) =>
    values.every((value) => value === null) || (["swap", "sockets"].includes(label) && values.every((value) => !value));
  return { ...chart, series: chart.series.filter((one) => !nothing(one)) };
}
