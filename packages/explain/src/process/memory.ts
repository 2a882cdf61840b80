// How near a process is to an OOM kill: its group's usage, without what the kernel can reclaim at once, against the limit.
import { join } from "node:path";
import type { Evidence, Finding } from "@contain-tools/chain";
import { formatBytes } from "../usage.ts";
import { cannotTell, count, fact, is, look } from "./finding.ts";
import type { Chain } from "./groups.ts";

const RULE = "cgroup-v2.rst, memory.stat and memory.events";
const NEAR = 0.9;

export function explainMemoryUse(chain: Chain): Finding[] {
  return [...chain.levels.flatMap((dir) => [...nearLimit(dir, chain.version), ...aboveHigh(dir)]), ...oomKills(chain)];
}

/** Above memory.high nothing is killed: every allocation sleeps for a while (mm/memcontrol.c mem_cgroup_handle_over_high). */
function aboveHigh(dir: string): Finding[] {
  const rule = "cgroup-v2.rst, memory.high and memory.events.local";
  const [high, used, events] = ["memory.high", "memory.current", "memory.events.local"].map((file) => look(join(dir, file), rule)) as [
    Evidence,
    Evidence,
    Evidence,
  ];
  const times = fieldOf(events, "high") ?? 0;
  if (!/^\d+$/.test(high.value ?? "") || times === 0) return [];
  const now = Number(used.value) >= Number(high.value) ? ", and is now" : "";
  const text = `memory.high of ${dir}, ${formatBytes(Number(high.value))}, has been exceeded ${times} times${now}: the kernel slows its processes down`;
  return [
    is(
      "memory-high-throttled",
      text,
      [high, used, fact(`${events.source} high`, `${times}`, rule)],
      "a higher memory.high (contain run --memory-high), or find what grows",
    ),
  ];
}

/** Page cache is reclaimed at the limit, so memory.current alone says nothing about OOM. */
function nearLimit(dir: string, version: 1 | 2): Finding[] {
  const [max, current] = version === 2 ? ["memory.max", "memory.current"] : ["memory.limit_in_bytes", "memory.usage_in_bytes"];
  const limit = look(join(dir, max), RULE);
  const used = look(join(dir, current), RULE);
  const [most, now] = [Number(limit.value), Number(used.value)];
  if (!(most > 0) || !(now >= most * NEAR)) return [];
  const stat = look(join(dir, "memory.stat"), RULE);
  const prefix = version === 2 ? "" : "total_";
  const fields = [`${prefix}inactive_file`, `${prefix}active_file`, ...(version === 2 ? ["slab_reclaimable"] : [])];
  const values = fields.map((name) => fieldOf(stat, name));
  if (values.includes(undefined)) return [cannotTell("memory-near-unknown", `how much of ${dir} could be reclaimed`, [limit, used, stat])];
  const reclaimable = values.reduce<number>((sum, value) => sum + (value ?? 0), 0);
  const held = Math.max(0, now - reclaimable);
  const proof = [limit, used, fact(`${stat.source} ${fields.join("+")}`, `${reclaimable}`, RULE)];
  const of = `${formatBytes(now)} of ${formatBytes(most)} in ${dir}`;
  if (held < most * NEAR)
    return [
      is(
        "memory-cache-full",
        `memory is nearly used up (${of}), but ${formatBytes(reclaimable)} of it are files' pages and the like, which the kernel takes back: no OOM kill is near`,
        proof,
      ),
    ];
  return [
    is(
      "memory-near-oom",
      `an OOM kill is near: ${of} are used, and no more than ${formatBytes(reclaimable)} can be reclaimed without swap`,
      proof,
      "raise the limit (contain update --memory), or find what grows",
    ),
  ];
}

/** Earlier kills (memory.events is hierarchical; .local counts this group alone). */
function oomKills({ levels, version }: Chain): Finding[] {
  const [own = ""] = levels;
  if (version === 1) return [];
  const events = look(join(own, "memory.events"), RULE);
  if (events.problem === "ENOENT") return [];
  const kills = fieldOf(events, "oom_kill");
  if (kills === undefined) return [cannotTell("oom-kills-unknown", "whether the OOM killer was here", [events])];
  if (kills === 0) return [];
  return [
    is("oom-kills", `the OOM killer has taken ${count(kills, "process", "processes")} of its group since that was made`, [
      fact(`${events.source} oom_kill`, `${kills}`, RULE),
    ]),
  ];
}

/** A number of a flat keyed file. */
export function fieldOf({ value }: Evidence, name: string): number | undefined {
  const text = new RegExp(`^${name} (\\d+)$`, "m").exec(value ?? "")?.[1];
  return text === undefined ? undefined : Number(text);
}
