// Plays one lab: the story, the question, what happens, the evidence, the reason. The lab's own checks decide whether the failure really
// happened; if one fails, the reason is not printed, since it would explain something else.
import { readSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Context, Finding } from "@contain-tools/chain";
import { printed } from "@contain-tools/explain";
import { codeOf, getpid, jsonText, SIGPIPE, shellQuote, shortened, signalName, takeAllSignals, uninterrupted } from "@contain-tools/kernel";
import type { Lab } from "./lab.ts";
import type { Check } from "./protocol.ts";
import { Stage } from "./stage.ts";
import { Interrupted, NotHere, UnexpectedResult } from "./stopped.ts";

const EXPECTED = 0;
const OTHERWISE = 1;
const NOT_HERE = 3;

interface Way {
  readonly context: Context;
  /** Ask the person at the terminal. */
  readonly ask: boolean;
  /** One object instead of a text. */
  readonly json: boolean;
  /** @throws NotHere */
  readonly checkNeeds: () => void;
}

interface Played {
  readonly status: number;
  /** Why it could not be played, or did not finish. */
  readonly problem?: string | undefined;
  readonly hint?: string | undefined;
  readonly checks: readonly Check[];
  readonly evidence: Finding["evidence"];
  readonly output: readonly string[];
}

const WIDE = 4000; // characters of one line of output or of a file

/** @returns 0 as expected, 1 otherwise, 3 if this host cannot play it, 128+n after signal n */
export function play(lab: Lab, { context, ask, json, checkNeeds }: Way): number {
  const say = (text: string) => {
    const lines = text.split("\n").map((line) => shortened(line.replaceAll("\t", " "), WIDE));
    if (!json && !printed(`${lines.join("\n")}\n`)) throw new Interrupted(SIGPIPE);
  };
  try {
    const played = perform(lab, context, say, ask, checkNeeds);
    if (json) printed(`${jsonText(describe(lab, played))}\n`);
    else tell(lab, played, say);
    return played.status;
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    if (!json) printed(`\n${signalName(error.signal)}: the lab ends here, and what it made is removed\n`);
    return 128 + error.signal;
  }
}

function perform(lab: Lab, context: Context, say: (text: string) => void, ask: boolean, checkNeeds: () => void): Played {
  // The name appears in shell commands without quotes.
  const dir = join(/^[\w/.-]+$/.test(tmpdir()) ? tmpdir() : "/tmp", `contain-lab-${getpid()}`);
  say(`${lab.name}: ${lab.title}\n\n${lab.story}`);
  let stage: Stage | undefined;
  try {
    checkNeeds();
    say(`\nThe commands:\n${commandLines(lab, dir)}\n\n${lab.question}`);
    lab.answers.forEach((answer, i) => {
      say(`  ${letter(i)}) ${answer}`);
    });
    if (ask) say(`\n${predict(lab)}`);
    say("\nWhat happens:");
    takeAllSignals();
    stage = new Stage(context, lab, dir, (text) => say(text.replace(/^/gm, "  ")));
    stage.prepare(lab);
    lab.play(stage);
    const { checks, evidence, output } = stage;
    return { status: checks.every(({ ok }) => ok) ? EXPECTED : OTHERWISE, checks, evidence, output };
  } catch (error) {
    const { checks = [], evidence = [], output = [] } = stage ?? {};
    if (error instanceof NotHere) return { status: NOT_HERE, problem: error.message, hint: error.hint, checks, evidence, output };
    if (error instanceof UnexpectedResult) return { status: OTHERWISE, problem: error.message, checks, evidence, output };
    throw error;
  } finally {
    stage?.clear();
  }
}

const letter = (i: number) => String.fromCharCode("a".charCodeAt(0) + i);

function commandLines({ setup, commands }: Lab, dir: string): string {
  const lines = [...(setup?.(dir) ?? []), ...commands(dir).map((argv) => argv.map(shellQuote).join(" "))];
  return [...(lines.some((line) => line.includes(dir)) ? [`mkdir ${dir}`] : []), ...lines].map((line) => `  $ ${line}`).join("\n");
}

/** Waits for a line of the terminal. Nothing has been made yet, so Ctrl-C need not clean up. */
function predict({ answers, right }: Lab): string {
  printed(`\nYour prediction, ${letter(0)} to ${letter(answers.length - 1)}, and Enter (Enter alone goes on): `);
  const bytes = Buffer.alloc(256);
  let length = 0;
  try {
    length = uninterrupted(() => readSync(0, bytes));
  } catch (error) {
    if (codeOf(error) !== "EAGAIN" && codeOf(error) !== "EIO") throw error;
  }
  const given = bytes.toString("utf8", 0, length).trim().toLowerCase();
  const answer = `${letter(right)}) ${answers[right]}`;
  if (given === "") return `It is ${answer}.`;
  return given === letter(right) ? "Right. See why." : `Not quite. The answer is: ${answer}.`;
}

function tell(lab: Lab, { status, problem, hint, checks, evidence }: Played, say: (text: string) => void): void {
  if (status === NOT_HERE) {
    say(`\nThis host cannot run it: ${problem}${hint === undefined ? "" : `\n${hint.replace(/^/gm, "  ")}`}`);
    return;
  }
  say(`\nChecked:\n${checks.map(({ text, ok }) => `  ${ok ? "yes" : "NO "}  ${text}`).join("\n")}`);
  say("\nThe evidence, as it was read:");
  for (const { source, value, problem: why, rule } of evidence) {
    say(`  ${source}: ${value === undefined ? `cannot be read: ${why}` : value.replaceAll("\n", "\n    ")}\n      ${rule}`);
  }
  if (status === OTHERWISE) {
    const what = problem ?? checks.find(({ ok }) => !ok)?.text;
    say(`\nThis went otherwise than expected: ${what}\nThe usual explanation is not printed: it may not be the reason here.`);
    return;
  }
  say(`\nAnswer: ${letter(lab.right)}) ${lab.answers[lab.right]}\n\nWhy: ${lab.why}\n\nFix: ${lab.fix}`);
}

function describe({ name, answers, right, why, fix }: Lab, { status, problem, hint, checks, evidence, output }: Played) {
  const certain = status === EXPECTED;
  const text = certain ? why : `cannot tell: ${problem ?? "it went otherwise than expected"}`;
  const finding: Finding = { code: name, text, certain, evidence, ...(certain ? { fix } : {}) };
  const outcome = { [EXPECTED]: "as expected", [OTHERWISE]: "otherwise", [NOT_HERE]: "not here" }[status];
  return { lab: name, outcome, problem, hint, answer: answers[right], checks, output, finding };
}
