// `contain list`: one line for each container.

import { type Options, withCommon } from "@contain-tools/chain";
import { COLOR, formatTime, type Paint, painterOf, print } from "@contain-tools/explain";
import { exit, jsonText, parseCount, quote, requireOwnProc, shellQuote, UsageError } from "@contain-tools/kernel";
import { ageOf, isSupervisorStopped, readHealth, readStates, type State, statusOf } from "@contain-tools/state";
import { checkNoWords, subcommand } from "../command.ts";
import { engineRows, tableOf, usageOf } from "../listed.ts";
import { everySecond } from "../run/watch.ts";
import { checkFormat, type Fields, FORMAT, fillAll } from "../template.ts";

const listOptions = withCommon({
  engines: { type: "boolean", description: "those that contain-oci runs for podman, docker, containerd, and how the last ones ended" },
  watch: { type: "boolean", alias: "w", description: "the table every second, until Ctrl-C or q" },
  quiet: { type: "boolean", alias: "q", description: "ids only" },
  json: { type: "boolean", description: "one JSON object a line" },
  format: FORMAT,
  filter: {
    type: "string",
    alias: "f",
    valueHint: "KEY=VALUE",
    repeat: true,
    description: "only those with this id, name (a part of it), status, health, exited (an exit status) or label",
  },
  all: { type: "boolean", alias: "a", description: "accepted: ended ones are always listed" },
  last: { type: "string", alias: "n", valueHint: "N", description: "only the N that were made last" },
  latest: { type: "boolean", alias: "l", description: "only the one that was made last" },
  "no-trunc": { type: "boolean", description: "accepted: nothing is cut off" },
  color: COLOR,
});

export const list = subcommand({
  name: "list",
  description: "List the containers (also: ps)",
  also: ["ps", "ls"],
  usage: "",
  options: listOptions,
  instead: { size: "`du -sh` of the directory of --rootfs or --overlay", s: "`du -sh` of the directory of --rootfs or --overlay" },
  plan(given: Options<keyof typeof listOptions>) {
    checkNoWords(given);
    const paint = painterOf(given);
    if (given.has("engines")) return planEngines(given, paint);
    const format = given.value("format");
    checkFormat(format, WORDS);
    const last = given.has("latest") ? 1 : given.value("last");
    const most = last === undefined ? undefined : parseCount("--last", `${last}`, 0, 1_000_000);
    const wanted = readFilters(given.all("filter"));
    const form = given.has("json") || format === "json" ? json : given.has("quiet") ? quiet : table;
    if (given.has("watch") && (form !== table || format !== undefined))
      throw new UsageError("--watch draws a table: it does not go with --json, --quiet or --format");
    const select = () =>
      readStates()
        .filter(wanted)
        .slice(most === undefined ? 0 : most === 0 ? Number.POSITIVE_INFINITY : -most);
    return () => {
      requireOwnProc();
      if (given.has("watch")) return everySecond(() => table(select(), paint).trimEnd().split("\n"));
      const states = select();
      print(format === undefined || format === "json" ? form(states, paint) : fillAll(format, states.map(dockersWords)));
      return exit(0);
    };
  },
});

/** @throws UsageError */
function planEngines(given: Options<keyof typeof listOptions>, paint: Paint): () => never {
  const other = (["format", "filter", "watch", "last", "latest"] as const).find((name) => given.has(name));
  if (other !== undefined)
    throw new UsageError(`--engines and --${other} exclude each other`, "--json prints every field, for other programs");
  return () => {
    requireOwnProc();
    const rows = engineRows();
    if (given.has("json")) print(rows.map((one) => `${jsonText({ ...one, age: undefined })}\n`).join(""));
    else print(given.has("quiet") ? rows.map(({ id }) => `${id}\n`).join("") : tableOf(rows, paint));
    return exit(0);
  };
}

const quiet = (states: readonly State[]) => states.map(({ id }) => `${id}\n`).join("");
const json = (states: readonly State[]) => states.map((state) => `${jsonText(row(state))}\n`).join("");

/** All values of one key are alternatives, as in docker. @throws UsageError */
function readFilters(texts: readonly string[]): (state: State) => boolean {
  const wanted = new Map<string, string[]>();
  for (const text of texts) {
    const [, key = "", value = ""] = /^(id|name|status|health|exited|label)=(.+)$/.exec(text) ?? [];
    if (key === "") throw new UsageError(`--filter ${quote(text)}: must be KEY=VALUE`, "keys: id, name, status, health, exited, label");
    wanted.set(key, [...(wanted.get(key) ?? []), value]);
  }
  const matches = (state: State, key: string, value: string) => {
    if (key === "id") return state.id.startsWith(value);
    if (key === "name") return state.name?.includes(value) ?? false;
    if (key === "status") return statusOf(state) === value;
    if (key === "health") return row(state).health === value;
    if (key === "exited") return `${state.ended?.status}` === value;
    return Object.entries(state.labels ?? {}).some(([name, text]) => name === value || `${name}=${text}` === value);
  };
  return (state) => [...wanted].every(([key, values]) => values.some((value) => matches(state, key, value)));
}

const WORDS = ["ID", "Names", "Image", "Command", "CreatedAt", "RunningFor", "State", "Status", "Pid", "Ports", "Labels"] as const;

/** The fields that docker's templates know. */
function dockersWords(state: State): Fields & Record<(typeof WORDS)[number], unknown> {
  const { id, name, argv, rootfs, created, network, labels = {} } = state;
  const { status, health, exit: code, pid } = row(state);
  const age = formatTime(Math.max(0, Date.now() - created));
  return {
    ID: id,
    Names: name ?? id,
    Image: rootfs,
    Command: argv.map(shellQuote).join(" "),
    CreatedAt: new Date(created).toISOString(),
    RunningFor: `${age} ago`,
    State: status,
    Status: code === undefined ? `${status} ${age}${health === undefined ? "" : ` (${health})`}` : `${status} (${code})`,
    Pid: pid ?? 0,
    Ports: (network?.publish ?? []).join(", "),
    Labels: Object.entries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(","),
  };
}

function row(state: State) {
  const status = statusOf(state);
  return {
    id: state.id,
    name: state.name,
    pid: status === "dead" || status === "ending" ? undefined : state.init?.pid,
    command: state.argv,
    status,
    supervisorStopped: isSupervisorStopped(state) || undefined,
    created: new Date(state.created).toISOString(),
    health: status === "running" || status === "paused" ? readHealth(state.id)?.status : undefined,
    exit: state.ended?.status ?? (status === "restarting" ? state.restarting?.status : undefined),
    restarts: state.restarts,
    ...usageOf(state.group),
  };
}

function table(states: readonly State[], paint: Paint): string {
  return tableOf(
    states.map((state) => ({ ...row(state), age: ageOf(state.supervisor) ?? Math.max(0, Date.now() - state.created) })),
    paint,
  );
}
