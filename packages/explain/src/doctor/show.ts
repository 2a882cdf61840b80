// The table of `contain doctor`: on a terminal long cells are wrapped, elsewhere each check is one line.
import { printable, windowSize } from "@contain-tools/kernel";
import type { Paint, Style } from "../paint.ts";
import type { Ability, Check } from "./check.ts";

const NARROW = 40; // columns that a reason needs at the least
const STYLES: Readonly<Record<Ability, Style>> = { ok: "green", missing: "red", limited: "yellow", "cannot tell": "yellow" };

/** The checks as lines: what, state, reason, and the fix below. */
export function showChecks(checks: readonly Check[], paint: Paint): string {
  const rows = [["WHAT", "STATE", "REASON"], ...checks.map(({ what, state, text }) => [what, state, text])];
  const width = (i: number) => Math.max(...rows.map((row) => (row[i] ?? "").length));
  const [first, second] = [width(0) + 2, width(1) + 2];
  const screen = windowSize(1)?.columns || Number.POSITIVE_INFINITY;
  const room = Math.max(NARROW, screen - first - second);
  const lines = [paint("bold", `${"WHAT".padEnd(first)}${"STATE".padEnd(second)}REASON`)];
  const fixes = new Map<string, string>();
  for (const { what, state, text, fix } of checks) {
    const told = fix === undefined ? undefined : fixes.get(fix);
    if (fix !== undefined && told === undefined) fixes.set(fix, what);
    const [head = "", ...rest] = wrap(printable(text), room);
    lines.push(`${what.padEnd(first)}${paint(STYLES[state], state)}${" ".repeat(second - state.length)}${head}`);
    const below = [...rest, ...(fix === undefined ? [] : wrap(printable(`fix: ${told === undefined ? fix : `as for ${told}`}`), room))];
    lines.push(...below.map((line) => `${" ".repeat(first + second)}${line.replace(/^fix:/, paint("green", "fix:"))}`));
  }
  return lines.map((line) => `${line.trimEnd()}\n`).join("");
}

/** Wraps at blanks; a word longer than a line stays whole. */
function wrap(text: string, room: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > room) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
