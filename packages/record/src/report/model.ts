// What a report shows, the same on a page and in a terminal: facts, charts over time, and marks.

import { formatBytes, formatTime } from "@contain-tools/explain";
import { shellQuote, shortened } from "@contain-tools/kernel";
import { chartsOf } from "./charts.ts";
import { marksOf } from "./marks.ts";
import { type Fields, isFields, type Line, numberAt, type Recording, textAt } from "./read.ts";
import type { Model, Statement } from "./types.ts";

const MOST_TEXT = 300; // characters of one fact
const MOST_VERDICT = 2000;
const MOST_MARKS = 1000;

const clean = (text: string) => shortened(text, MOST_TEXT);

export function modelOf(recording: Recording): Model {
  const { start, samples, events, unreadable } = recording;
  const name = textAt(start, "name");
  const id = textAt(start, "id") ?? "?";
  const last = [...samples, ...events].reduce((latest, { t }) => Math.max(latest, t), start.t);
  const end = events.findLast(({ event, state }) => event === "state" && (state === "exited" || state === "failed"));
  const marks = marksOf(events, start.t);
  const shown = marks.length > MOST_MARKS ? [...marks.slice(0, MOST_MARKS / 2), ...marks.slice(-MOST_MARKS / 2)] : marks;
  const facts: [string, string][] = [
    ["container", name === undefined ? id : `${name} (${id})`],
    ["command", wordsOf(start).map(shellQuote).join(" ")],
    ["limits", textAt(start, "limits") || "none"],
    ["host", textAt(start, "host") ?? "?"],
    ["kernel", `Linux ${textAt(start, "kernel") ?? "?"}`],
    ["contain", textAt(start, "contain") ?? "?"],
    ["started", new Date(start.t).toISOString()],
    ["ran", formatTime(last - start.t)],
    ["end", (end && textAt(end, "reason")) ?? "not in the record: the supervisor was killed, or the container still runs"],
    ...totals(samples),
    ...(shown === marks
      ? []
      : [["marks", `${marks.length}; shown are the first and the last ${MOST_MARKS / 2} are shown`] as [string, string]]),
    ...(unreadable > 0 ? [["unreadable", `${unreadable} ${unreadable === 1 ? "line" : "lines"}, left out`] as [string, string]] : []),
  ];
  return {
    title: clean(`contain report: ${name ?? id}`),
    start: start.t,
    verdict: end === undefined ? [] : statementsOf(end),
    facts: facts.map(([key, value]) => [key, clean(value)]),
    missing: missingOf(start),
    times: samples.map(({ t }) => (t - start.t) / 1000),
    charts: chartsOf(samples),
    marks: shown.map((mark) => ({ ...mark, text: clean(mark.text) })),
  };
}

/** The verdict, as a file that may come from anywhere has it. */
function statementsOf({ verdict }: Line): Statement[] {
  if (!Array.isArray(verdict)) return [];
  return verdict.filter(isFields).map((one) => {
    const fix = textAt(one, "fix");
    const evidence = Array.isArray(one["evidence"]) ? one["evidence"].filter(isFields) : [];
    const found = (item: Fields) => (textAt(item, "value") ?? textAt(item, "problem") ?? "?").replaceAll("\t", " ");
    return {
      text: shortened(textAt(one, "text") ?? "?", MOST_VERDICT),
      fix: fix === undefined ? undefined : shortened(fix, MOST_VERDICT),
      evidence: evidence.map((item) => clean(`${textAt(item, "source") ?? "?"}: ${found(item)} (${textAt(item, "rule") ?? "?"})`)),
    };
  });
}

function wordsOf({ argv }: Line): string[] {
  return Array.isArray(argv) ? argv.filter((word) => typeof word === "string") : [];
}

/** Counters: their values in the last sample. */
function totals(samples: readonly Line[]): [string, string][] {
  const most = samples.reduce((greatest, line) => Math.max(greatest, numberAt(line, "memory.current") ?? 0), 0);
  const last = (...keys: string[]) => samples.map((line) => numberAt(line, ...keys)).findLast((value) => value !== undefined);
  const [periods = 0, throttled = 0, refused = 0, kills = 0] = [
    last("cpu.stat", "nr_periods"),
    last("cpu.stat", "nr_throttled"),
    last("pids.events", "max"),
    last("memory.events", "oom_kill"),
  ];
  return [
    ...(most > 0 ? [["most memory", `${formatBytes(most)} in a sample`] as [string, string]] : []),
    ...(periods > 0 ? [["throttled", `in ${throttled} of ${periods} periods`] as [string, string]] : []),
    ...(refused > 0 ? [["forks refused", `${refused} (pids.events max)`] as [string, string]] : []),
    ...(kills > 0 ? [["OOM kills", `${kills} (memory.events oom_kill)`] as [string, string]] : []),
  ];
}

function missingOf({ missing }: Line): string[] {
  if (!Array.isArray(missing)) return [];
  return missing.filter(isFields).map((entry) => clean(`${textAt(entry, "what") ?? "?"}: ${textAt(entry, "why") ?? "?"}`));
}
