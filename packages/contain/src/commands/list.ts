// `contain list`: what there is, a line a container.
import { writeSync } from "node:fs";
import { join } from "node:path";
import { exit, readIfThere, shellQuote, withCommon } from "@contain-tools/kernel";
import { subcommand } from "../command.ts";
import { readStates, type State, statusOf } from "../state.ts";
import { formatBytes, formatTime } from "../usage.ts";

export const list = subcommand({
  name: "list",
  description: "List the containers (also: ps)",
  usage: "",
  options: withCommon({
    quiet: { type: "boolean", alias: "q", description: "ids only" },
    json: { type: "boolean", description: "one JSON object a line" },
  }),
  plan(given) {
    const form = given.has("json") ? json : given.has("quiet") ? quiet : table;
    return () => {
      writeSync(1, form(readStates()));
      return exit(0);
    };
  },
});

const quiet = (states: readonly State[]) => states.map(({ id }) => `${id}\n`).join("");
const json = (states: readonly State[]) => states.map((state) => `${JSON.stringify(row(state))}\n`).join("");

function row(state: State) {
  const file = (name: string) => (state.group === undefined ? undefined : readIfThere(join(state.group, name))?.trim());
  const number = (text: string | undefined) => (text === undefined || text === "max" ? undefined : Number(text));
  return {
    id: state.id,
    name: state.name,
    pid: state.init?.pid,
    command: state.argv,
    status: statusOf(state),
    created: state.created,
    exit: state.ended?.status,
    memory: number(file("memory.current")),
    memoryLimit: number(file("memory.max")),
    pids: number(file("pids.current")),
  };
}

const HEAD = ["ID", "NAME", "PID", "STATUS", "STARTED", "MEMORY", "PIDS", "COMMAND"];

function table(states: readonly State[]): string {
  const lines = states
    .map(row)
    .map((r) => [
      r.id,
      r.name ?? "-",
      r.pid === undefined ? "-" : `${r.pid}`,
      r.exit === undefined ? r.status : `${r.status} (${r.exit})`,
      `${formatTime(Date.now() - r.created)} ago`,
      r.memory === undefined ? "-" : `${formatBytes(r.memory)}/${r.memoryLimit === undefined ? "max" : formatBytes(r.memoryLimit)}`,
      r.pids === undefined ? "-" : `${r.pids}`,
      printable(r.command.map(shellQuote).join(" ")),
    ]);
  const all = [HEAD, ...lines];
  const width = HEAD.map((_, i) => Math.max(...all.map((line) => line[i]?.length ?? 0)));
  return all.map((line) => `${line.map((cell, i) => (i === line.length - 1 ? cell : cell.padEnd(width[i] ?? 0))).join("  ")}\n`).join("");
}

/** Without the control characters by which a command line could rewrite the terminal, and not wider than a line. */
function printable(text: string): string {
  const clean = text.replace(/[\p{Cc}\p{Cf}]/gu, "?");
  return clean.length > 60 ? `${clean.slice(0, 59)}…` : clean;
}
