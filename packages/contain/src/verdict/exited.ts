// A program that exited by itself.
import { shellStatus, signalName } from "@contain-tools/kernel";
import type { Evidence, Finding } from "../evidence.ts";
import { type Case, subjectOf } from "./case.ts";

/** @param by where it stands that it exited */
export function judgeExit(c: Case, by: Evidence): Finding {
  const status = shellStatus(c.outcome.status);
  const who = subjectOf(c);
  const signal = status > 128 && status <= 128 + 64 ? status - 128 : 0;
  const sent = c.outcome.sent.find((one) => one.signal === signal || one.received === signal);
  if (sent !== undefined) {
    const sender = sent.by === 0 ? "the kernel, or a process outside of this PID namespace" : `${sent.name} (PID ${sent.by})`;
    const asking: Evidence = {
      source: "the supervisor's siginfo",
      value: `${signalName(sent.received)} from ${sender}`,
      rule: "sigaction(2) si_pid",
    };
    const text = `${who} exited with ${status} by itself, after ${signalName(sent.signal)}, which contain forwarded: ${asking.value}`;
    return { code: "exit-after-signal", text, certain: true, evidence: [by, asking] };
  }
  if (signal === 0) return { code: "exit", text: `${who} exited with ${status} by itself`, certain: true, evidence: [by] };
  const text = `${who} exited with ${status} by itself, no signal killed it. A shell exits so, 128 + ${signal}, when ${signalName(signal)} killed a program that it ran`;
  return { code: "exit-above-128", text, certain: true, evidence: [by] };
}

/** What PID 1 left behind. */
export function judgeRest({ outcome, seen: { look, program } }: Case): Finding[] {
  if (look === undefined || program?.isInit === false || outcome.killedByUs !== undefined) return [];
  const { list } = look;
  if (list.value === undefined) {
    const text = "whether other processes ended with PID 1: cannot tell; the list of its group's processes would tell";
    return [{ code: "rest-cannot-tell", text, certain: false, evidence: [list] }];
  }
  if (look.others.length === 0) return [];
  const before = ((Date.now() - look.at) / 1000).toFixed(1);
  const text = `${before} s before the end there were also ${look.others.join(", ")}; what was left of them the kernel killed when PID 1 ended`;
  const evidence = { ...list, value: list.value?.replace(/\s+/g, " ") };
  return [{ code: "rest-killed", text, certain: true, evidence: [evidence], mend: "a PID 1 that waits for its children, or --init" }];
}
