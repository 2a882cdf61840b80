// Forks that pids.max refused, and the group that has the limit.
import type { Evidence, Finding } from "@contain-tools/chain";
import { exists, readIfThere } from "@contain-tools/kernel";
import type { Case } from "./case.ts";
import { growth } from "./chain.ts";
import { hint } from "./hint.ts";

const RULE = "cgroup-v2.rst pids.events: max counts the forks that pids.max refused (EAGAIN)";
const FIX = "a higher --pids";

/**
 * Up to Linux 6.11 pids.events counts in the group of the fork; since then in the group with the limit, and pids.events.local excludes the
 * groups below.
 */
export function pidsLimit(c: Case): Finding[] {
  const { after } = c.chain;
  const local = after.map((_, level) => growth(c.chain, level, "pids.events.local", "max", RULE));
  const at = local.findIndex(({ by }) => by);
  const own = growth(c.chain, 0, "pids.events", "max", RULE);
  if (at > 0) {
    const where = `${after[at]?.dir}, above the container's group; by a process of the container's or of another one there`;
    return [
      refused(
        c,
        local[at]?.by ?? 0,
        where,
        local.slice(at, at + 1).map(({ evidence }) => evidence),
        FIX,
      ),
    ];
  }
  if (own.by === undefined && !own.absent)
    return [hint("cannot-tell", "whether a fork was refused: cannot tell; pids.events would", [own.evidence])];
  if (!own.by) return [];
  const limits = after.flatMap(({ dir }) => limitOf(dir) ?? []);
  const possible = at === 0 ? limits.filter(({ dir }) => dir === after[0]?.dir) : limits.filter(({ reached }) => reached !== false);
  const [one, another] = possible;
  const top = after.at(-1)?.dir ?? "";
  // Every group but the root of the hierarchy has cgroup.events: there are more groups above this one.
  const hidden = at !== 0 && exists(`${top}/cgroup.events`);
  const evidence = [own.evidence, ...limits.flatMap((limit) => limit.evidence)];
  if (one === undefined && hidden)
    return [refused(c, own.by, `a group above ${top}, which cannot be seen here: those that can were below their limits`, evidence)];
  if (one === undefined) return [refused(c, own.by, "a group of the chain; which: cannot tell", evidence)];
  if (another === undefined && (!hidden || one.reached === true)) return [refused(c, own.by, `${one.dir} (${one.max})`, evidence, FIX)];
  const others = [
    ...possible.map(({ dir, max }) => `${dir} (${max})`),
    ...(hidden ? [`a group above ${top}, which cannot be seen here`] : []),
  ];
  return [refused(c, own.by, `one of these, which: cannot tell: ${others.join(", ")}`, evidence)];
}

interface Limit {
  readonly dir: string;
  readonly max: string;
  /** It was reached at some time; undefined before Linux 6.6, which has no pids.peak. */
  readonly reached: boolean | undefined;
  readonly evidence: readonly Evidence[];
}

function limitOf(dir: string): Limit | undefined {
  const max = readIfThere(`${dir}/pids.max`)?.trim();
  if (max === undefined || max === "max") return undefined;
  const peak = readIfThere(`${dir}/pids.peak`)?.trim();
  const evidence: Evidence[] = [{ source: `${dir}/pids.max`, value: max, rule: "cgroup-v2.rst pids.max" }];
  if (peak !== undefined) evidence.push({ source: `${dir}/pids.peak`, value: peak, rule: "cgroup-v2.rst pids.peak" });
  return { dir, max, reached: peak === undefined ? undefined : Number(peak) >= Number(max), evidence };
}

function refused({ seen: { refusal } }: Case, times: number, where: string, evidence: readonly Evidence[], fix?: string): Finding {
  const text = `${times} fork${times === 1 ? " was" : "s were"} refused (EAGAIN) by pids.max of ${where}`;
  if (refusal === undefined || refusal.zombies * 2 < refusal.current) return hint("pids-limit", text, evidence, fix);
  const { zombies, current, parents } = refusal;
  const those = `. Of the ${current} that were counted then, ${zombies} were zombies, which only their parent can reap: ${parents.join(", ")}`;
  return hint(
    "pids-zombies",
    `${text}${those}`,
    [...evidence, ...refusal.evidence],
    "a parent that waits for its children, or --init for orphans; a higher --pids only delays it",
  );
}
