// A report as one page. Scripts and styles are in the template that `build` makes; only data is added here, never markup.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { codeOf, isNative, ToolError } from "@contain-tools/kernel";
import type { Chart, Model } from "./types.ts";

const MOST_POINTS = 4000; // more than any screen has columns

/** The page of a report. @throws ToolError if the template is not installed */
export function pageOf(model: Model): string {
  const path = join(isNative ? dirname(process.execPath) : import.meta.dirname, "report.html");
  let template: string;
  try {
    template = readFileSync(path, "utf8");
  } catch (error) {
    throw new ToolError(
      `${path}: the template of the page cannot be read: ${codeOf(error)}`,
      "it is part of the installation: `pnpm run build` makes it",
    );
  }
  const parts: Readonly<Record<string, string>> = { TITLE: escapeText(model.title), DATA: escapeJson(JSON.stringify(thin(model))) };
  return template.replace(/@@(TITLE|DATA)@@/g, (_, name: string) => parts[name] ?? "");
}

function escapeText(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

/** JSON that cannot close the script element around it (HTML, "Restrictions for contents of script elements"). */
function escapeJson(json: string): string {
  return json.replace(/[<>&\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Thins out a long record: keeps in each stretch the sample with the greatest value of each chart's first line, and the last one. */
function thin(model: Model): Model {
  const { times, charts } = model;
  if (times.length <= MOST_POINTS) return model;
  const stretch = Math.ceil((times.length * (charts.length + 1)) / MOST_POINTS);
  const kept = new Set<number>();
  for (let from = 0; from < times.length; from += stretch) {
    const places = times.slice(from, from + stretch).map((_, i) => from + i);
    for (const chart of charts) kept.add(greatest(chart, places));
    kept.add(places.at(-1) ?? from);
  }
  const order = [...kept].sort((a, b) => a - b);
  const pick = <T>(list: readonly T[], none: T) => order.map((i) => list[i] ?? none);
  const thinned = charts.map((chart) => ({ ...chart, series: chart.series.map((one) => ({ ...one, values: pick(one.values, null) })) }));
  return { ...model, times: pick(times, 0), charts: thinned };
}

function greatest({ series }: Chart, places: readonly number[]): number {
  const values = series.find(({ kind }) => kind === "line")?.values ?? [];
  return places.reduce((best, i) => ((values[i] ?? -1) > (values[best] ?? -1) ? i : best), places[0] ?? 0);
}
