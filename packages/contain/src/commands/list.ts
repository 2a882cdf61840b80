// `contain list`: one line for each container.

import { type Options, withCommon } from "@contain-tools/chain";
import { columns, formatBytes, formatTime, print, readLimit, readPids } from "@contain-tools/explain";
import { exit, jsonText, quote, requireOwnProc, shellQuote, UsageError } from "@contain-tools/kernel";
import { ageOf, isSupervisorStopped, readStates, type State, statusOf } from "@contain-tools/state";
import { checkNoWords, subcommand } from "../command.ts";
import { type Fields, FORMAT, fillAll } from "../template.ts";

export const listOptions = withCommon({
  quiet: { type: "boolean", alias: "q", description: "ids only" },
  json: { type: "boolean", description: "one JSON object a line" },
  format: FORMAT,
  filter: {
    type: "string",
    alias: "f",
    valueHint: "KEY=VALUE",
    repeat: true,
    description: "only those with this id, name (a part of it), status, exited (an exit status) or label",
  },
  all: { type: "boolean", alias: "a", description: "accepted: ended ones are always listed" },
  "no-trunc": { type: "boolean", description: "accepted: nothing is cut off" },
});

export const list = subcommand({
  name: "list",
  description: "List the containers (also: ps)",
  also: ["ps", "ls"],
  usage: "",
  options: listOptions,
  plan(given: Options<keyof typeof listOptions>) {
    checkNoWords(given);
    const format = given.value("format");
    const wanted = readFilters(given.all("filter"));
    const form = given.has("json") || format === "json" ? json : given.has("quiet") ? quiet : table;
    return () => {
      requireOwnProc();
      const states = readStates().filter(wanted);
      print(format === undefined || format === "json" ? form(states) : fillAll(format, states.map(dockersWords)));
      return exit(0);
    };
  },
});

const quiet = (states: readonly State[]) => states.map(({ id }) => `${id}\n`).join("");
const json = (states: readonly State[]) => states.map((state) => `${jsonText(row(state))}\n`).join("");

/** All values of one key are alternatives, as in docker. @throws UsageError */
function readFilters(texts: readonly string[]): (state: State) => boolean {
  const wanted = new Map<string, string[]>();
  for (const text of texts) {
    const [, key = "", value = ""] = /^(id|name|status|exited|label)=(.+)$/.exec(text) ?? [];
    if (key === "") throw new UsageError(`--filter ${quote(text)}: must be KEY=VALUE`, "keys: id, name, status, exited, label");
    wanted.set(key, [...(wanted.get(key) ?? []), value]);
  }
  const matches = (state: State, key: string, value: string) => {
    if (key === "id") return state.id.startsWith(value);
    if (key === "name") return state.name?.includes(value) ?? false;
    if (key === "status") return statusOf(state) === value;
    if (key === "exited") return `${state.ended?.status}` === value;
    return Object.entries(state.labels ?? {}).some(([name, text]) => name === value || `${name}=${text}` === value);
  };
  return (state) => [...wanted].every(([key, values]) => values.some((value) => matches(state, key, value)));
}

/** The fields that docker's templates know. */
function dockersWords(state: State): Fields {
  const { id, name, argv, rootfs, created, network, labels = {} } = state;
  const { status, exit: code, pid } = row(state);
  const age = formatTime(Math.max(0, Date.now() - created));
  return {
    ID: id,
    Names: name ?? id,
    Image: rootfs,
    Command: argv.map(shellQuote).join(" "),
    CreatedAt: new Date(created).toISOString(),
    RunningFor: `${age} ago`,
    State: status,
    Status: code === undefined ? `${status} ${age}` : `exited (${code})`,
    Pid: pid ?? 0,
    Ports: (network?.publish ?? []).join(", "),
    Labels: Object.entries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(","),
  };
}

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
