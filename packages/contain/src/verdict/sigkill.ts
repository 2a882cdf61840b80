// SIGKILL: the OOM killer, ourselves, a limit of CPU time, or somebody else.
import { SIGTERM, signalName } from "@contain-tools/kernel";
import type { Evidence, Finding } from "../evidence.ts";
import { type Case, subjectOf } from "./case.ts";
import { describeKill, findVictims, logEvidence } from "./oom.ts";

/** @param status where it stands that SIGKILL ended it */
export function judgeSigkill(c: Case, status: Evidence): Finding {
  const { by } = c.oomKills;
  const who = subjectOf(c);
  const cannotTell = (why: string, evidence: readonly Evidence[]): Finding => ({
    code: "sigkill-cannot-tell",
    text: `${who} was killed by SIGKILL. By whom: cannot tell, ${why}`,
    certain: false,
    evidence: [status, ...evidence],
  });
  const { killedByUs } = c.outcome;
  if (by === undefined && killedByUs === undefined)
    return cannotTell("the counts of the OOM killer cannot be read; memory.events of its group would tell", [c.oomKills.evidence]);
  if (by) {
    const { main, others, problem } = findVictims(c);
    if (main !== undefined) return describeKill(c, main, who, "oom-kill");
    const incomplete = !c.oomKills.evidence.source.startsWith("/proc/") && others.length < by;
    if (problem !== undefined || incomplete) {
      const took = `the OOM killer took ${by} process${by === 1 ? "" : "es"}; whether this was one of them, the kernel's log would tell`;
      return cannotTell(took, [c.oomKills.evidence, logEvidence(undefined, problem ?? "it has no line for some of them")]);
    }
  }
  if (killedByUs !== undefined) return ourselves(c, who, status);
  return cpuLimit(c, who, status) ?? somebody(c, who, status);
}

function ourselves({ outcome: { asked, killedByUs }, seen: { look } }: Case, who: string, status: Evidence): Finding {
  const sender = asked?.by ? `, from ${asked.name} (PID ${asked.by})` : "";
  const signal = signalName(asked?.signal ?? SIGTERM);
  const asking: Evidence = { source: "the supervisor's siginfo", value: `${signal}${sender}`, rule: "sigaction(2) si_pid" };
  const still = look !== undefined && look.others.length > 0 ? ` Besides it there were ${look.others.join(", ")}.` : "";
  if (killedByUs === "interrupt")
    return {
      code: "killed-by-interrupt",
      text: `${who} was killed by contain: a second SIGINT came${sender}.${still}`,
      certain: true,
      evidence: [status, asking],
    };
  return {
    code: "killed-by-grace",
    text: `${who} was killed by contain: the grace window after ${signal}${sender} was over.${still}`,
    certain: true,
    evidence: [status, asking],
    mend: "a handler for the signal, --init, --stop-signal, or a longer --grace",
  };
}

/** Seconds: /proc rounds user and system time down, each to a tick. */
export const TICKS_OFF = 0.02;

/** The hard limit of RLIMIT_CPU; undefined when that was not it. */
function cpuLimit(c: Case, who: string, status: Evidence): Finding | undefined {
  const { zombie } = c.seen;
  const hard = limitOf(cpuEvidence(c), 1);
  if (zombie === undefined || !isDirect(c) || hard === undefined || zombie.cpu + TICKS_OFF < hard) return undefined;
  return {
    code: "cpu-limit",
    text: `${who} was killed by the kernel: it had used ${zombie.cpu} s of CPU, and its hard limit is ${hard} s`,
    certain: true,
    evidence: [status, zombie.cpuLimit, { ...zombie.stat, value: `${zombie.cpu} s` }],
    mend: "a higher --ulimit cpu=",
  };
}

/** The zombie that we have seen is the program itself. */
const isDirect = ({ watched: { init, indirect } }: Case) => !init && !indirect;

function cpuEvidence(c: Case): Evidence {
  const limit = isDirect(c) ? c.seen.zombie?.cpuLimit : c.seen.program?.cpuLimit;
  return limit ?? { source: "/proc/PID/limits Max cpu time", value: undefined, problem: "it was gone", rule: "setrlimit(2) RLIMIT_CPU" };
}

/** Seconds, Infinity for none. @param place 0 for the soft limit, 1 for the hard one */
export function limitOf({ value }: Evidence, place: 0 | 1): number | undefined {
  const word = value?.split(" ")[place];
  return word === undefined ? undefined : word === "unlimited" ? Number.POSITIVE_INFINITY : Number(word);
}

function somebody(c: Case, who: string, status: Evidence): Finding {
  const { oomKills, seen, watched } = c;
  const evidence = [status, oomKills.evidence, cpuEvidence(c)];
  const hard = limitOf(cpuEvidence(c), 1);
  if (hard === undefined || (!isDirect(c) && Number.isFinite(hard))) {
    const text = `${who} was killed by SIGKILL, not by the OOM killer. By whom: cannot tell; its limit of CPU time could have been it, and what it had used was not seen`;
    return { code: "sigkill-cannot-tell", text, certain: false, evidence };
  }
  const text = "not by the OOM killer, no limit of CPU time, and not by contain. The kernel keeps no record of the sender";
  if (!seen.program?.isInit || watched.init)
    return { code: "killed-by-somebody", text: `${who} was killed by SIGKILL from another process: ${text}`, certain: true, evidence };
  const rule = "pid_namespaces(7): nobody inside can kill PID 1 of a PID namespace";
  const inside: Evidence = { source: `/proc/${watched.pid}/status NSpid`, value: "1 inside", rule };
  const outside = `${who} was killed by SIGKILL from outside of the container: ${text}`;
  return { code: "killed-from-outside", text: outside, certain: true, evidence: [...evidence, inside] };
}
