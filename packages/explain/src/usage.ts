// What a container used, from the files of its group, read before the group is removed (cgroup-v2.rst).
import { cgroupField, keyedValue, readIfThere } from "@contain-tools/kernel";

/** Bytes, microseconds, counts. A field is undefined if its controller is not on cgroup v2, or the kernel has no such file. */
export interface Usage {
  readonly memoryPeak: number | undefined;
  readonly memoryCurrent: number | undefined;
  /** memory.stat */
  readonly anon: number | undefined;
  readonly file: number | undefined;
  readonly kernel: number | undefined;
  readonly shmem: number | undefined;
  /** memory.events: processes of this group that the OOM killer killed. */
  readonly oomKills: number | undefined;
  /** cpu.stat */
  readonly cpuMicroseconds: number | undefined;
  readonly cpuPeriods: number | undefined;
  readonly cpuThrottledPeriods: number | undefined;
  readonly cpuThrottledMicroseconds: number | undefined;
  readonly pidsPeak: number | undefined;
  readonly pidsCurrent: number | undefined;
  /** pids.events: refused forks. */
  readonly pidsRefused: number | undefined;
  /** io.stat, all devices together. */
  readonly readBytes: number | undefined;
  readonly writtenBytes: number | undefined;
}

/** Reads a group's usage now, each file once: between two reads of a file the figures could change. */
export function readUsage(group: string): Usage {
  const single = (file: string) => readLimit(group, file);
  const fieldsOf = (file: string) => {
    const text = readIfThere(`${group}/${file}`) ?? "";
    return (key: string) => keyedValue(text, key);
  };
  const memory = fieldsOf("memory.stat");
  const cpu = fieldsOf("cpu.stat");
  const io = readIfThere(`${group}/io.stat`);
  return {
    memoryPeak: single("memory.peak"),
    memoryCurrent: single("memory.current"),
    anon: memory("anon"),
    file: memory("file"),
    kernel: memory("kernel"),
    shmem: memory("shmem"),
    oomKills: cgroupField(group, "memory.events", "oom_kill"),
    cpuMicroseconds: cpu("usage_usec"),
    cpuPeriods: cpu("nr_periods"),
    cpuThrottledPeriods: cpu("nr_throttled"),
    cpuThrottledMicroseconds: cpu("throttled_usec"),
    pidsPeak: single("pids.peak"),
    pidsCurrent: readPids(group),
    pidsRefused: cgroupField(group, "pids.events", "max"),
    readBytes: sumOf(io, "rbytes"),
    writtenBytes: sumOf(io, "wbytes"),
  };
}

/** The number in a file; undefined without the file, and for `max`. */
export function readLimit(group: string, file: string): number | undefined {
  const text = readIfThere(`${group}/${file}`)?.trim();
  return text === undefined || text === "" || text === "max" ? undefined : Number(text);
}

/** pids.current, which counts threads; if that controller is not on cgroup v2, cgroup.threads of the group itself. */
export function readPids(group: string): number | undefined {
  const current = readIfThere(`${group}/pids.current`);
  return current === undefined ? readIfThere(`${group}/cgroup.threads`)?.split("\n").filter(Boolean).length : Number(current);
}

function sumOf(text: string | undefined, key: string): number | undefined {
  if (text === undefined) return undefined;
  return [...text.matchAll(new RegExp(`\\b${key}=(\\d+)`, "g"))].reduce((sum, [, bytes]) => sum + Number(bytes), 0);
}

/** 67108864 is "64M", 1600000 is "1.5M": powers of 1024, as in the options. */
export function formatBytes(bytes: number): string {
  const units = ["", "K", "M", "G", "T"];
  const power = bytes < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  const number = bytes / 1024 ** power;
  return `${power === 0 || Number.isInteger(number) ? number : number.toFixed(1)}${units[power]}`;
}

/** 1234 is "1.2 s", 61000 is "1m01s". */
export function formatTime(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return `${hours > 0 ? `${hours}h` : ""}${String(minutes).padStart(hours > 0 ? 2 : 1, "0")}m${String(Math.floor(seconds % 60)).padStart(2, "0")}s`;
}

/** One line for the end of a run; undefined if nothing was counted. */
export function describeUsage(usage: Usage): string | undefined {
  const parts: string[] = [];
  const kinds = (["anon", "file", "kernel", "shmem"] as const).flatMap((kind) =>
    usage[kind] === undefined ? [] : [`${kind} ${formatBytes(usage[kind])}`],
  );
  if (usage.memoryPeak !== undefined) parts.push(`memory peak ${formatBytes(usage.memoryPeak)}`);
  if (usage.memoryCurrent !== undefined) parts.push(`memory at the end ${formatBytes(usage.memoryCurrent)} (${kinds.join(", ")})`);
  if (usage.cpuMicroseconds !== undefined) {
    const { cpuPeriods: periods = 0, cpuThrottledPeriods: throttled = 0, cpuThrottledMicroseconds: time = 0 } = usage;
    parts.push(
      `cpu ${formatTime(usage.cpuMicroseconds / 1000)}${periods > 0 ? `, throttled in ${throttled} of ${periods} periods (${formatTime(time / 1000)})` : ""}`,
    );
  }
  if (usage.pidsPeak !== undefined) parts.push(`pids peak ${usage.pidsPeak}`);
  if (usage.pidsRefused) parts.push(`${usage.pidsRefused} forks refused`);
  if (usage.readBytes || usage.writtenBytes)
    parts.push(`io ${formatBytes(usage.readBytes ?? 0)} read, ${formatBytes(usage.writtenBytes ?? 0)} written`);
  return parts.length === 0 ? undefined : parts.join("; ");
}
