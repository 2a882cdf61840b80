// The OOM killer: which processes of a container it killed, and which limit fired.

import type { Evidence, Finding } from "@contain-tools/chain";
import { formatBytes } from "../usage.ts";
import { type Case, problemOfLog } from "./case.ts";
import { growth } from "./chain.ts";
import { findOomKills, isIn, levelOf, type OomKill } from "./oomlog.ts";

const LOG_RULE = "mm/oom_kill.c: one line for each victim; oom_memcg is the group whose limit fired, task_memcg the victim's";

interface Victims {
  /** The program or PID 1. */
  readonly main: OomKill | undefined;
  readonly others: readonly OomKill[];
  /** Lines of the log: with memory.oom.group the first victim is killed, counted and logged twice (mm/oom_kill.c). */
  readonly lines: number;
  /** Why the log cannot tell. */
  readonly problem: string | undefined;
}

/** The container's own processes among those in the kernel's log. */
export function findVictims({ log, watched, seen }: Case): Victims {
  const read = log();
  const problem = problemOfLog(read);
  const kills = read.problem === undefined ? findOomKills(read.records) : []; // what is left of a log that lost records is true
  const main = kills.find(({ pid }) => pid === watched.pid || pid === seen.program?.pid);
  const ours = watched.group === undefined ? [] : kills.filter((kill) => isIn(kill, watched.group ?? ""));
  const others = once(ours.filter(({ pid }) => pid !== main?.pid));
  return { main, others, lines: main !== undefined && !ours.includes(main) ? ours.length + 1 : ours.length, problem };
}

/** With memory.oom.group the first victim is logged twice. */
function once(kills: readonly OomKill[]): OomKill[] {
  return [...new Map(kills.map((kill) => [kill.pid, kill])).values()];
}

export function logEvidence(value: string | undefined, problem?: string): Evidence {
  return { source: "/dev/kmsg", value, ...(problem === undefined ? {} : { problem }), rule: LOG_RULE };
}

export const takenBy = (who: string) => `${who} was killed by the OOM killer`;

const WHOSE = "cgroup-v2.rst memory.events.local: oom counts where the limit fired, oom_kill where the victim lived";

/** A verdict about one victim. @param who the beginning of the sentence */
export function describeKill(c: Case, kill: OomKill, who: string, code: string): Finding {
  const evidence = [c.oomKills.evidence, logEvidence(kill.line)];
  const taken = takenBy(who);
  const held = `It held ${describe([
    ["anon", kill.anon],
    ["file", kill.file],
    ["shmem", kill.shmem],
  ])}.`;
  const group = kill.together === undefined ? "" : ` It went with all of ${kill.together} (memory.oom.group).`;
  const kinds = kill.kinds.size === 0 ? "" : ` In the group were ${describe([...kill.kinds])}.`;
  const finding = (end: string, text: string, more: readonly Evidence[] = []): Finding => ({
    code: `${code}${end}`,
    text: `${taken}: ${text}. ${held}${kinds}${group}`,
    certain: true,
    evidence: [...evidence, ...more],
  });
  if (!kill.byLimit) return finding("-machine", "the whole machine was out of memory, no limit of a group");
  const level = levelOf(kill, c.watched.group ?? "/?");
  if (level === undefined && kill.oomGroup === undefined) return unknownLimit(c, taken, evidence, "the kernel's log leaves out which one");
  if (level === undefined && kill.oomGroup === kill.group)
    return finding("-own-limit", `the memory limit of its own group ${kill.oomGroup} was reached`);
  if (level === undefined || level >= c.chain.after.length)
    return finding("-ancestor-limit", `the memory limit of the group ${kill.oomGroup}, above its own, was reached`);
  if (level < 0) return finding("-inner-limit", `the memory limit of the group ${kill.oomGroup}, inside of its own, was reached`);
  const fired = growth(c.chain, level, "memory.events.local", "oom", WHOSE);
  if (!fired.by) return unknownLimit(c, taken, [...evidence, fired.evidence], "memory.events.local does not confirm the log");
  const dir = c.chain.after[level]?.dir ?? "";
  const max = c.read(`${dir}/memory.max`);
  const bytes = "text" in max ? Number(max.text) : Number.NaN;
  const limit = bytes > 0 ? `${formatBytes(bytes)} of ${dir}` : dir;
  const set = "text" in max ? [{ source: `${dir}/memory.max`, value: max.text.trim(), rule: "cgroup-v2.rst memory.max" }] : [];
  const proof = [fired.evidence, ...set];
  if (level > 0) return finding("-ancestor-limit", `the memory limit of a group above its own was reached, ${limit}`, proof);
  return {
    ...finding("-own-limit", `its own memory limit was reached, ${limit}`, proof),
    fix: "a higher --memory, or a program that needs less",
  };
}

export function unknownLimit(c: Case, taken: string, evidence: readonly Evidence[], why: string): Finding {
  const text = `${taken}. By which limit: cannot tell, ${why}; memory.events.local of ${c.watched.group ?? "its group"} and of the groups above would tell`;
  return { code: "oom-cannot-tell", text, certain: false, evidence };
}

function describe(kinds: readonly (readonly [string, number])[]): string {
  const parts = kinds.filter(([, bytes]) => bytes > 0).map(([kind, bytes]) => `${kind} ${formatBytes(bytes)}`);
  return parts.join(", ") || "next to nothing";
}

/** Processes that the OOM killer killed while the program itself was not a victim. */
export function otherVictims(c: Case): Finding[] {
  const { by, absent, evidence } = c.oomKills;
  if (by === undefined && !absent && c.watched.group !== undefined && evidence.source.startsWith(c.watched.group)) {
    const text = "whether the OOM killer took a process of the container: cannot tell; memory.events of its group would tell";
    return [{ code: "oom-cannot-tell", text, certain: false, evidence: [evidence] }];
  }
  if (!by) return [];
  const { others, lines, problem } = findVictims(c);
  const found = others.map((kill) => describeKill(c, kill, `${kill.name} (PID ${kill.pid})`, "oom-other"));
  // The machine's count is not this container's.
  const missing = evidence.source.startsWith("/proc/") ? 0 : by - lines;
  if (missing <= 0) return found;
  const which = { ...logEvidence(undefined, problem ?? "no line names them") };
  const text = `the OOM killer took ${missing} process${missing === 1 ? "" : "es"} of the container. Which: cannot tell; the kernel's log would (/dev/kmsg: ${which.problem})`;
  return [...found, { code: "oom-cannot-tell", text, certain: false, evidence: [evidence, which] }];
}
