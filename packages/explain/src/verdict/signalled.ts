// Signals other than SIGKILL: forwarded by us, raised by the kernel at a fault or a limit, or sent by somebody.

import type { Evidence, Finding } from "@contain-tools/chain";
import { printable, signalName } from "@contain-tools/kernel";
import { describeOwnSignal } from "@contain-tools/state";
import type { Reaction } from "../process/fates.ts";
import { type Case, problemOfLog, subjectOf } from "./case.ts";
import { passedOnEvidence } from "./outcome.ts";
import { judgeOwn, noneEvidence, ownEvidence, ownSignal } from "./own.ts";
import { limitOf } from "./words/caller.ts";

const FAULTS = ["SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGTRAP"];
/** The usual senders; the kernel does not record them. */
const USUAL: Readonly<Record<string, string>> = {
  SIGABRT: "usually abort(3): the program ended itself, after a failed assertion or an error in its heap",
  SIGSYS: "usually a seccomp filter that forbids a system call (seccomp(2))",
  SIGBUS: "usually a page of a mapped file that cannot be had: the file was cut off, or its tmpfs is full (mmap(2))",
  SIGPIPE: "usually a write to a pipe or socket that nobody reads any more (pipe(7))",
};
/** What the kernel sends them for. */
const LIMITS: Readonly<Record<string, readonly [name: string, limit: string, of: string]>> = {
  SIGXCPU: ["Max cpu time", "RLIMIT_CPU", "CPU time, in seconds"],
  SIGXFSZ: ["Max file size", "RLIMIT_FSIZE", "a file, in bytes"],
};

/** @param status the evidence that the signal ended it */
export function judgeSignal(c: Case, signal: number, status: Evidence): Finding {
  const name = signalName(signal);
  const who = subjectOf(c);
  if (FAULTS.includes(name)) {
    const fault = findFault(c, name, status);
    if (fault !== undefined) return fault;
  }
  const sent = c.outcome.sent.filter((one) => one.signal === signal);
  if (sent.length > 0) return forwarded(sent, who, name, status);
  const own = ownSignal(c.own, signal);
  if (own?.ends) return judgeOwn(own, who, status);
  if (own !== undefined) {
    const one = own.ends === undefined ? "one" : TAKEN; // contain-oci does not look at what the program will do
    return afterOne(who, name, `${one}, which contain sent: ${describeOwnSignal(own)}`, [status, ownEvidence(own)]);
  }
  const problem = FAULTS.includes(name) ? problemOfLog(c.log()) : undefined;
  const limit = limitFor(c, name);
  const usual = limit?.text ?? (USUAL[name] === undefined ? "" : `; ${USUAL[name]}`);
  const log = FAULTS.includes(name) ? [faultEvidence(undefined, problem ?? "it has no line of a fault")] : [];
  const tells = FAULTS.includes(name)
    ? `a line of the kernel's log would tell a fault from a signal that was sent (/dev/kmsg: ${problem ?? "there is none; sysctl debug.exception-trace and a rate limit may suppress it"})`
    : "it did not come through contain, and the kernel keeps no record of the sender; `perf trace` or an audit rule for kill(2) would tell";
  return {
    code: "signal-cannot-tell",
    text: `${who} was killed by ${name}. By whom: cannot tell; ${tells}${usual}`,
    certain: false,
    evidence: [status, noneEvidence(c.own, signal), ...log, ...(limit === undefined ? [] : [limit.evidence])],
  };
}

/** A program may set one itself, so that even "unlimited" excludes nothing. */
function limitFor(c: Case, name: string): { readonly text: string; readonly evidence: Evidence } | undefined {
  const [line, limit, of] = LIMITS[name] ?? [];
  if (line === undefined) return undefined;
  const { value, when, evidence, isSet } = limitOf(c, line, "setrlimit(2)");
  if (isSet) return { text: `; usually the kernel, for its soft limit of ${of}: ${limit} was ${value} ${when}`, evidence };
  return { text: value === undefined ? "" : `; the kernel sends it for ${limit}, which was not set ${when}`, evidence };
}

/** How abort(3) ends: hlt on x86, brk or udf on arm64 (glibc abort-instr.h, musl a_crash). */
const ABORTS = /general protection|trap invalid opcode|undefined instruction|unhandled exception.*(BRK|brk)|trap int3/;

function faultEvidence(value: string | undefined, problem?: string): Evidence {
  const rule = "arch/*/mm/fault.c, traps.c: a line for a fault that no handler took";
  return { source: "/dev/kmsg", value, ...(problem === undefined ? {} : { problem }), rule };
}

function findFault(c: Case, name: string, status: Evidence): Finding | undefined {
  const log = c.log();
  if (problemOfLog(log) !== undefined) return undefined;
  const pids = new Set([c.seen.program?.pid, ...(c.watched.init || c.watched.indirect ? [] : [c.watched.pid])]);
  const line = log.records
    .map(printable)
    .find((record) => pids.has(Number(/\[(\d+)\]:? (?:segfault at|trap |general protection|unhandled |bad frame)/.exec(record)?.[1])));
  if (line === undefined) return undefined;
  const who = subjectOf(c, /^(?:traps: )?(.*?)\[\d+\]/.exec(line)?.[1]);
  const { watched, seen } = c;
  if (ABORTS.test(line) && seen.program?.isInit && !watched.init) {
    const text = `${who} was killed by ${name}, which no process sent: by a fault of its own, or by abort(3), which executes an illegal instruction when SIGABRT did not end it, and of PID 1 the kernel drops that one. Which: cannot tell; what it wrote before, or --init, would tell`;
    return { code: "signal-fault-or-abort", text, certain: false, evidence: [status, faultEvidence(line)], fix: "--init" };
  }
  const text = `${who} was killed by ${name}: the kernel's answer to a fault of its own, no signal that was sent`;
  return { code: "signal-fault", text, certain: true, evidence: [status, faultEvidence(line)] };
}

function forwarded(sent: Case["outcome"]["sent"], who: string, name: string, status: Evidence): Finding {
  const one = sent.find(({ reaction }) => isEnd(reaction)) ?? sent[0];
  const evidence = sent.map(passedOnEvidence);
  const how = one?.direct ? "which came to its process group and contain's at once" : "which contain forwarded";
  const from = one === undefined ? "" : passedOnEvidence(one).value;
  if (isEnd(one?.reaction)) {
    const text = `${who} was killed by ${name}, ${how}: ${from}`;
    return { code: "signal-forwarded", text, certain: true, evidence: [status, ...evidence, ...(one?.reaction?.proof ?? [])] };
  }
  return afterOne(who, name, `${TAKEN}, ${how}: ${from}`, [status, ...evidence, ...(one?.reaction?.proof ?? [])]);
}

/** The signal would have ended it: a handler may raise it again, and so may anybody later. */
const isEnd = (reaction: Reaction | undefined) =>
  reaction?.fate === "default" && reaction.proof.length > 0 && reaction.proof.every(({ value }) => value !== undefined);

const TAKEN = "one that did not end it at once";

/** What it got before it died of it. @param which it was */
function afterOne(who: string, name: string, which: string, evidence: readonly Evidence[]): Finding {
  const text = `${who} was killed by ${name}, after ${which}. By whom: cannot tell; a program that takes the signal often cleans up and then sends it to itself`;
  return { code: "signal-cannot-tell", text, certain: false, evidence };
}
