// SIGKILL: from the OOM killer, from us, from a limit of CPU time, or from somebody else.

import type { Evidence, Finding } from "@contain-tools/chain";
import { type Fate, SIGHUP, SIGKILL, SIGTERM, signalName } from "@contain-tools/kernel";
import { FATES } from "../process/fates.ts";
import { type Case, subjectOf } from "./case.ts";
import { asFirst, firstEvidence } from "./first.ts";
import { describeKill, findVictims, logEvidence } from "./oom.ts";
import { judgeOwn, noneEvidence, ownSignal } from "./own.ts";

/** @param status the evidence that SIGKILL ended it */
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
  const own = ownSignal(c.own, SIGKILL);
  if (by === undefined && killedByUs === undefined && own === undefined)
    return cannotTell("the counts of the OOM killer cannot be read; memory.events of its group would tell", [c.oomKills.evidence]);
  if (by) {
    const { main, lines, problem } = findVictims(c);
    if (main !== undefined) return describeKill(c, main, subjectOf(c, main.name), "oom-kill");
    const incomplete = !c.oomKills.evidence.source.startsWith("/proc/") && lines < by;
    if (problem !== undefined || incomplete) {
      const took = `the OOM killer took ${by} process${by === 1 ? "" : "es"}; whether this was one of them, the kernel's log would tell`;
      return cannotTell(took, [c.oomKills.evidence, logEvidence(undefined, problem ?? "it has no line for some of them")]);
    }
  }
  if (killedByUs !== undefined) return ourselves(c, who, status);
  if (own !== undefined) return judgeOwn(own, who, status);
  if (c.own.problem !== undefined)
    return cannotTell("whether a command of contain did it cannot be read; its notes would tell", [noneEvidence(c.own, SIGKILL)]);
  return somebody(c, status);
}

function ourselves({ outcome: { asked, killedByUs, inD }, seen: { look } }: Case, who: string, status: Evidence): Finding {
  const sender = asked === undefined ? "" : `, from ${asked.from}`;
  const signal = signalName(asked?.signal ?? (killedByUs === "hangup" ? SIGHUP : SIGTERM));
  const asking: Evidence = { source: "the supervisor's siginfo", value: `${signal}${sender}`, rule: "sigaction(2) si_pid" };
  const still =
    look !== undefined && look.others.length > 0
      ? ` Besides it there were ${look.others.map(({ name, pid }) => `${name} (PID ${pid})`).join(", ")}.`
      : "";
  if (killedByUs === "hangup")
    return {
      code: "killed-by-hangup",
      text: `${who} was killed by contain: the terminal was closed, and it has no handler for SIGHUP, which the kernel drops for PID 1 of a PID namespace.${still}`,
      certain: true,
      evidence: [status, { ...asking, value: "the controlling terminal is gone", source: "open(/dev/tty)", rule: "pid_namespaces(7)" }],
      fix: "--detach for what must go on without a terminal; a handler for SIGHUP, or --init",
    };
  if (killedByUs === "interrupt")
    return {
      code: "killed-by-interrupt",
      text: `${who} was killed by contain: a second SIGINT came${sender}.${still}`,
      certain: true,
      evidence: [status, asking],
    };
  if (killedByUs === "keys")
    return {
      code: "killed-by-keys",
      text: `${who} was killed by contain: Ctrl-C was pressed three times within two seconds, and SIGINT did not end it.${still}`,
      certain: true,
      evidence: [status, { source: "keys on the terminal", value: "Ctrl-C, three times", rule: "pid_namespaces(7), signal(7)" }],
      fix: "a handler for SIGINT, or --init",
    };
  const stuck =
    inD.length === 0 ? "" : ` In uninterruptible sleep (state D), where no signal is taken, was ${inD.map((one) => one.who).join(", ")}.`;
  const { fate, proof } = asked?.reaction ?? { fate: undefined, proof: [] };
  const why = fate === undefined ? "" : ` When ${signalName(asked?.sent ?? SIGTERM)} came, ${asked?.reaction.who}: ${FATES[fate]}.`;
  return {
    code: "killed-by-grace",
    text: `${who} was killed by contain: the grace window after ${signal}${sender} was over.${why}${stuck}${still}`,
    certain: true,
    evidence: [status, asking, ...proof, ...inD.map((one) => one.evidence)],
    fix: FIXES[fate ?? "unknown"] ?? "a handler for the signal, --init, --stop-signal, or a longer --grace",
  };
}

const FIXES: Partial<Record<Fate, string>> = {
  handled: "a longer --grace, or a handler that ends the program sooner",
  dropped: "a handler for the signal, --init, or --stop-signal with one that it handles",
  ignored: "--stop-signal with a signal that it does not ignore",
};

/**
 * Whether its limit of CPU time may be the reason. /proc shows exact usage, but the limit counts ticks of the clock
 * (kernel/time/posix-cpu-timers.c), so from half the limit on nobody can be sure.
 */
function cpuLimit(c: Case): { readonly far: boolean; readonly evidence: readonly Evidence[]; readonly told: string } {
  const { program } = c.seen;
  const zombie = c.seen.zombie?.();
  const gone: Evidence = { source: "/proc/PID/stat", value: undefined, problem: "it was gone", rule: "proc_pid_stat(5)" };
  if (zombie === undefined || !Number.isFinite(zombie.cpu)) return { far: false, evidence: [zombie?.stat ?? gone], told: "" };
  const used = { ...zombie.stat, value: `${zombie.cpu} s of CPU, children included` };
  if (zombie.cpu < 0.5) return { far: true, evidence: [{ ...used, rule: "setrlimit(2) RLIMIT_CPU: whole seconds, 1 at least" }], told: "" };
  const isDirect = !c.watched.init && !c.watched.indirect;
  const limit = (isDirect ? zombie.cpuLimit : program?.cpuLimit) ?? { ...gone, source: "/proc/PID/limits" };
  const word = limit.value?.split(" ")[1];
  const hard = word === "unlimited" ? Number.POSITIVE_INFINITY : Number(word ?? Number.NaN);
  const told = hard > 0 ? `: it used ${zombie.cpu} s of the ${hard} s that it may` : "";
  return { far: zombie.cpu < hard / 2, evidence: [limit, used], told };
}

function somebody(c: Case, status: Evidence): Finding {
  const { oomKills } = c;
  const who = subjectOf(asFirst(c));
  const cpu = cpuLimit(asFirst(c));
  const evidence = [status, oomKills.evidence, ...cpu.evidence, noneEvidence(c.own, SIGKILL)];
  if (!cpu.far) {
    const text = `${who} was killed by SIGKILL, not by the OOM killer. By whom: cannot tell; the kernel may have, for its hard limit of CPU time (RLIMIT_CPU, --ulimit cpu=), or somebody${cpu.told}; a limit far from what it used would tell`;
    return { code: "sigkill-cannot-tell", text, certain: false, evidence };
  }
  const text = "not by the OOM killer, no limit of CPU time, and not by contain. The kernel keeps no record of the sender";
  const rule = "pid_namespaces(7): nobody inside can kill PID 1 of a PID namespace";
  const inside = firstEvidence(c, rule);
  if (inside === undefined) {
    const sent = `${who} was killed by a SIGKILL that a process sent: itself, another one inside, or one outside`;
    return { code: "killed-by-somebody", text: `${sent}; ${text}`, certain: true, evidence };
  }
  const outside = `${who} was killed by SIGKILL from outside of the container: ${text}`;
  return { code: "killed-from-outside", text: outside, certain: true, evidence: [...evidence, inside] };
}
