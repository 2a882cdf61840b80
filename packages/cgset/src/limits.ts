// Limit options become lines for the files of a group (cgroup-v2.rst).

import type { OptionTable, Values } from "@contain-tools/chain";
import { deviceAt, parseCount, parseLimit, quote, UsageError } from "@contain-tools/kernel";

export const limitOptions = {
  memory: { type: "string", alias: "m", valueHint: "SIZE", description: "memory.max: hard limit; without --swap also memory.swap.max 0" },
  "memory-high": { type: "string", valueHint: "SIZE", description: "memory.high: above it the group is throttled and reclaimed" },
  swap: { type: "string", valueHint: "SIZE", description: "memory.swap.max" },
  cpu: {
    type: "string",
    also: ["cpus"],
    valueHint: "QUOTA",
    description: 'cpu.max: 50000 (µs of each 100000), 0.5 or 2 (CPUs, below 1000), 50%, "50000 100000", max',
  },
  "cpu-weight": { type: "string", valueHint: "N", description: "cpu.weight: 1 to 10000, 100 by default" },
  cpuset: { type: "string", also: ["cpuset-cpus"], valueHint: "CPUS", description: "cpuset.cpus: 0-2,4" },
  pids: { type: "string", also: ["pids-limit"], valueHint: "N", description: "pids.max: processes and threads; max or -1 for no limit" },
  io: {
    type: "string",
    valueHint: '"DEV KEY=N…"',
    repeat: true,
    description: 'io.max: "8:0 rbps=1048576 wiops=100", or the path of a block device',
  },
  "oom-group": { type: "boolean", description: "memory.oom.group: an OOM kill takes all processes of the group" },
  set: { type: "string", valueHint: "FILE=VALUE", repeat: true, description: "write VALUE into any other file of the group" },
} as const satisfies OptionTable;

type LimitOption = keyof typeof limitOptions;

/** One write: `memory.max <- 67108864`. */
export interface Write {
  readonly file: string;
  readonly value: string;
}

/** Reads the limit options, in the order of writing. @throws UsageError */
export function readLimits(given: Values<LimitOption>): Write[] {
  const one = (option: LimitOption, file: string, read: (option: string, text: string) => string): Write[] => {
    const text = given.value(option);
    return text === undefined ? [] : [{ file, value: read(`--${option}`, text) }];
  };
  const memory = one("memory", "memory.max", parseLimit);
  const swap = one("swap", "memory.swap.max", parseLimit);
  // Otherwise a group at its limit would swap instead of being killed, which most people do not expect from a limit.
  const noSwap = memory.length > 0 && swap.length === 0 && memory[0]?.value !== "max" ? [{ file: "memory.swap.max", value: "0" }] : [];
  return [
    ...memory,
    ...swap,
    ...noSwap,
    ...one("memory-high", "memory.high", parseLimit),
    ...(given.has("oom-group") ? [{ file: "memory.oom.group", value: "1" }] : []),
    ...one("cpu", "cpu.max", parseCpu),
    ...one("cpu-weight", "cpu.weight", (option, text) => `${parseCount(option, text, 1, 10000)}`),
    ...one("cpuset", "cpuset.cpus", parseCpuset),
    ...one("pids", "pids.max", (option, text) => (text === "max" || text === "-1" ? "max" : `${parseCount(option, text, 0, 4194304)}`)),
    ...given.all("io").map((text) => ({ file: "io.max", value: parseIo(text) })),
    ...given.all("set").map(parseSet),
  ];
}

/** cpu.weight, 1 to 10000, for cpu.shares of cgroup v1, 2 to 262144; as systemd, runc and crun do. */
export function weightOfShares(shares: number): number {
  const within = Math.min(Math.max(shares, 2), 262144);
  return 1 + Math.floor(((within - 2) * 9999) / 262142);
}

const PERIOD = 100_000; // µs, the kernel's default
const MAX_QUOTA = 2 ** 44 - 1; // µs, MAX_BW in kernel/sched/sched.h

/** cpu.max: "QUOTA PERIOD" in µs. Below 1000 a number means CPUs; the kernel takes no quota under 1000 µs. */
function parseCpu(option: string, text: string): string {
  const [, quota = "", period = ""] = /^(\d+|max) (\d+)$/.exec(text) ?? [];
  if (period !== "") {
    if (Number(period) < 1000 || Number(period) > 1_000_000)
      throw new UsageError(`${option} ${quote(text)}: the period is from 1000 to 1000000 µs`);
    return `${quota === "max" ? quota : checkQuota(option, text, Number(quota))} ${Number(period)}`;
  }
  if (text === "max") return `max ${PERIOD}`;
  const [, digits = "", percent] = /^(\d+(?:\.\d+)?)(%?)$/.exec(text) ?? [];
  if (digits === "")
    throw new UsageError(
      `${option} ${quote(text)} is not a CPU limit`,
      '50000 (µs of each 100000), 0.5 or 2 (CPUs), 50%, "50000 100000", or max',
    );
  const number = Number(digits);
  return `${checkQuota(option, text, percent ? (number / 100) * PERIOD : number < 1000 ? number * PERIOD : number)} ${PERIOD}`;
}

function checkQuota(option: string, text: string, quota: number): number {
  if (quota >= 1000 && quota <= MAX_QUOTA) return Math.round(quota);
  throw new UsageError(
    `${option} ${quote(text)}: the quota would be ${quota} µs`,
    `the kernel takes one from 1000 (1% of a CPU) to ${MAX_QUOTA} µs`,
  );
}

function parseCpuset(option: string, text: string): string {
  if (!/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(text)) throw new UsageError(`${option} ${quote(text)} is not a list of CPUs`, "0-2,4");
  return text;
}

function parseIo(text: string): string {
  const [device = "", ...limits] = text.trim().split(/\s+/);
  const form = 'a block device and its limits: "8:0 rbps=1048576", keys rbps, wbps, riops, wiops';
  if (limits.length === 0 || !limits.every((limit) => /^(rbps|wbps|riops|wiops)=(\d+[KMGT]?|max)$/i.test(limit)))
    throw new UsageError(`--io ${quote(text)}: must be ${form}`);
  const bytes = limits.map((limit) => {
    const [key = "", value = ""] = limit.split("=");
    return `${key}=${parseLimit(`--io ${key}`, value)}`;
  });
  return [/^\d+:\d+$/.test(device) ? device : deviceNumber(device, text), ...bytes].join(" ");
}

function deviceNumber(path: string, text: string): string {
  const device = deviceAt(path);
  if (device?.type !== "b") throw new UsageError(`--io ${quote(text)}: ${path} is not a block device`);
  return `${device.major}:${device.minor}`;
}

function parseSet(text: string): Write {
  const match = /^([a-z0-9_]+(?:\.[a-zA-Z0-9_]+)+)=(.+)$/.exec(text);
  if (!match)
    throw new UsageError(`--set ${quote(text)}: must be FILE=VALUE`, "a file of the group: --set memory.min=16M is written as it stands");
  const [, file = "", value = ""] = match;
  return { file, value };
}

/** The controllers of these files; cgroup.* files need none. */
export function controllersOf(writes: readonly Write[]): string[] {
  return [...new Set(writes.map(({ file }) => file.split(".")[0] ?? "").filter((name) => name !== "cgroup"))];
}
