// A program that exited by itself.

import type { Evidence, Finding } from "@contain-tools/chain";
import { endSignal, pidfdStatus, SIGKILL, shellStatus, signalName } from "@contain-tools/kernel";
import { type Case, subjectOf } from "./case.ts";
import { describeStatus, passedOnEvidence } from "./outcome.ts";
import { ownEvidence, ownSignal } from "./own.ts";

/** @param by the evidence that it exited */
export function judgeExit(c: Case, by: Evidence): Finding {
  const status = shellStatus(c.outcome.status);
  const who = subjectOf(c);
  const signal = status > 128 && status <= 128 + 64 ? status - 128 : 0;
  const sent = c.outcome.sent.find((one) => one.signal === signal || one.received === signal);
  const own = ownSignal(c.own, signal);
  if (sent !== undefined || own !== undefined) {
    const asking = sent !== undefined ? passedOnEvidence(sent) : ownEvidence(own as NonNullable<typeof own>);
    const how = sent === undefined ? "which contain sent" : sent.direct ? "which the terminal sent" : "which contain forwarded";
    const text = `${who} exited with ${status} by itself, after ${signalName(sent?.signal ?? signal)}, ${how}: ${asking.value}`;
    return { code: "exit-after-signal", text, certain: true, evidence: [by, asking] };
  }
  const kind =
    status === 126 || status === 127 ? `. A shell, env or the dynamic loader exits so for a program that it could not execute` : "";
  if (signal === 0) return { code: "exit", text: `${who} exited with ${status} by itself${kind}`, certain: true, evidence: [by] };
  const text = `${who} exited with ${status} by itself, no signal killed it. A shell exits so, 128 + ${signal}, when ${signalName(signal)} killed a program that it ran`;
  return { code: "exit-above-128", text, certain: true, evidence: [by] };
}

/** What PID 1 left behind: processes seen at the last look, which SIGKILL then ended. */
export function judgeRest({ outcome, own, seen: { look, program } }: Case): Finding[] {
  if (look === undefined || program?.isInit === false || outcome.killedByUs !== undefined) return [];
  const { list } = look;
  if (list.value === undefined) {
    const text = "whether other processes ended with PID 1: cannot tell; the list of its group's processes would tell";
    return [{ code: "rest-cannot-tell", text, certain: false, evidence: [list] }];
  }
  const ours = own.sent.map(({ target }) => target);
  const others = look.others.filter(({ pid }) => !ours.includes(pid));
  const ended = others.map(({ pid, name, pidfd }) => ({ who: `${name} (PID ${pid})`, status: pidfdStatus(pidfd) }));
  const killed = ended.filter(({ status }) => status !== undefined && endSignal(status) === SIGKILL);
  const names = (some: readonly { who: string }[]) => some.map(({ who }) => who).join(", ");
  const evidence: Evidence[] = [
    { ...list, value: list.value.replace(/\s+/g, " ") },
    {
      source: "ioctl(pidfd, PIDFD_GET_INFO)",
      value: ended.map(({ who, status }) => `${who}: ${describe(status)}`).join(", "),
      rule: "linux/pidfd.h PIDFD_INFO_EXIT",
    },
  ];
  const found: Finding[] = [];
  if (killed.length > 0) {
    const text = `${names(killed)} ended by SIGKILL: the kernel sends it to all that is left when PID 1 ends. Whether somebody had sent one before: cannot tell`;
    found.push({ code: "rest-killed", text, certain: true, evidence, fix: "a PID 1 that waits for its children" });
  }
  return found;
}

const describe = (status: number | undefined) => (status === undefined ? "?" : describeStatus(status));
