// The limits on a process, over the whole chain of its groups: the lowest one, and the one that will be reached first.

import type { Evidence, Finding } from "@contain-tools/chain";
import { join } from "@contain-tools/kernel";
import { formatBytes } from "../usage.ts";
import { cannotTell, count, is, look } from "./finding.ts";
import { type Chain, chainOf, type Groups, isChain } from "./groups.ts";
import { explainMemoryUse } from "./memory.ts";
import { explainIo, explainSwap, explainThrottling } from "./throttling.ts";

/** One group's limit on one resource. */
interface Level {
  readonly dir: string;
  readonly limit: number;
  /** The usage, if the kernel counts it: CPU time has no level that could be reached. */
  readonly used: number | undefined;
  readonly proof: readonly Evidence[];
}

interface Resource {
  readonly controller: string;
  /** For the codes of a controller's further limits, which are reported only if set. */
  readonly name?: string;
  readonly rule: string;
  readonly files: (version: 1 | 2) => { readonly limit: string; readonly used?: string };
  readonly parse: (text: string, dir: string) => number | undefined;
  readonly show: (value: number) => string;
  /** What happens at the limit. */
  readonly atLimit: string;
}

const UNLIMITED_V1 = 0x7fff_ffff_ffff_0000; // PAGE_COUNTER_MAX in bytes, whatever the page size
const NONE = Number.POSITIVE_INFINITY;

function parseCount(text: string): number | undefined {
  if (text === "max" || text === "-1") return NONE;
  if (!/^\d+$/.test(text)) return undefined;
  return Number(text) >= UNLIMITED_V1 ? NONE : Number(text);
}

const RESOURCES: readonly Resource[] = [
  {
    controller: "memory",
    rule: "cgroup-v2.rst, memory.max; v1: memory.rst",
    files: (version) =>
      version === 2 ? { limit: "memory.max", used: "memory.current" } : { limit: "memory.limit_in_bytes", used: "memory.usage_in_bytes" },
    parse: parseCount,
    show: formatBytes,
    atLimit: "the kernel reclaims, and kills by OOM what it cannot",
  },
  {
    controller: "memory",
    name: "memory-high",
    rule: "cgroup-v2.rst, memory.high",
    files: () => ({ limit: "memory.high", used: "memory.current" }),
    parse: parseCount,
    show: formatBytes,
    atLimit: "the kernel slows its processes down and reclaims; it does not kill",
  },
  {
    controller: "pids",
    rule: "cgroup-v2.rst, pids.max",
    files: () => ({ limit: "pids.max", used: "pids.current" }),
    parse: parseCount,
    show: (value) => `${value}`,
    atLimit: "fork(2) fails with EAGAIN",
  },
  {
    controller: "cpu",
    rule: "cgroup-v2.rst, cpu.max; v1: sched-bwc.rst",
    files: (version) => ({ limit: version === 2 ? "cpu.max" : "cpu.cfs_quota_us" }),
    parse: parseQuota,
    show: (value) => `${Number(value.toFixed(3))} CPUs`,
    atLimit: "all processes of the group wait for the next period",
  },
];

function parseQuota(text: string, dir: string): number | undefined {
  const [quota = "", own] = text.split(" ");
  if (quota === "max" || quota === "-1") return NONE;
  const period = own ?? look(join(dir, "cpu.cfs_period_us"), "").value;
  return /^\d+$/.test(quota) && Number(period) > 0 ? Number(quota) / Number(period) : undefined;
}

export function explainLimits(groups: Groups): Finding[] {
  const io = chainOf("io", groups);
  const resources = RESOURCES.flatMap((resource) => {
    const chain = chainOf(resource.controller, groups);
    if (!isChain(chain)) return resource.name === undefined ? [chain] : [];
    return [...explainResource(resource, chain), ...(resource.name === undefined ? more(chain) : [])];
  });
  return [...resources, ...(isChain(io) ? explainIo(io) : [])];
}

function more(chain: Chain): Finding[] {
  if (chain.controller === "memory") return [...explainMemoryUse(chain), ...explainSwap(chain)];
  return chain.controller === "cpu" ? explainThrottling(chain) : [];
}

function explainResource(resource: Resource, chain: Chain): Finding[] {
  const { show } = resource;
  const controller = resource.name ?? resource.controller;
  const read = chain.levels.map((dir) => readLevel(resource, chain.version, dir));
  const unreadable = read.flatMap((level) => ("problem" in level ? [level.problem] : []));
  const limits = read.flatMap((level) => ("limit" in level && level.limit !== NONE ? [level] : []));
  const findings: Finding[] = resource.name === undefined ? [...chain.remarks] : [];
  if (unreadable.length > 0)
    findings.push(cannotTell(`${controller}-unreadable`, `the lowest ${controller} limit for certain`, unreadable));
  const lowest = leastOf(limits, ({ limit }) => limit);
  if (lowest === undefined) {
    if (unreadable.length > 0 || resource.name !== undefined) return findings;
    const proof = read.flatMap((level) => ("proof" in level ? level.proof : []));
    const none = `${controller}: no limit in ${count(chain.levels.length, "group")} from ${chain.levels[0]} up${controller === "cpu" ? " (cpu.max)" : ""}${onV1(chain)}`;
    return [...findings, is(`${controller}-no-limit`, none, proof.length > 0 ? proof : [noFile(resource, chain)])];
  }
  const use =
    lowest.used === undefined ? "" : `, ${show(lowest.used)} used: ${Math.floor((100 * lowest.used) / Math.max(lowest.limit, 1))} %`;
  const where = chain.levels[0] === lowest.dir ? "its own group" : "an ancestor of its group";
  findings.push(
    is(
      `${controller}-limit`,
      `${controller}: ${show(lowest.limit)} at most, set in ${lowest.dir}, ${where}${use}${onV1(chain)}; then ${resource.atLimit}`,
      lowest.proof,
    ),
  );
  const room = ({ limit, used }: Level) => limit - (used ?? 0);
  const first = leastOf(limits, room);
  if (first !== undefined && lowest.used !== undefined && room(first) < room(lowest))
    findings.push(
      is(
        `${controller}-first-limit`,
        `${controller}: the limit with the least room is another one, ${show(first.limit)} in ${first.dir}, where ${show(first.used ?? 0)} are used: other groups below it count there too`,
        first.proof,
      ),
    );
  return findings;
}

function readLevel(
  { files, parse, rule }: Resource,
  version: 1 | 2,
  dir: string,
): Level | { readonly problem: Evidence } | { readonly proof: [] } {
  const names = files(version);
  const limit = look(join(dir, names.limit), rule);
  // No such file: the root has none, nor does a group whose parent does not enable the controller. Nothing limits there.
  if (limit.problem === "ENOENT") return { proof: [] };
  const value = limit.value === undefined ? undefined : parse(limit.value, dir);
  if (value === undefined) return { problem: { ...limit, problem: limit.problem ?? "not a limit" } };
  if (names.used === undefined || value === NONE) return { dir, limit: value, used: undefined, proof: [limit] };
  const used = look(join(dir, names.used), rule);
  const amount = /^\d+$/.test(used.value ?? "") ? Number(used.value) : undefined;
  if (amount === undefined) return { problem: { ...used, problem: used.problem ?? "not a number" } };
  return { dir, limit: value, used: amount, proof: [limit, used] };
}

function leastOf(levels: readonly Level[], by: (level: Level) => number): Level | undefined {
  return levels.reduce<Level | undefined>((least, level) => (least === undefined || by(level) < by(least) ? level : least), undefined);
}

const onV1 = ({ version, controller }: Chain) => (version === 1 ? ` (the ${controller} controller is on a cgroup v1 hierarchy)` : "");

function noFile({ files, rule }: Resource, { levels, version }: Chain): Evidence {
  return { source: join(levels[0] ?? "", files(version).limit), value: "no such file", rule };
}
