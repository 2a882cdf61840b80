// Signals other than SIGKILL: forwarded by us, raised by the kernel at a fault or a limit, or sent by somebody.

import type { Evidence, Finding } from "@contain-tools/chain";
import { printable, signalName } from "@contain-tools/kernel";
import { type Case, problemOfLog, subjectOf } from "./case.ts";
import { passedOnEvidence } from "./outcome.ts";
import { judgeOwn, noneEvidence, ownSignal } from "./own.ts";

const FAULTS = ["SIGSEGV", "SIGBUS", "SIGFPE", "SIGILL", "SIGTRAP"];
/** The usual senders; the kernel does not record them. */
const USUAL: Readonly<Record<string, string>> = {
  SIGABRT: "usually abort(3): the program ended itself, after a failed assertion or an error in its heap",
  SIGSYS: "usually a seccomp filter that forbids a system call (seccomp(2))",
  SIGBUS: "usually a page of a mapped file that cannot be had: the file was cut off, or its tmpfs is full (mmap(2))",
  SIGPIPE: "usually a write to a pipe or socket that nobody reads any more (pipe(7))",
  SIGXCPU: "usually the soft limit of CPU time, RLIMIT_CPU (setrlimit(2))",
  SIGXFSZ: "usually a file that would grow beyond RLIMIT_FSIZE (setrlimit(2))",
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
  if (own !== undefined) return judgeOwn(own, who, status);
  const problem = FAULTS.includes(name) ? problemOfLog(c.log()) : undefined;
  const usual = USUAL[name] === undefined ? "" : `; ${USUAL[name]}`;
  const log = FAULTS.includes(name) ? [faultEvidence(undefined, problem ?? "it has no line of a fault")] : [];
  const tells = FAULTS.includes(name)
    ? `a line of the kernel's log would tell a fault from a signal that was sent (/dev/kmsg: ${problem ?? "there is none; sysctl debug.exception-trace and a rate limit may suppress it"})`
    : "it did not come through contain, and the kernel keeps no record of the sender; `perf trace` or an audit rule for kill(2) would tell";
  return {
    code: "signal-cannot-tell",
    text: `${who} was killed by ${name}. By whom: cannot tell; ${tells}${usual}`,
    certain: false,
    evidence: [status, noneEvidence(c.own, signal), ...log],
  };
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
  const evidence = sent.map(passedOnEvidence);
  const how = sent[0]?.direct ? "which came to its process group and contain's at once" : "which contain forwarded";
  const text = `${who} was killed by ${name}, ${how}: ${evidence[0]?.value}`;
  return { code: "signal-forwarded", text, certain: true, evidence: [status, ...evidence] };
}
