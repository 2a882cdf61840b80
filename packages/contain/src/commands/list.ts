// `contain list`: what there is, a line a container.

import { withCommon } from "@contain-tools/chain";
import { columns, formatBytes, formatTime, print, readLimit, readPids } from "@contain-tools/explain";
import { exit, jsonText, requireOwnProc, shellQuote } from "@contain-tools/kernel";
import { ageOf, isSupervisorStopped, readStates, type State, statusOf } from "@contain-tools/state";
import { checkNoWords, subcommand } from "../command.ts";

export const listOptions = withCommon({
  quiet: { type: "boolean", alias: "q", description: "ids only" },
  json: { type: "boolean", description: "one JSON object a line" },
});

export const list = subcommand({
  name: "list",
  description: "List the containers (also: ps)",
  usage: "",
  options: listOptions,
  plan(given) {
    checkNoWords(given);
    const form = given.has("json") ? json : given.has("quiet") ? quiet : table;
    return () => {
      requireOwnProc();
      print(form(readStates()));
      return exit(0);
    };
  },
});

const quiet = (states: readonly State[]) => states.map(({ id }) => `${id}\n`).join("");
const json = (states: readonly State[]) => states.map((state) => `${jsonText(row(state))}\n`).join("");

function row(state: State) {
  const number = (file: string) => (state.group === undefined ? undefined : readLimit(state.group, file));
  const status = statusOf(state);
  return {
    id: state.id,
    name: state.name,
    pid: status === "dead" || status === "ending" ? undefined : state.init?.pid,
    command: state.argv,
    status,
    supervisorStopped: isSupervisorStopped(state) || undefined,
    created: state.created,
    exit: state.ended?.status,
    memory: number("memory.current"),
    memoryLimit: number("memory.max"),
    pids: state.group === undefined ? undefined : readPids(state.group),
    pidsLimit: number("pids.max"),
  };
}

const HEAD = ["ID", "NAME", "PID", "STATUS", "STARTED", "MEMORY", "PIDS", "COMMAND"];

function table(states: readonly State[]): string {
  const lines = states
    .map((state) => ({ ...row(state), age: ageOf(state.supervisor) ?? Math.max(0, Date.now() - state.created) }))
    .map((r) => [
      r.id,
      r.name ?? "-",
      r.pid === undefined ? "-" : `${r.pid}`,
      `${r.status}${r.exit === undefined ? "" : ` (${r.exit})`}${r.supervisorStopped ? " (supervisor stopped)" : ""}`,
      `${formatTime(r.age)} ago`,
      r.memory === undefined ? "-" : `${formatBytes(r.memory)}/${r.memoryLimit === undefined ? "max" : formatBytes(r.memoryLimit)}`,
      r.pids === undefined ? "-" : `${r.pids}${r.pidsLimit === undefined ? "" : `/${r.pidsLimit}`}`,
      r.command.map(shellQuote).join(" "),
    ]);
  return columns([HEAD, ...lines])
    .map((line) => `${line}\n`)
    .join("");
}
