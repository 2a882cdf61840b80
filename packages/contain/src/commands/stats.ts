// `contain stats`: what the containers use now, once or every second.

import { withCommon } from "@contain-tools/chain";
import { columns, formatBytes, formatTime, print } from "@contain-tools/explain";
import { exit, pollOnce, UsageError, windowSize } from "@contain-tools/kernel";
import { cpuBetween, type Sample, sparkline, takeSample, throttledBetween } from "@contain-tools/record";
import { findContainer, readState, readStates, type State, statusOf } from "@contain-tools/state";
import { subcommand } from "../command.ts";
import { everySecond } from "../run/watch.ts";
import { checkFormat, type Fields, FORMAT, fillAll } from "../template.ts";
import { checkRunning } from "./container.ts";

const statsOptions = withCommon({
  watch: {
    type: "boolean",
    alias: "w",
    description:
      "every second until Ctrl-C or q: a live table with the last seconds, sorted by the keys c, m, p, n; without a terminal plain lines",
  },
  "no-stream": { type: "boolean", description: "accepted: without --watch it is shown once" },
  "no-trunc": { type: "boolean", description: "accepted: nothing is cut off" },
  all: { type: "boolean", alias: "a", description: "accepted: what has ended uses nothing" },
  json: { type: "boolean", description: "one JSON object a line" },
  format: FORMAT,
});

export const stats = subcommand({
  name: "stats",
  description: "Show what containers use: CPU, memory, throttling, pids",
  usage: "[ID…]",
  options: statsOptions,
  plan(given) {
    const ids = given.rest.map((word) => checkRunning(findContainer(word)).id);
    const format = given.has("json") ? "json" : given.value("format");
    checkFormat(format, WORDS);
    if (format !== undefined && given.has("watch")) throw new UsageError("--watch draws a table: it does not go with --json or --format");
    return given.has("watch") ? () => watchThem(ids) : () => showOnce(ids, format);
  },
});

const INTERVAL = 250; // milliseconds between the two samples of a single table
const MAX_SAMPLES = 20; // samples

/** The newest last. */
type History = Sample[];

/** Those named, or all; only what runs. */
function select(ids: readonly string[]): State[] {
  const states = ids.length === 0 ? readStates() : ids.flatMap((id) => readState(id) ?? []);
  return states.filter((state) => ["running", "paused"].includes(statusOf(state)));
}

function showOnce(ids: readonly string[], format: string | undefined): never {
  const histories = new Map<string, History>();
  look(select(ids), histories);
  if (histories.size > 0) pollOnce(-1, 0, INTERVAL);
  const states = select(ids);
  look(states, histories);
  if (format !== undefined) {
    print(
      fillAll(
        format,
        states.map((state) => fields(state, histories.get(state.id) ?? [], format === "json")),
      ),
    );
    return exit(0);
  }
  print(lines(fitting([HEAD, ...states.map((state) => row(state, histories.get(state.id) ?? []))])));
  return exit(0);
}

function watchThem(ids: readonly string[]): never {
  const histories = new Map<string, History>();
  let header = true;
  let order: Order | undefined;
  const draw = (live: boolean) => {
    const states = select(ids);
    if (ids.length > 0 && states.length === 0) return undefined;
    look(states, histories);
    const key = order === undefined ? undefined : ORDERS[order];
    const usage = ({ id }: State) => (key === undefined ? 0 : key(histories.get(id) ?? []));
    if (order === "n") states.sort((a, b) => (a.name ?? a.id).localeCompare(b.name ?? b.id));
    else states.sort((a, b) => usage(b) - usage(a));
    const table = (graphs: boolean) => fitting([HEAD, ...states.map((state) => row(state, histories.get(state.id) ?? [], graphs))]);
    const wide = table(live);
    const [head = "", ...rest] = live && !fits(wide) ? table(false) : wide;
    const withHead = live || header;
    header = false;
    return withHead ? [head, ...rest] : rest;
  };
  return everySecond(draw, (pressed) => {
    if (Object.hasOwn(ORDERS, pressed)) order = pressed as Order;
  });
}

/** What keys sort by, the largest first; n: by name. */
const ORDERS = {
  c: (history: History) => history.slice(-1).map((now) => cpuBetween(history.at(-2), now) ?? 0)[0] ?? 0,
  m: (history: History) => history.at(-1)?.usage.memoryCurrent ?? 0,
  p: (history: History) => history.at(-1)?.usage.pidsCurrent ?? 0,
  n: () => 0,
} as const;
type Order = keyof typeof ORDERS;

const screen = () => windowSize(1)?.columns || Number.POSITIVE_INFINITY;
const fits = (table: readonly string[]) => table.every((line) => [...line].length <= screen());
/** What a narrow terminal can do without, the first first. */
const DROPPED = ["THROTTLED", "CPU TIME", "STATUS", "PIDS", "NAME"];

function fitting(rows: readonly (readonly string[])[]): string[] {
  let left = rows;
  for (const name of DROPPED) {
    if (fits(columns(left))) break;
    const at = left[0]?.indexOf(name) ?? -1;
    left = left.map((cells) => cells.toSpliced(at, 1));
  }
  return columns(left);
}

function look(states: readonly State[], histories: Map<string, History>): void {
  for (const id of histories.keys()) if (!states.some((state) => state.id === id)) histories.delete(id);
  for (const { id, group } of states) {
    if (group === undefined) continue;
    histories.set(id, [...(histories.get(id) ?? []), takeSample(group)].slice(-MAX_SAMPLES - 1));
  }
}

const WORDS = ["ID", "Container", "Name", "CPUPerc", "MemUsage", "MemPerc", "BlockIO", "PIDs"];

const lines = (list: readonly string[]) => list.map((line) => `${line}\n`).join("");

const HEAD = ["ID", "NAME", "STATUS", "CPU", "CPU TIME", "MEMORY", "THROTTLED", "PIDS"];

/** Numbers for JSON: bytes, microseconds, percent of a CPU; texts by docker's names for a template. */
function fields(state: State, history: History, json: boolean): Fields {
  const now = history.at(-1);
  const cpu = now && cpuBetween(history.at(-2), now);
  const { usage = undefined, memoryLimit, pidsLimit } = now ?? {};
  const { id, name } = state;
  if (json) return { id, name, status: statusOf(state), cpuPercent: cpu, ...usage, memoryLimit, pidsLimit };
  const [memory, limit] = [usage?.memoryCurrent, memoryLimit];
  return {
    ID: id,
    Container: id,
    Name: name ?? id,
    CPUPerc: cpu === undefined ? "--" : `${cpu.toFixed(2)}%`,
    MemUsage: memory === undefined ? "--" : `${formatBytes(memory)} / ${limit === undefined ? "max" : formatBytes(limit)}`,
    MemPerc: memory === undefined || limit === undefined ? "--" : `${((memory / limit) * 100).toFixed(2)}%`,
    BlockIO: usage?.readBytes === undefined ? "--" : `${formatBytes(usage.readBytes)} / ${formatBytes(usage.writtenBytes ?? 0)}`,
    PIDs: usage?.pidsCurrent ?? "--",
  };
}

function row(state: State, history: History, live = false): string[] {
  const now = history.at(-1);
  const start = [state.id, state.name ?? "-", statusOf(state)];
  if (now === undefined) return [...start, "-", "-", "-", "-", "-"];
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
    figure(
      pidsCurrent === undefined ? "-" : `${pidsCurrent}/${pidsLimit ?? "max"}`,
      history.map((sample) => sample.usage.pidsCurrent),
      pidsLimit,
    ),
  ];
}
