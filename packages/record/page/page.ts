// The script of a report's page: draws the charts of the model in the page. Data from a record is text, never markup.
import uPlot from "uplot";
import type { Chart, Mark, Model, Series, Unit } from "../src/report/types.ts";

const MARK_COLORS: Readonly<Record<Mark["kind"], string>> = {
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
const HEIGHT = 240;

const model = JSON.parse(document.getElementById("data")?.textContent ?? "") as Model;

function element<K extends keyof HTMLElementTagNameMap>(tag: K, text = "", parent: HTMLElement = document.body): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  made.textContent = text;
  parent.append(made);
  return made;
}

const css = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function formatBytes(bytes: number): string {
  const units = ["", "K", "M", "G", "T"];
  const power = bytes < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  const number = bytes / 1024 ** power;
  return `${Number.isInteger(number) ? number : number.toFixed(1)}${units[power]}`;
}

const format = (unit: Unit, value: number) =>
  unit === "bytes" ? formatBytes(value) : unit === "percent" ? `${Number(value.toFixed(1))}%` : `${value}`;

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
const ends: [number, number] = [0, model.marks.reduce((latest, { at }) => Math.max(latest, at), Math.max(0.001, model.times.at(-1) ?? 0))];

/** Marks are shown too, unless a part was chosen. */
function whole(low: number | null, high: number | null): [number, number] {
  const [first, last] = [model.times[0] ?? 0, model.times.at(-1) ?? 0];
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
    const x = plot.valToPos(at, "x", true);
    ctx.strokeStyle = MARK_COLORS[kind];
    ctx.setLineDash(kind === "state" ? [2, 4] : []);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}

const powers = Array.from({ length: 44 }, (_, i) => 2 ** i);

function drawChart(chart: Chart): uPlot {
  const section = element("section");
  element("h2", chart.title, section);
  element("p", chart.note, section);
  const all = layers(chart);
  const axis = { stroke: css("--soft"), grid: { stroke: css("--line"), width: 1 }, ticks: { stroke: css("--line"), width: 1 } };
  const series = all.map(
    ({ series: { label, kind, values }, color }): uPlot.Series => ({
      label,
      stroke: color,
      width: kind === "stack" ? 0 : kind === "limit" ? 2 : 1.5,
      points: { show: model.times.length < 3 },
      ...(kind === "stack" ? { fill: color } : {}),
      ...(kind === "limit" ? { dash: [8, 5] } : {}),
      value: (_plot, _raw, _series, at) => {
        const value = at === null ? undefined : values[at];
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
      { ...axis, values: (_plot, splits) => splits.map((split) => `${split} s`) },
      {
        ...axis,
        size: 64,
        values: (_plot, splits) => splits.map((split) => format(chart.unit, split)),
        ...(chart.unit === "bytes"
          ? { incrs: powers }
          : chart.unit === "count"
            ? { incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 100000, 1000000] }
            : {}),
      },
    ],
    series: [{ label: "time", value: (_plot, raw) => (raw === null ? "–" : `${raw.toFixed(2)} s`) }, ...series],
    hooks: { draw: [drawMarks] },
  };
  return new uPlot(options, [[...model.times], ...all.map(({ drawn }) => drawn)], section);
}

function drawPage(): uPlot[] {
  element("h1", model.title);
  const facts = element("dl");
  for (const [name, value] of model.facts) {
    element("dt", name, facts);
    element("dd", value, facts);
  }
  for (const text of model.missing) {
    element("dt", "not recorded", facts);
    element("dd", text, facts);
  }
  const plots = model.charts.map(drawChart);
  if (model.charts.length === 0) element("p", "There is no sample to draw.");
  element("h2", "Marks");
  element("p", "The vertical lines of the charts. Drag over a chart to zoom in; a double click shows all again.");
  const table = element("table");
  table.className = "marks";
  for (const { at, kind, text } of model.marks) {
    const row = element("tr", "", table);
    element("td", `${at.toFixed(2)} s`, row);
    const cell = element("td", "", row);
    const dot = element("span", "", cell);
    dot.className = "dot";
    dot.style.background = MARK_COLORS[kind];
    cell.append(kind);
    element("td", text, row);
  }
  return plots;
}

let plots = drawPage();
addEventListener("resize", () => {
  for (const plot of plots) plot.setSize({ width: plot.root.parentElement?.clientWidth ?? plot.width, height: HEIGHT });
});
// The colours of axes are drawn, not styled.
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const plot of plots) plot.destroy();
  for (const made of [...document.body.children]) if (made.tagName !== "SCRIPT" && made.tagName !== "NOSCRIPT") made.remove();
  plots = drawPage();
});
