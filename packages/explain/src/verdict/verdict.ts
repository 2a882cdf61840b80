// The verdict: why a container ended as it did, as far as the evidence goes.

import type { Evidence, Failure, Finding } from "@contain-tools/chain";
import { type Context, sayStep } from "@contain-tools/chain";
import { endSignal, printable, SIGKILL, shellStatus, signalName } from "@contain-tools/kernel";
import { painterFor, type Style } from "../paint.ts";
import type { Case } from "./case.ts";
import { endOfMounts } from "./endmounts.ts";
import { judgeExit, judgeRest } from "./exited.ts";
import { asFirst, judgeReboot } from "./first.ts";
import { hints } from "./hints.ts";
import { otherVictims } from "./oom.ts";
import { judgeSigkill } from "./sigkill.ts";
import { judgeSignal } from "./signalled.ts";
import { fullStack } from "./stackfull.ts";
import { throttles } from "./throttled.ts";

/** The findings about an ended container, the main one first. None for a plain success. */
export function judge(c: Case): Finding[] {
  const { outcome, failure } = c;
  if (failure !== undefined) return [judgeStart(failure)];
  const status = shellStatus(outcome.status);
  if (status === 0) return [...otherVictims(c), ...judgeRest(c).filter(({ certain }) => certain)];
  const main = judgeEnd(c);
  const exited = main.code.startsWith("exit");
  const others = otherVictims(c).filter(({ certain }) => certain || main.code !== "sigkill-cannot-tell");
  return [
    main,
    ...others,
    ...judgeRest(c),
    ...(main.code === "signal-fault" ? fullStack(c, main) : []),
    ...(exited ? hints(c) : main.code.startsWith("signal-") ? endOfMounts(c) : []),
    ...(exited || main.code === "killed-by-grace" ? throttles(c) : []),
  ];
}

function judgeEnd(c: Case): Finding {
  const { outcome, watched, seen } = c;
  const status = shellStatus(outcome.status);
  const wait = (value: string): Evidence => outcome.told ?? { source: "waitpid(2)", value, rule: "wait(2) WIFEXITED, WIFSIGNALED" };
  const signal = endSignal(outcome.status);
  if (signal !== 0)
    return (
      judgeReboot(c, signal, wait(`killed by ${signalName(signal)}`)) ?? judgeBySignal(c, signal, wait(`killed by ${signalName(signal)}`))
    );
  const exited = wait(`exit status ${status}`);
  if (watched.indirect && status >= 125 && status <= 127) {
    const text = `it ended with ${status}, of the program or of the start before it. Which: cannot tell with --chain exec; without it the start would tell`;
    return { code: "exit-cannot-tell", text, certain: false, evidence: [exited] };
  }
  if (!watched.init || status <= 128) return judgeExit(c, exited);
  // pid1 exits with 128+n for a program that signal n killed, and puts n into its own process name.
  const zombie = seen.zombie?.();
  const name = watched.indirect ? undefined : zombie?.name;
  const stat: Evidence = zombie?.stat ?? {
    source: "/proc/PID/stat",
    value: undefined,
    problem: "it was gone",
    rule: "proc_pid_stat(5)",
  };
  if (name === undefined) {
    const text = `the program exited with ${status}, or ${signalName(status - 128)} killed it. Which: cannot tell; the name of pid1 in /proc/PID/stat, where pid1 notes it, would tell`;
    return { code: "exit-cannot-tell", text, certain: false, evidence: [exited, stat] };
  }
  const noted = Number(/^pid1: signal (\d+)$/.exec(name)?.[1] ?? 0);
  return noted === 0 ? judgeExit(c, stat) : judgeBySignal(c, noted, stat);
}

function judgeBySignal(c: Case, signal: number, status: Evidence): Finding {
  return signal === SIGKILL ? judgeSigkill(c, status) : judgeSignal(asFirst(c), signal, status);
}

function judgeStart({ tool, message, hint, diagnosis }: Failure): Finding {
  const evidence = diagnosis?.facts ?? [{ source: tool, value: message, rule: "it failed before the program was started" }];
  const certain = (diagnosis?.certain ?? true) && evidence.every(({ value }) => value !== undefined);
  const why = certain ? "" : ". Why: cannot tell; `strace -f` of it would tell more";
  const text = `the program was not started: ${message}${hint === undefined ? "" : `; ${hint}`}${why}`;
  return { code: diagnosis?.code ?? "not-started", text, certain, evidence };
}

/** The verdict as lines for a person. */
export function verdictLines(findings: readonly Finding[]): string[] {
  const lines = findings.flatMap(({ text, evidence, fix }) => [
    `verdict: ${text}`,
    ...evidence.map(({ source, value, problem, rule }) => `  ${source}: ${value ?? `unreadable (${problem ?? "not there"})`} (${rule})`),
    ...(fix === undefined ? [] : [`  fix: ${fix}`]),
  ]);
  return lines.map((line) => printable(line.replaceAll("\t", " ")));
}

export function sayVerdict(context: Context, findings: readonly Finding[]): void {
  const paint = painterFor(2);
  for (const line of verdictLines(findings)) sayStep(context, line, (text) => paint(styleOf(text), text));
}

const styleOf = (line: string): Style => (line.startsWith("verdict:") ? "bold" : line.startsWith("  fix:") ? "green" : "dim");
