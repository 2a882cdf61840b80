// The verdict about a container that is not our child: its status may be known in part, or not at all.
import type { Evidence, Finding } from "@contain-tools/chain";
import { monotonic, SIGKILL, signalName } from "@contain-tools/kernel";
import { describeOwnSignal } from "@contain-tools/state";
import { formatTime } from "../usage.ts";
import { type Case, subjectOf } from "../verdict/case.ts";
import { judgeRest } from "../verdict/exited.ts";
import { describeKill, findVictims, otherVictims, takenBy, unknownLimit } from "../verdict/oom.ts";
import type { Outcome } from "../verdict/outcome.ts";
import { judgeOwn, ownEvidence } from "../verdict/own.ts";
import { pidsLimit } from "../verdict/pids.ts";
import { throttles } from "../verdict/throttled.ts";
import { judge } from "../verdict/verdict.ts";

/** What is known about the end of its first process. */
export interface KnownEnd {
  /** Its wait status. */
  readonly status: number | undefined;
  /** A status above 128, with nothing else known: the program's own, or 128+n for signal n. */
  readonly either?: number | undefined;
  /** Where the status was read, or why it is not known. */
  readonly told: Evidence;
  /** The last signal of the kind that ended it, if the kernel's tracing shows its sender. */
  readonly sender?: Sender | undefined;
  /** The OOM killer has chosen it, by the kernel's tracing. */
  readonly victim?: Traced | undefined;
}

/** An event of the kernel's tracing. */
export interface Traced {
  /** When, in milliseconds as `monotonic` counts them. */
  readonly at: number;
  /** The line of the trace. */
  readonly line: string;
}

export interface Sender extends Traced {
  readonly signal: number;
  readonly pid: number;
  readonly name: string;
}

/** @param c all but how it ended */
export function judgeOthers(c: Omit<Case, "outcome">, { status, either, told, sender, victim }: KnownEnd): Finding[] {
  const outcome: Outcome = { status: status ?? 0, told, killedByUs: undefined, asked: undefined, inD: [], sent: [] };
  const whole: Case = { ...c, outcome };
  if (status !== undefined)
    return judge(whole).map((finding) => withVictim(whole, withSender(whole, withEarlier(whole, finding), told, sender), victim));
  const main = judgeUnknown(whole, either, told);
  return [withEarlier(whole, main), ...otherVictims(whole), ...judgeRest(whole), ...pidsLimit(whole), ...throttles(whole)];
}

/** An engine sends SIGKILL if the signal before it has not ended the container. */
function withEarlier({ own }: Case, finding: Finding): Finding {
  const kill = own.sent.findLast(({ signal }) => signal === SIGKILL);
  const before = own.sent.findLast(({ signal, target }) => signal !== SIGKILL && target === undefined);
  if (finding.code !== "killed-by-contain" || kill === undefined || before === undefined || before.at > kill.at) return finding;
  const text = `${finding.text}. ${formatTime(kill.at - before.at)} before, ${describeOwnSignal(before)}, had not ended it`;
  const fix = "a handler for that signal, an init (`--init`), or another stop signal; a longer stop time-out where it has a handler";
  return { ...finding, text, evidence: [...finding.evidence, ownEvidence(before)], fix };
}

const EXITED = ["exit", "exit-above-128"];
const SENT = ["killed-from-outside", "killed-by-somebody", "sigkill-cannot-tell", "signal-cannot-tell"];

/** The trace has what the kernel itself does not record. */
function withSender(c: Case, finding: Finding, told: Evidence, sender: Sender | undefined): Finding {
  const exited = EXITED.includes(finding.code);
  if (sender === undefined || !(exited || SENT.includes(finding.code))) return finding;
  const by = sender.pid === c.watched.pid ? "which it sent itself" : `which ${sender.name} (PID ${sender.pid}) sent`;
  const trace: Evidence = {
    source: "tracefs signal_generate",
    value: sender.line,
    rule: "include/trace/events/signal.h: the task that sends, then whom it is for",
  };
  if (exited) {
    const after = `${formatTime(monotonic() - sender.at)} after ${signalName(sender.signal)}, ${by}`;
    return { code: "exit-after-signal", text: `${finding.text}, ${after}`, certain: true, evidence: [told, trace] };
  }
  const text = `${subjectOf(c)} was killed by ${signalName(sender.signal)}, ${by}`;
  return { code: "killed-by-sender", text, certain: true, evidence: [told, trace] };
}

/** What the log has lost. It is marked too when somebody's SIGKILL was ending it, whose sender is traced then (mm/oom_kill.c). */
function withVictim(c: Case, finding: Finding, victim: Traced | undefined): Finding {
  if (victim === undefined || finding.code !== "sigkill-cannot-tell" || !c.oomKills.by) return finding;
  const trace: Evidence = {
    source: "tracefs mark_victim",
    value: victim.line,
    rule: "include/trace/events/oom.h: whom the OOM killer chose",
  };
  return unknownLimit(c, takenBy(subjectOf(c)), [c.oomKills.evidence, trace], "which the kernel's log would have said");
}

function judgeUnknown(c: Case, either: number | undefined, told: Evidence): Finding {
  const victim = (either ?? 128 + SIGKILL) === 128 + SIGKILL && c.oomKills.by ? findVictims(c).main : undefined;
  if (victim !== undefined) return describeKill(c, victim, subjectOf(c, victim.name), "oom-kill");
  const who = subjectOf(c);
  const sent = c.own.sent.filter(({ signal, target }) => target === undefined && (either === undefined || either === 128 + signal));
  const kill = sent.find(({ signal }) => signal === SIGKILL);
  if (kill !== undefined) return judgeOwn(kill, who, told);
  const last = sent.at(-1);
  if (last !== undefined) {
    const how = either === undefined ? "ended" : `ended with ${either}`;
    const text = `${who} ${how} after ${signalName(last.signal)}, which contain-oci sent: by the signal itself, or by its own exit. Which: cannot tell`;
    return { code: "ended-after-signal", text, certain: false, evidence: [told, ownEvidence(last)] };
  }
  if (either !== undefined) {
    const text = `${who} exited with ${either} by itself, or ${signalName(either - 128)} killed it. Which: cannot tell; ${WOULD}`;
    return { code: "exit-cannot-tell", text, certain: false, evidence: [told, c.oomKills.evidence] };
  }
  const text = `${who} ended. With which status: cannot tell; ${WOULD}`;
  return { code: "end-cannot-tell", text, certain: false, evidence: [told, c.oomKills.evidence] };
}

export const WOULD = "only its parent learns that. The engine's own inspect has the status; `contain watch` sees the end itself";
