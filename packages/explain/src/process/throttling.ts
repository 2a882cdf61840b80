// What limits have already done: throttled CPU, swap, and time that tasks waited (PSI).
import { join } from "node:path";
import type { Evidence, Finding } from "@contain-tools/chain";
import { monotonic, pollOnce } from "@contain-tools/kernel";
import { IO_RULE, ioLimits, percentOf } from "../iouse.ts";
import { formatBytes, formatTime } from "../usage.ts";
import { cannotTell, count, fact, is, look } from "./finding.ts";
import { type Chain, chainOf, type Groups, isChain } from "./groups.ts";
import { fieldOf } from "./memory.ts";

const BURST = "sched-bwc.rst, Burst feature; cgroup-v2.rst, cpu.max.burst";
const CPU = "cgroup-v2.rst, cpu.stat; v1: sched-bwc.rst";

/** Every group of the chain can throttle. The counters begin when a group is made. */
export function explainThrottling({ levels, version }: Chain): Finding[] {
  const bursts = levels.flatMap((dir) => explainBurst(dir, version));
  const throttled = levels.flatMap((dir) => {
    const stat = look(join(dir, "cpu.stat"), CPU);
    if (stat.problem === "ENOENT") return [];
    if (stat.value === undefined) return [cannotTell("throttling-unknown", `whether ${dir} was throttled`, [stat])];
    const [periods, throttled] = [fieldOf(stat, "nr_periods"), fieldOf(stat, "nr_throttled")];
    if (periods === undefined || throttled === undefined || throttled === 0) return [];
    const micros = fieldOf(stat, "throttled_usec") ?? (fieldOf(stat, "throttled_time") ?? 0) / 1000;
    const text = `${dir} was throttled in ${throttled} of ${count(periods, "period")} since it was made, ${formatTime(micros / 1000)} in all`;
    return [
      is(
        "cpu-throttled",
        text,
        [fact(`${stat.source} nr_throttled/nr_periods`, `${throttled}/${periods}`, CPU)],
        "more quota (contain update --cpu), or fewer busy threads",
      ),
    ];
  });
  return [...bursts, ...throttled];
}

/** Its limit of CPU time is no upper bound then. */
function explainBurst(dir: string, version: 1 | 2): Finding[] {
  const allowed = look(join(dir, version === 1 ? "cpu.cfs_burst_us" : "cpu.max.burst"), BURST);
  const micros = Number(allowed.value);
  if (!(micros > 0)) return [];
  const stat = look(join(dir, "cpu.stat"), BURST);
  const times = fieldOf(stat, "nr_bursts");
  const used = times === undefined ? "" : `; it did so in ${count(times, "period")}`;
  const text = `${dir} may use ${formatTime(micros / 1000)} of CPU time more than its limit in a period, if it saved that in earlier ones${used}`;
  const proof = times === undefined ? [] : [fact(`${stat.source} nr_bursts`, `${times}`, BURST)];
  return [is("cpu-burst", text, [allowed, ...proof])];
}

const WHILE = 500; // milliseconds in which a disk's use is measured, where it is limited

/** A process that waits for io.max sleeps in state D as for a slow disk: the use of the limit tells. */
export function explainIo({ levels, version }: Chain): Finding[] {
  const read = version === 1 ? [] : levels.map((dir) => ({ dir, max: look(join(dir, "io.max"), IO_RULE), stat: join(dir, "io.stat") }));
  const limited = read.filter(({ max }) => max.value);
  if (limited.length === 0) return [];
  const before = limited.map(({ stat }) => look(stat, IO_RULE));
  const from = monotonic();
  pollOnce(-1, 0, WHILE);
  return limited.flatMap(({ dir, max, stat }, i) => {
    const after = look(stat, IO_RULE);
    const took = monotonic() - from;
    return ioLimits(max.value ?? "").map((one) => {
      const moved = one.movedIn(after.value ?? "") - one.movedIn(before[i]?.value ?? "");
      const text = `io: ${one.text} a second at most, set in ${dir}; used to ${percentOf(one, moved, took)} % in ${formatTime(took)}: requests beyond it wait, in state D`;
      return is("io-limit", text, [max, after], "a higher --io (contain update --io), or fewer and larger requests");
    });
  });
}

const SWAP = "cgroup-v2.rst, memory.swap.max";

export function explainSwap({ levels, version }: Chain): Finding[] {
  if (version === 1) return [];
  const read = levels.map((dir) => ({ dir, max: look(join(dir, "memory.swap.max"), SWAP) }));
  const limited = read.filter(({ max }) => /^\d+$/.test(max.value ?? ""));
  const [first, ...others] = limited;
  const swaps = look("/proc/swaps", "proc(5)");
  if (swaps.value !== undefined && swaps.value.split("\n").length < 2) return [is("swap-none", "swap: this machine has none", [swaps])];
  if (first === undefined) return [];
  const lowest = others.reduce((least, level) => (Number(level.max.value) < Number(least.max.value) ? level : least), first);
  const used = look(join(lowest.dir, "memory.swap.current"), SWAP);
  const now = /^\d+$/.test(used.value ?? "") ? `, ${formatBytes(Number(used.value))} used` : "";
  const text = `swap: ${formatBytes(Number(lowest.max.value))} at most, set in ${lowest.dir}${now}`;
  return [is("swap-limit", text, now === "" ? [lowest.max] : [lowest.max, used])];
}

const PSI = "Documentation/accounting/psi.rst";

/** Pressure of its group or, if the kernel has none for groups (v1, the root), of the whole machine. */
export function explainPressure(groups: Groups): Finding[] {
  const chain = chainOf("memory", groups);
  const own = isChain(chain) && chain.version === 2 ? chain.levels[0] : undefined;
  const kinds = ["memory", "cpu", "io"];
  const read = kinds.map((kind) => {
    const group = own === undefined ? undefined : look(join(own, `${kind}.pressure`), PSI);
    return group?.value === undefined
      ? { kind, whose: "the whole machine", proof: look(`/proc/pressure/${kind}`, PSI) }
      : { kind, whose: "its group", proof: group };
  });
  const missing = read.filter(({ proof }) => averages(proof) === undefined);
  if (missing.length > 0)
    return [
      cannotTell(
        "pressure-unknown",
        "the pressure (PSI)",
        missing.slice(0, 1).map(({ proof }) => proof),
        "a kernel with CONFIG_PSI and without psi=0 would tell",
      ),
    ];
  const text = read.map(({ kind, whose, proof }) => `${kind} ${averages(proof)} % (${whose})`).join(", ");
  const proof = read.map(({ proof }) => fact(`${proof.source} some`, firstLine(proof), PSI));
  return [is("pressure", `share of the last 10 s in which a task waited for it: ${text}`, proof)];
}

const firstLine = ({ value = "" }: Evidence) => value.split("\n")[0] ?? "";
const averages = (proof: Evidence) => /^some avg10=([\d.]+)/.exec(proof.value ?? "")?.[1];
