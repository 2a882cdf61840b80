// One chart of the page, by uPlot: stacks, lines, a limit, and the marks as vertical lines.
import uPlot from "uplot";
import type { Chart, Mark, Model, Series, Unit } from "../src/report/types.ts";
import { clock, format } from "./format.ts";

export const MARK_COLORS: Readonly<Record<Mark["kind"], string>> = {
  state: "#8c959f",
  signal: "#2f8fd6",
  kill: "#d55e00",
  oom: "#cf222e",
  lost: "#8250df",
};
// Distinguishable without seeing red and green (Okabe and Ito).
const STACK_COLORS = ["#56b4e9", "#cc79a7", "#b5d99c", "#e69f00", "#999999"];
const LINE_COLORS = ["", "#d55e00", "#2f8fd6", "#009e73"];
const LIMIT_COLOR = "#cf222e";
export const HEIGHT = 240;

export const model = JSON.parse(document.getElementById("data")?.textContent ?? "") as Model;

/** Seconds of the first line after midnight, so that whole seconds, minutes and hours of the clock fall on the grid. */
const midnight = new Date(model.start).setHours(0, 0, 0, 0);
const origin = (model.start - midnight) / 1000;
const times = model.times.map((time) => origin + time);
const clockAt = (x: number, step: number) => clock(midnight + Math.round(x * 1000), step);

export function element<K extends keyof HTMLElementTagNameMap>(tag: K, text: string, parent: HTMLElement): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  made.textContent = text;
  parent.append(made);
  return made;
}

const css = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Stacks each kind on those before it. The topmost is drawn first, so that the others cover its lower part. */
function layers(chart: Chart): { series: Series; drawn: (number | null)[]; color: string }[] {
  const stack = chart.series.filter(({ kind }) => kind === "stack");
  const sums = model.times.map(() => 0);
  const stacked = stack.map((series, i) => {
    const drawn = series.values.map((value, at) => {
      sums[at] = (sums[at] ?? 0) + (value ?? 0);
      return value === null ? null : (sums[at] ?? null);
    });
    return { series, drawn, color: STACK_COLORS[i % STACK_COLORS.length] ?? "" };
  });
  const lines = chart.series.filter(({ kind }) => kind === "line");
  const others = lines.map((series, i) => ({ series, drawn: [...series.values], color: LINE_COLORS[i] || css("--ink") }));
  const limits = chart.series.filter(({ kind }) => kind === "limit");
  return [...stacked.reverse(), ...others, ...limits.map((series) => ({ series, drawn: [...series.values], color: LIMIT_COLOR }))];
}

/** Where charts begin and end: marks may come before the first sample and after the last. */
const ends: [number, number] = [
  origin,
  origin + model.marks.reduce((latest, { at }) => Math.max(latest, at), Math.max(0.001, model.times.at(-1) ?? 0)),
];

/** Marks are shown too, unless a part was chosen. */
function whole(low: number | null, high: number | null): [number, number] {
  const [first, last] = [times[0] ?? 0, times.at(-1) ?? 0];
  return low === null || high === null || (low <= first && high >= last) ? ends : [low, high];
}

function drawMarks(plot: uPlot): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.lineWidth = devicePixelRatio;
  for (const { at, kind } of model.marks) {
    const x = plot.valToPos(origin + at, "x", true);
    ctx.strokeStyle = MARK_COLORS[kind];
    ctx.setLineDash(kind === "state" ? [2, 4] : []);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}

const POWERS = Array.from({ length: 44 }, (_, i) => 2 ** i);
const TENS = Array.from({ length: 7 }, (_, i) => [1, 2, 5].map((digit) => digit * 10 ** i)).flat();
const HOUR = 3600;
const STEPS = [
  ...[0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800],
  ...[1, 2, 4, 6, 12, 24, 48, 168, 720].map((hours) => hours * HOUR),
];

/** What a series says while nobody points at the chart. */
function inShort({ kind, last, most }: Series, unit: Unit): string {
  if (last === null || most === null) return "–";
  return kind === "limit" ? format(unit, last) : `last ${format(unit, last)}, most ${format(unit, most)}`;
}

export function drawChart(chart: Chart, parent: HTMLElement): uPlot {
  const section = element("section", "", parent);
  element("h2", chart.title, section);
  element("p", chart.note, section);
  const all = layers(chart);
  const axis = { stroke: css("--soft"), grid: { stroke: css("--line"), width: 1 }, ticks: { stroke: css("--line"), width: 1 } };
  const series = all.map(
    ({ series: one, color }): uPlot.Series => ({
      label: one.label,
      stroke: color,
      width: one.kind === "stack" ? 0 : one.kind === "limit" ? 2 : 1.5,
      points: { show: model.times.length < 3 },
      ...(one.kind === "stack" ? { fill: color } : {}),
      ...(one.kind === "limit" ? { dash: [8, 5] } : {}),
      value: (_plot, _raw, _series, at) => {
        if (at === null) return inShort(one, chart.unit);
        const value = one.values[at];
        return value === null || value === undefined ? "–" : format(chart.unit, value);
      },
    }),
  );
  const options: uPlot.Options = {
    width: section.clientWidth,
    height: HEIGHT,
    cursor: { sync: { key: "report" }, drag: { x: true, y: false } },
    scales: {
      x: { time: false, range: (_plot, low, high) => whole(low, high) },
      y: { range: (_plot, _low, high) => [0, Math.max(high ?? 0, 1) * 1.08] },
    },
    axes: [
      { ...axis, space: 85, incrs: STEPS, values: (_plot, splits, _axis, _space, step) => splits.map((split) => clockAt(split, step)) },
      {
        ...axis,
        size: 72,
        values: (_plot, splits) => splits.map((split) => format(chart.unit, split)),
        ...(chart.unit === "percent" ? {} : { incrs: chart.unit === "bytes" ? POWERS : TENS }),
      },
    ],
    series: [
      { label: "time", value: (_plot, raw) => (raw === null ? "all" : `${clockAt(raw, 0.01)}, ${(raw - origin).toFixed(2)} s`) },
      ...series,
    ],
    hooks: { draw: [drawMarks] },
  };
  const plot = new uPlot(options, [times, ...all.map(({ drawn }) => drawn)], section);
  const canvas = plot.ctx.canvas;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `${chart.title}: ${chart.series.map((one) => `${one.label}: ${inShort(one, chart.unit)}`).join("; ")}`);
  return plot;
}
