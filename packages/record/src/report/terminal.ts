// A report in a terminal: a row of blocks for each figure, a row of marks below, and a legend of the marks.

import { formatBytes } from "@contain-tools/explain";
import { sparkline } from "../sparkline.ts";
import type { Chart, Mark, Model, Series, Unit } from "./types.ts";

const LABEL = 14;
const FIGURES = 34;
const LETTERS: Readonly<Record<Mark["kind"], string>> = { state: "|", signal: "S", kill: "K", oom: "O", lost: "?" };

/** @param columns of the terminal */
export function draw(model: Model, columns: number): string {
  const width = Math.max(20, Math.min(columns - LABEL - FIGURES, model.times.length));
  const span = Math.max(0.001, model.times.at(-1) ?? 0, ...model.marks.map(({ at }) => at));
  const rows = model.charts.flatMap((chart) => linesOf(chart).map((line) => row(chart, line, model.times, { width, span })));
  const scale = `0 s${`${span.toFixed(1)} s`.padStart(width - 3)}`;
  return [
    ...model.verdict.flatMap(({ text, fix }) => [
      `${"verdict".padEnd(LABEL)}${text}`,
      ...(fix === undefined ? [] : [`${"fix".padEnd(LABEL)}${fix}`]),
    ]),
    ...model.facts.map(([name, value]) => `${name.padEnd(LABEL)}${value}`),
    ...model.missing.map((text) => `${"not recorded".padEnd(LABEL)}${text}`),
    "",
    ...rows,
    `${"marks".padEnd(LABEL)}${markRow(model.marks, width, span)}`,
    `${"".padEnd(LABEL)}${scale}`,
    "",
    ...model.marks.map(({ at, kind, text }) => `${LETTERS[kind]} ${`${at.toFixed(2)} s`.padStart(LABEL - 3)} ${text}`),
  ]
    .map((line) => `${line.trimEnd()}\n`)
    .join("");
}

/** A stack is shown as its total. A line that was always 0 is left out if there is another. */
function linesOf({ series }: Chart): Series[] {
  const lines = series.filter(({ kind }) => kind === "line");
  return lines.filter(({ values }, i) => i === 0 || values.some((value) => value !== null && value > 0));
}

interface Frame {
  /** Columns of the chart. */
  readonly width: number;
  /** Seconds. */
  readonly span: number;
}

function row(chart: Chart, { label, values, most }: Series, times: readonly number[], { width, span }: Frame): string {
  const place = (at: number) => Math.min(width - 1, Math.floor((at / span) * width));
  const limits = chart.series.find(({ kind }) => kind === "limit")?.values ?? [];
  const limit = label === "throttled" ? undefined : (limits.findLast((value) => value !== null) ?? undefined);
  const cells: (number | undefined)[] = Array.from({ length: width });
  for (const [i, value] of values.entries()) {
    const at = place(times[i] ?? 0);
    if (value !== null) cells[at] = Math.max(cells[at] ?? 0, value);
  }
  const name = label === "now" || label === "current" || label === "used" ? chart.title.split(" ")[0] : label;
  const figures = `most ${format(chart.unit, most ?? 0)}${limit === undefined ? "" : ` of ${format(chart.unit, limit)}`}`;
  return `${(name ?? "")
    .toLowerCase()
    .slice(0, LABEL - 1)
    .padEnd(LABEL)}${sparkline(filled(cells), Math.max(limit ?? 0, most ?? 0), width)}  ${figures}`;
}

/** A column without a sample repeats the one before it. */
function filled(cells: readonly (number | undefined)[]): (number | undefined)[] {
  let last: number | undefined;
  return cells.map((cell) => {
    last = cell ?? last;
    return last;
  });
}

const RANK = ["state", "lost", "signal", "kill", "oom"];

/** Of several marks in one column the most important is shown. */
function markRow(marks: readonly Mark[], width: number, span: number): string {
  const cells = Array<string>(width).fill(" ");
  for (const { at, kind } of marks.toSorted((a, b) => RANK.indexOf(a.kind) - RANK.indexOf(b.kind)))
    cells[Math.max(0, Math.min(width - 1, Math.floor((at / span) * width)))] = LETTERS[kind];
  return cells.join("");
}

function format(unit: Unit, value: number): string {
  if (unit === "bytes") return formatBytes(value);
  return unit === "percent" ? `${value.toFixed(1)}%` : `${value}`;
}
