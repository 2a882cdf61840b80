// linux.resources as words of cgset: the numbers of cgroup v1, on which the specification is based, become those of v2 (cgroup-v2.rst).
import { weightOfShares } from "@contain-tools/cgset";
import { OciError } from "../failure.ts";
import type { BlockIO, DeviceRule, Resources } from "../spec/spec.ts";

/** `--device` and `--set` words. Zero means "not set" if the engines send it so. @throws OciError */
export function resourceWords(resources: Resources): string[] {
  return [...(resources.devices === undefined ? [] : deviceWords(resources.devices)), ...limitWords(resources)];
}

/** The same without the devices. */
export function limitWords(resources: Resources): string[] {
  const { pids, hugepageLimits = [], rdma = {}, unified = {}, blockIO = {} } = resources;
  const writes: (readonly [file: string, value: string | number | undefined])[] = [
    ...memoryWrites(resources.memory),
    ...cpuWrites(resources.cpu),
    ["pids.max", pids?.limit ? unlimited(pids.limit) : undefined],
    ...ioWrites(blockIO),
    ...hugepageLimits.map(({ pageSize, limit }) => [`hugetlb.${pageSize}.max`, limit] as const),
    ...Object.entries(rdma).map(([device, { hcaHandles, hcaObjects }]) => {
      const values = [...pair("hca_handle", hcaHandles), ...pair("hca_object", hcaObjects)];
      return ["rdma.max", values.length > 0 ? [device, ...values].join(" ") : undefined] as const;
    }),
    ...Object.entries(unified).flatMap(([file, value]) => {
      if (file.includes("/") || !file.includes("."))
        throw new OciError(`linux.resources.unified: ${JSON.stringify(file)} is not a file of a group`);
      return value.split("\n").map((line) => [file, line] as const);
    }),
  ];
  return writes.flatMap(([file, value]) => (value === undefined || value === "" ? [] : ["--set", `${file}=${value}`]));
}

const unlimited = (value: number): string => (value < 0 ? "max" : `${BigInt(value)}`);
const pair = (key: string, value: number | undefined): string[] => (value === undefined ? [] : [`${key}=${value}`]);

function memoryWrites(memory: Resources["memory"] = {}): (readonly [string, string | undefined])[] {
  const { limit = 0, reservation = 0, swap = 0 } = memory;
  return [
    ["memory.max", limit === 0 ? undefined : unlimited(limit)],
    ["memory.low", reservation === 0 ? undefined : unlimited(reservation)],
    ["memory.swap.max", swapOf(limit, swap)],
  ];
}

/** The specification's swap is memory and swap together. */
function swapOf(limit: number, swap: number): string | undefined {
  if (swap === 0) return undefined;
  if (swap < 0) return "max";
  if (limit <= 0) throw new OciError("linux.resources.memory.swap: without memory.limit it has no meaning: it is memory and swap together");
  if (swap < limit) throw new OciError(`linux.resources.memory.swap ${swap}: it is less than memory.limit ${limit}, which it includes`);
  return unlimited(swap - limit);
}

function cpuWrites(cpu: Resources["cpu"] = {}): (readonly [string, string | number | undefined])[] {
  const { shares = 0, quota = 0, period = 0, burst, idle, cpus, mems } = cpu;
  const maximum = quota === 0 && period === 0 ? undefined : `${quota > 0 ? quota : "max"} ${period || 100_000}`;
  return [
    ["cpu.idle", idle],
    ["cpu.weight", shares === 0 ? undefined : weightOfShares(shares)],
    ["cpu.max", maximum],
    ["cpu.max.burst", burst],
    ["cpuset.cpus", cpus],
    ["cpuset.mems", mems],
  ];
}

export const THROTTLES = [
  ["throttleReadBpsDevice", "rbps"],
  ["throttleWriteBpsDevice", "wbps"],
  ["throttleReadIOPSDevice", "riops"],
  ["throttleWriteIOPSDevice", "wiops"],
] as const;

function ioWrites(io: BlockIO): (readonly [string, string | undefined])[] {
  const weight = (value: number) => `${1 + Math.floor(((value - 10) * 9999) / 990)}`; // 10 to 1000 to 1 to 10000
  return [
    ["io.weight", io.weight ? `default ${weight(io.weight)}` : undefined],
    ...(io.weightDevice ?? []).map((d) => ["io.weight", d.weight ? `${d.major}:${d.minor} ${weight(d.weight)}` : undefined] as const),
    ...THROTTLES.flatMap(([name, key]) =>
      (io[name] ?? []).map(({ major, minor, rate }) => ["io.max", `${major}:${minor} ${key}=${rate || "max"}`] as const),
    ),
  ];
}

/** What every container may do: make nodes, and use the devices of its own /dev. */
const ALWAYS = ["c *:* m", "b *:* m", "c 1:3", "c 1:5", "c 1:7", "c 1:8", "c 1:9", "c 5:0", "c 5:2", "c 136:*"];

/** The last rule that fits decides, here as in cgset. A rule for every device cancels all earlier ones. */
export function deviceWords(rules: readonly DeviceRule[]): string[] {
  const words: string[] = ["deny a"];
  for (const rule of rules) {
    const text = deviceRule(rule);
    if (/^(deny )?a$/.test(text)) words.length = 0;
    words.push(text);
  }
  return [...words, ...ALWAYS].flatMap((word) => ["--device", word]);
}

function deviceRule({ allow, type = "a", major, minor, access = "rwm" }: DeviceRule): string {
  const number = (value: number | undefined) => (value === undefined || value < 0 ? "*" : `${value}`);
  if (!/^[abc]$/.test(type || "a")) throw new OciError(`linux.resources.devices: type ${type} is not a, b or c`);
  if (!/^[rwm]+$/.test(access || "rwm")) throw new OciError(`linux.resources.devices: access ${access} is not of r, w and m`);
  const all = (type || "a") === "a" && number(major) === "*" && number(minor) === "*" && (access || "rwm").length === 3;
  return `${allow ? "" : "deny "}${all ? "a" : `${type || "a"} ${number(major)}:${number(minor)} ${access || "rwm"}`}`;
}
