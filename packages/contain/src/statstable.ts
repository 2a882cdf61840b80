// The table of `contain stats`: as wide as the terminal, with the last seconds as blocks, in colours.

import { columns, formatBytes, formatTime, type Paint, paintTable, type Style, styleOfStatus } from "@contain-tools/explain";
import { windowSize } from "@contain-tools/kernel";
import { cpuBetween, type Sample, sparkline, throttledBetween } from "@contain-tools/record";
import { type State, statusOf } from "@contain-tools/state";
import { memberOf } from "./commands/container.ts";
import { trafficOf } from "./network/traffic.ts";

export const MAX_SAMPLES = 20;

/** The newest last. */
export type History = Sample[];
type Table = readonly (readonly string[])[];

export const HEAD = ["ID", "NAME", "STATUS", "CPU", "CPU TIME", "MEMORY", "THROTTLED", "NET I/O", "PIDS"];

const screen = () => windowSize(1)?.columns || Number.POSITIVE_INFINITY;
export const fits = (table: Table) => columns(table).every((line) => [...line].length <= screen());
/** What a narrow terminal can do without, most dispensable first. */
const DROPPED = ["NET I/O", "THROTTLED", "CPU TIME", "STATUS", "PIDS", "NAME"];

export function fitting(rows: Table): Table {
  let left = rows;
  for (const name of DROPPED) {
    if (fits(left)) break;
    const at = left[0]?.indexOf(name) ?? -1;
    left = left.map((cells) => cells.toSpliced(at, 1));
  }
  return left;
}

/** Coloured: what has reached nine tenths of its limit, and what is throttled now. */
export function drawn(table: Table, histories: readonly History[], paint: Paint): string[] {
  const near = (value: number | undefined, limit: number | undefined) =>
    value !== undefined && limit !== undefined && value >= 0.9 * limit ? "red" : undefined;
  const styleOf = (name: string, cell: string, at: number): Style | undefined => {
    const [before, now] = (histories[at] ?? []).slice(-2);
    if (name === "STATUS") return styleOfStatus(cell);
    if (now === undefined) return undefined;
    if (name === "MEMORY") return near(now.usage.memoryCurrent, now.memoryLimit);
    if (name === "PIDS") return near(now.usage.pidsCurrent, now.pidsLimit);
    return name === "THROTTLED" && (throttledBetween(before, now) ?? 0) > 0 ? "yellow" : undefined;
  };
  return columns(table, paintTable(table[0] ?? [], paint, styleOf));
}

/** Of a container's own network. */
export const traffic = ({ init }: State) => init && trafficOf(memberOf(init));

export function row(state: State, history: History, live = false): string[] {
  const now = history.at(-1);
  const start = [state.id, state.name ?? "-", statusOf(state)];
  const net = traffic(state);
  const passed = net === undefined ? "-" : `${formatBytes(net.receivedBytes)}/${formatBytes(net.sentBytes)}`;
  if (now === undefined) return [...start, "-", "-", "-", "-", passed, "-"];
  const { usage, memoryLimit, pidsLimit } = now;
  const between = (of: (before: Sample | undefined, after: Sample) => number | undefined) =>
    history.map((after, i) => of(history[i - 1], after)).slice(1);
  const figure = (text: string, values: readonly (number | undefined)[], most: number | undefined) =>
    live ? `${sparkline(values, most ?? Math.max(...values.map((value) => value ?? 0)), MAX_SAMPLES)} ${text}` : text;
  const cpu = between(cpuBetween);
  const throttled = between(throttledBetween);
  const cpuNow = cpu.at(-1);
  const { cpuPeriods, cpuThrottledPeriods, cpuMicroseconds, memoryCurrent, pidsCurrent } = usage;
  return [
    ...start,
    figure(cpuNow === undefined ? "-" : `${cpuNow.toFixed(1)}%`, cpu, Math.max(100, ...cpu.map((value) => value ?? 0))),
    cpuMicroseconds === undefined ? "-" : formatTime(cpuMicroseconds / 1000),
    figure(
      memoryCurrent === undefined ? "-" : `${formatBytes(memoryCurrent)}/${memoryLimit === undefined ? "max" : formatBytes(memoryLimit)}`,
      history.map((sample) => sample.usage.memoryCurrent),
      memoryLimit,
    ),
    figure(cpuPeriods === undefined ? "-" : `${cpuThrottledPeriods}/${cpuPeriods}`, throttled, 100),
    passed,
    figure(
      pidsCurrent === undefined ? "-" : `${pidsCurrent}/${pidsLimit ?? "max"}`,
      history.map((sample) => sample.usage.pidsCurrent),
      pidsLimit,
    ),
  ];
}
