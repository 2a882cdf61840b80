// Limits that slow down instead of refusing or killing: memory.high, cpu.max, io.max (cgroup-v2.rst).
import type { Finding } from "@contain-tools/chain";
import { keyedValue, readIfThere } from "@contain-tools/kernel";
import { IO_RULE, ioLimits, percentOf } from "../iouse.ts";
import { formatBytes, formatTime } from "../usage.ts";
import type { Case } from "./case.ts";
import { growth } from "./chain.ts";
import { hint } from "./hint.ts";

const HIGH = "cgroup-v2.rst memory.high: above it processes are slowed down and reclaim; memory.events.local high counts how often";
const CPU = "cgroup-v2.rst cpu.max, cpu.stat: nr_throttled of nr_periods";
const MANY = 0.1; // of the periods

/** Reported if it did not end well: a program that was slowed down misses its deadlines. */
export function throttles(c: Case): Finding[] {
  return c.chain.after.flatMap((_, level) => [...slowedByMemory(c, level), ...slowedByCpu(c, level), ...slowedByIo(c, level)]);
}

function slowedByMemory(c: Case, level: number): Finding[] {
  const { by, evidence } = growth(c.chain, level, "memory.events.local", "high", HIGH);
  const dir = c.chain.after[level]?.dir ?? "";
  const high = readIfThere(`${dir}/memory.high`)?.trim();
  if (!by || high === undefined || high === "max") return [];
  const limit = { source: `${dir}/memory.high`, value: high, rule: HIGH };
  const text = `memory.high of ${dir}, ${formatBytes(Number(high))}, was exceeded ${by} times: the kernel slowed its processes down`;
  return [hint("memory-high", text, [evidence, limit], "a higher --memory-high, or a program that needs less")];
}

function slowedByCpu({ chain }: Case, level: number): Finding[] {
  const now = chain.after[level];
  const text = (file: (typeof chain.after)[number] | undefined) => {
    const reading = file?.files.get("cpu.stat");
    return reading !== undefined && "text" in reading ? reading.text : undefined;
  };
  const [before, after] = [level > 0 ? text(chain.before[level - 1]) : chain.own === undefined ? "" : text(chain.own), text(now)];
  if (before === undefined || after === undefined || now === undefined) return [];
  const grown = (key: string) => (keyedValue(after, key) ?? 0) - (keyedValue(before, key) ?? 0);
  const [periods, throttled, micros] = [grown("nr_periods"), grown("nr_throttled"), grown("throttled_usec")];
  if (!(throttled > periods * MANY)) return [];
  const max = { source: `${now.dir}/cpu.max`, value: readIfThere(`${now.dir}/cpu.max`)?.trim() ?? "?", rule: CPU };
  const stat = { source: `${now.dir}/cpu.stat nr_throttled/nr_periods`, value: `${throttled}/${periods}`, rule: CPU };
  const told = `cpu.max of ${now.dir} stopped its processes in ${throttled} of ${periods} periods, ${formatTime(micros / 1000)} in all`;
  return [hint("cpu-throttled", told, [stat, max], "a higher --cpu, or fewer busy threads")];
}

const HALF = 50; // percent of what a limit allows, over all of its life: less may have had other reasons
const SHORTEST = 1000; // milliseconds: the limits are for a second, and shorter bursts may pass

/** The kernel counts no waits for io.max, only what was moved since the group was made: nothing is known of a group that was there before. */
function slowedByIo({ chain: { own, after }, ran }: Case, level: number): Finding[] {
  if (own !== undefined || ran < SHORTEST) return [];
  const dir = after[level]?.dir ?? "";
  const max = readIfThere(`${dir}/io.max`)?.trim();
  if (!max) return [];
  const source = `${after[0]?.dir}/io.stat`;
  const stat = readIfThere(source)?.trim() ?? "";
  return ioLimits(max).flatMap((one) => {
    const percent = percentOf(one, one.movedIn(stat), ran);
    if (percent < HALF) return [];
    const text = `io.max of ${dir} (${one.text} a second) was used to ${percent} % over ${formatTime(ran)}: the kernel lets requests beyond it wait`;
    const evidence = [
      { source: `${dir}/io.max`, value: max, rule: IO_RULE },
      { source, value: stat, rule: IO_RULE },
    ];
    return [hint("io-limit", text, evidence, "a higher --io, or fewer and larger requests")];
  });
}
