// The script of a report's page: the verdict, the facts, the charts and the marks of the model in it. Data from a record is text, never markup.
import type uPlot from "uplot";
import { drawChart, element, HEIGHT, MARK_COLORS, model } from "./chart.ts";
import { clock, zone } from "./format.ts";

function drawVerdict(main: HTMLElement): void {
  const section = element("section", "", main);
  section.className = "verdict";
  element("h2", "Verdict", section);
  for (const { text, fix, evidence } of model.verdict) {
    element("p", text, section).className = "statement";
    if (fix !== undefined) element("p", `Fix: ${fix}`, section);
    const list = element("ul", "", section);
    for (const item of evidence) element("li", item, list);
  }
}

function drawFacts(main: HTMLElement): void {
  const facts = element("dl", "", main);
  const missing = model.missing.map((text) => ["not recorded", text] as const);
  for (const [name, value] of [...model.facts, ["clock times", `of this browser: ${zone}`] as const, ...missing]) {
    element("dt", name, facts);
    element("dd", value, facts);
  }
}

function drawMarks(main: HTMLElement): void {
  const section = element("section", "", main);
  element("h2", "Marks", section);
  element("p", "The vertical lines of the charts. Drag over a chart to zoom in; a double click shows all again.", section);
  const table = element("table", "", section);
  table.className = "marks";
  const head = element("tr", "", element("thead", "", table));
  for (const name of ["clock", "after", "mark", "what"]) element("th", name, head).scope = "col";
  const body = element("tbody", "", table);
  for (const { at, kind, text } of model.marks) {
    const row = element("tr", "", body);
    element("td", clock(model.start + at * 1000, 0.01), row);
    element("td", `${at.toFixed(2)} s`, row);
    const cell = element("td", "", row);
    const dot = element("span", "", cell);
    dot.className = "dot";
    dot.style.background = MARK_COLORS[kind];
    cell.append(kind);
    element("td", text, row);
  }
}

let plots: uPlot[] = [];

function draw(): void {
  for (const plot of plots) plot.destroy();
  document.querySelector("main")?.remove();
  const main = element("main", "", document.body);
  element("h1", model.title, main);
  if (model.verdict.length > 0) drawVerdict(main);
  drawFacts(main);
  plots = model.charts.map((chart) => drawChart(chart, main));
  if (plots.length === 0) element("p", "There is no sample to draw.", main);
  drawMarks(main);
}

draw();
addEventListener("resize", () => {
  for (const plot of plots) plot.setSize({ width: plot.root.parentElement?.clientWidth ?? plot.width, height: HEIGHT });
});
// The colours of axes are drawn, not styled; paper is white, and narrower than a screen.
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
for (const [event, printing] of [
  ["beforeprint", true],
  ["afterprint", false],
] as const)
  addEventListener(event, () => {
    document.documentElement.classList.toggle("print", printing);
    draw();
  });
