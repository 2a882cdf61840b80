// PID 1 of a container that was itself ended by a signal, whether it is the program or `pid1`.
import type { Evidence, Finding } from "@contain-tools/chain";
import { endSignal, SIGHUP, SIGINT, signalName } from "@contain-tools/kernel";
import { type Case, subjectOf } from "./case.ts";

/** The case as that of PID 1, where `pid1` stands before the program and was itself ended. */
export function asFirst(c: Case): Case {
  const { outcome, watched, seen } = c;
  if (!watched.init || watched.indirect || endSignal(outcome.status) === 0) return c;
  return { ...c, watched: { ...watched, init: false }, seen: { ...seen, program: undefined } };
}

/** That what ended is PID 1 of a PID namespace; undefined where it is not, or nobody looked. */
export function firstEvidence({ outcome, watched, seen, made }: Case, rule: string): Evidence | undefined {
  if (watched.indirect || endSignal(outcome.status) === 0) return undefined;
  if (!watched.init) return seen.program?.isInit ? { source: `/proc/${watched.pid}/status NSpid`, value: "1 inside", rule } : undefined;
  return made.includes("pid") ? { source: "the namespaces that were made", value: made.join(" "), rule } : undefined;
}

const REBOOT = "reboot(2), pid_namespaces(7): in a PID namespace it ends PID 1, as if by SIGINT (halt, power off) or SIGHUP (restart)";

/** Of PID 1 the kernel drops these signals, so that nothing else ends it by them. @param status where it stands that the signal ended it */
export function judgeReboot(c: Case, signal: number, status: Evidence): Finding | undefined {
  const first = firstEvidence(c, REBOOT);
  if ((signal !== SIGINT && signal !== SIGHUP) || first === undefined) return undefined;
  const what = signal === SIGINT ? "halt or power off" : "restart";
  const text = `${subjectOf(asFirst(c))} was ended by reboot(2), which a process of the container called to ${what}: in a PID namespace that shows as ${signalName(signal)}`;
  const fix = "no halt, poweroff or reboot inside; --confine takes CAP_SYS_BOOT away";
  return { code: "ended-by-reboot", text, certain: true, evidence: [status, first], fix };
}
