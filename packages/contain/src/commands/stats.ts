// `contain stats`: current usage, once or every second.

import { withCommon } from "@contain-tools/chain";
import { COLOR, formatBytes, type Paint, painterOf, print } from "@contain-tools/explain";
import { exit, pollOnce, UsageError } from "@contain-tools/kernel";
import { cpuBetween, takeSample } from "@contain-tools/record";
import { findContainer, readState, readStates, type State, statusOf } from "@contain-tools/state";
import { subcommand } from "../command.ts";
import { everySecond } from "../run/watch.ts";
import { drawn, fits, fitting, HEAD, type History, MAX_SAMPLES, row, traffic } from "../statstable.ts";
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
  color: COLOR,
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
    const paint = painterOf(given);
    return given.has("watch") ? () => watchThem(ids, paint) : () => showOnce(ids, format, paint);
  },
});

const INTERVAL = 250; // milliseconds between the two samples of a single table

/** The named containers, or all running ones. */
function select(ids: readonly string[]): State[] {
  const states = ids.length === 0 ? readStates() : ids.flatMap((id) => readState(id) ?? []);
  return states.filter((state) => ["running", "paused"].includes(statusOf(state)));
}

function showOnce(ids: readonly string[], format: string | undefined, paint: Paint): never {
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
  const found = states.map((state) => histories.get(state.id) ?? []);
  const table = fitting([HEAD, ...states.map((state, i) => row(state, found[i] ?? []))]);
  print(lines(drawn(table, found, paint)));
  return exit(0);
}

function watchThem(ids: readonly string[], paint: Paint): never {
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
    const found = states.map(({ id }) => histories.get(id) ?? []);
    const table = (graphs: boolean) => fitting([HEAD, ...states.map((state, i) => row(state, found[i] ?? [], graphs))]);
    const wide = table(live);
    const [head = "", ...rest] = drawn(live && !fits(wide) ? table(false) : wide, found, paint);
    const withHead = live || header;
    header = false;
    return withHead ? [head, ...rest] : rest;
  };
  return everySecond(draw, (pressed) => {
    if (Object.hasOwn(ORDERS, pressed)) order = pressed as Order;
  });
}

/** The keys' sort orders, the largest first; n: by name. */
const ORDERS = {
  c: (history: History) => history.slice(-1).map((now) => cpuBetween(history.at(-2), now) ?? 0)[0] ?? 0,
  m: (history: History) => history.at(-1)?.usage.memoryCurrent ?? 0,
  p: (history: History) => history.at(-1)?.usage.pidsCurrent ?? 0,
  n: () => 0,
} as const;
type Order = keyof typeof ORDERS;

function look(states: readonly State[], histories: Map<string, History>): void {
  for (const id of histories.keys()) if (!states.some((state) => state.id === id)) histories.delete(id);
  for (const { id, group } of states) {
    if (group === undefined) continue;
    histories.set(id, [...(histories.get(id) ?? []), takeSample(group)].slice(-MAX_SAMPLES - 1));
  }
}

const WORDS = ["ID", "Container", "Name", "CPUPerc", "MemUsage", "MemPerc", "NetIO", "BlockIO", "PIDs"];

const lines = (list: readonly string[]) => list.map((line) => `${line}\n`).join("");

/** Numbers for JSON: bytes, microseconds, percent of a CPU; texts by docker's names for a template. */
function fields(state: State, history: History, json: boolean): Fields {
  const now = history.at(-1);
  const cpu = now && cpuBetween(history.at(-2), now);
  const { usage = undefined, memoryLimit, pidsLimit } = now ?? {};
  const { id, name } = state;
  if (json) return { id, name, status: statusOf(state), cpuPercent: cpu, ...usage, ...traffic(state), memoryLimit, pidsLimit };
  const [memory, limit] = [usage?.memoryCurrent, memoryLimit];
  const net = traffic(state);
  return {
    ID: id,
    Container: id,
    Name: name ?? id,
    CPUPerc: cpu === undefined ? "--" : `${cpu.toFixed(2)}%`,
    MemUsage: memory === undefined ? "--" : `${formatBytes(memory)} / ${limit === undefined ? "max" : formatBytes(limit)}`,
    MemPerc: memory === undefined || limit === undefined ? "--" : `${((memory / limit) * 100).toFixed(2)}%`,
    NetIO: net === undefined ? "--" : `${formatBytes(net.receivedBytes)} / ${formatBytes(net.sentBytes)}`,
    BlockIO: usage?.readBytes === undefined ? "--" : `${formatBytes(usage.readBytes)} / ${formatBytes(usage.writtenBytes ?? 0)}`,
    PIDs: usage?.pidsCurrent ?? "--",
  };
}
