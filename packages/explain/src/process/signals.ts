// What signals do to a process, and why `docker stop` takes its whole grace window.

import type { Finding } from "@contain-tools/chain";
import { hasSignal, receptionOf, removeSignal, SIGKILL, SIGTERM, type SignalSet, signalName, signalsOf } from "@contain-tools/kernel";
import { FATES } from "./fates.ts";
import { cannotTell, is } from "./finding.ts";
import { describe, readProcess } from "./processes.ts";
import { explainShell } from "./shell.ts";
import { maskOf, type Subject, statusEvidence } from "./subject.ts";

const RULE = "signal(7)";
const INIT = 'pid_namespaces(7), "The namespace init process"';

export function explainSignals(subject: Subject): Finding[] {
  if (subject.kernelThread) return [is("signals-kernel-thread", "a kernel thread takes no signals", [statusEvidence(subject, "Kthread")])];
  return [...masks(subject), ...pending(subject), ...(subject.state === "Z" ? [] : [...term(subject), ...explainShell(subject)])];
}

const LABELS = { SigCgt: "has handlers for", SigIgn: "ignores", SigBlk: "blocks (its main thread)" } as const;

function masks(subject: Subject): Finding[] {
  return Object.entries(LABELS).map(([name, label]) => {
    const proof = [statusEvidence(subject, name, RULE)];
    const set = maskOf(subject, name);
    if (set === undefined) return cannotTell(`signals-${name}-unknown`, `which signals it ${label}`, proof);
    return is(`signals-${name}`, `${label} ${names(set)}`, proof);
  });
}

/** The kernel's 32 and 33 belong to the C library's threads, and are omitted. */
function names(set: SignalSet): string {
  const all = signalsOf(set);
  const shown = (signals: readonly number[]) => signals.map((signal) => signalName(signal).slice(3)).join(" ");
  if (all.length === 0) return "none";
  if (all.length <= 40) return all.map((signal) => signalName(signal).replace(/^SIG/, "")).join(" ");
  const missing = Array.from({ length: 64 }, (_, i) => i + 1).filter((signal) => !hasSignal(set, signal) && signal !== 9 && signal !== 19);
  return missing.length === 0 ? "all" : `all but ${shown(missing)}`;
}

function pending(subject: Subject): Finding[] {
  return (["ShdPnd", "SigPnd"] as const).flatMap((name) => {
    const set = maskOf(subject, name);
    // The kernel marks each thread with SIGKILL for any signal that ends the process (complete_signal): "Why it would not die" tells that.
    if (set !== undefined && name === "SigPnd") removeSignal(set, SIGKILL);
    if (set === undefined || signalsOf(set).length === 0) return [];
    const whom = name === "ShdPnd" ? "sent to the process" : "sent to its main thread";
    return [is("signals-pending", `${names(set)} ${whom} and not yet taken`, [statusEvidence(subject, name, RULE)])];
  });
}

const STOP =
  "`docker stop`, `contain stop` and Kubernetes (unless they are told another signal or time) wait their whole grace window, docker's 10 s, and then kill it";

/** What SIGTERM does to it. */
function term(subject: Subject): Finding[] {
  const found = receptionOf(subject.pid, SIGTERM, subject.status);
  if (found === undefined) return [];
  const { fate, how, proof } = found;
  const isInit = subject.nested.at(-1) === 1;
  const dropped = fate === "dropped" || (fate === "ignored" && isInit);
  if (dropped) {
    const why = fate === "ignored" ? "it ignores it" : "it has no handler, and of a PID 1 the kernel then drops the signal";
    return [
      is(
        "sigterm-dropped-by-init",
        `SIGTERM does nothing: it is PID 1 of its PID namespace, and ${why}. ${STOP}`,
        [...proof, ...(fate === "ignored" ? [statusEvidence(subject, "NSpid", INIT)] : [])],
        "a handler in the program, or an init before it: `docker run --init`, `contain run --init`",
      ),
    ];
  }
  const away = isInit ? [] : initTakesIt(subject);
  switch (fate) {
    case "handled":
      return [is("sigterm-handled", "SIGTERM: it has a handler, and what that does is its own affair", proof), ...away];
    case "waits":
      return [
        is("sigterm-waited-for", `SIGTERM: it has no handler, but takes it from the queue (${how})`, proof),
        ...away,
        ...behind(subject),
      ];
    case "signalfd":
      return [is("sigterm-waited-for", `SIGTERM: it is blocked, and queued for a signalfd (${how})`, proof), ...away, ...behind(subject)];
    case "blocked":
      return [
        cannotTell(
          "sigterm-blocked",
          "what SIGTERM does: its main thread blocks it, and no thread waits for it at this moment; it stays queued until one does",
          proof,
        ),
        ...away,
      ];
    case "unknown":
      return [cannotTell("sigterm-unknown", "what SIGTERM does", proof), ...away];
    case "ignored":
      return [is("sigterm-ignored", "SIGTERM does nothing: it ignores it", proof), ...away];
    default:
      return [is("sigterm-default", "SIGTERM ends it: it has no handler, and it is no PID 1", proof), ...away];
  }
}

const INITS = new Set(["pid1", "tini", "docker-init", "dumb-init", "catatonit", "podman-init"]);

/** An init that forwards signals: the program behind it is what counts. */
function behind(subject: Subject): Finding[] {
  if (subject.nested.at(-1) !== 1 || !INITS.has(subject.name)) return [];
  const children = subject.processes.filter(({ parent, state }) => parent === subject.pid && state !== "Z");
  return children.slice(0, 1).flatMap((child) => {
    const found = receptionOf(child.pid, SIGTERM);
    if (found === undefined) return [];
    const text = `${subject.name} forwards it to ${describe(child)}: ${FATES[found.fate]}`;
    const certain = found.fate !== "unknown" && found.fate !== "blocked";
    return [
      certain ? is("sigterm-forwarded", text, found.proof) : cannotTell("sigterm-forwarded", `what becomes of it: ${text}`, found.proof),
    ];
  });
}

/** A process that is not the init: `stop` does not signal it. */
function initTakesIt(subject: Subject): Finding[] {
  const { init, nested } = subject;
  if (init === undefined || nested.length < 2 || readProcess(init.pid)?.started !== init.started) return [];
  const proof = [statusEvidence(subject, "NSpid", INIT), { source: `/proc/${init.pid}/status NSpid`, value: "… 1", rule: INIT }];
  return [
    is(
      "stop-goes-to-init",
      `\`docker stop\` signals ${describe(init)}, PID 1 of its PID namespace, not it: \`contain explain ${init.pid}\` tells what that does`,
      proof,
    ),
  ];
}
