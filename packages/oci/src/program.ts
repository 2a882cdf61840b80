// Finds the command, the root and the log; a failure is one line in the log and on standard error.
import { OciError } from "./failure.ts";
import { type Log, writeLog } from "./log.ts";
import { print } from "./output.ts";
import { DEFAULT_ROOT } from "./state.ts";
import { readWords, type Table, type Words } from "./words.ts";

/** A command's answer instead of a status: nothing was done yet, and another bundle must do it. */
export const HAND_OVER = -1;

export interface Globals {
  readonly root: string;
  readonly log: Log;
  readonly cgroups: "cgroupfs" | "systemd" | "disabled";
}

export interface OciCommand {
  readonly name: string;
  readonly about: string;
  /** Behind the options; without it, ID. */
  readonly operands?: string;
  readonly options: Table;
  /** Words after the container's ID are a program's. */
  readonly program?: true;
  /** The status of a failure, if it is not 1. */
  readonly failure?: number;
  /** Returns the exit status. @throws OciError */
  readonly run: (words: Words, globals: Globals) => number;
}

const HELP: Table = { help: "flag", h: { short: "help" } };

const GLOBALS: Table = {
  root: "value",
  log: "value",
  "log-format": "value",
  "cgroup-manager": "value",
  rootless: "value",
  "systemd-cgroup": "flag",
  debug: "flag",
  "print-chain": "flag",
  ...HELP,
  version: "flag",
  v: { short: "version" },
};

const SPEC_VERSION = "1.3.0";

/** Reads the words and runs the command. Returns the exit status; failures have been reported. */
export function runProgram(
  commands: readonly OciCommand[],
  argv: readonly string[],
  version: string,
  explain: (error: unknown) => string,
): number {
  let log: Log = { file: undefined, format: "text", debug: false };
  let command: OciCommand | undefined;
  try {
    const given = readWords(GLOBALS, argv, false);
    log = { file: given.value("log"), format: given.value("log-format") === "json" ? "json" : "text", debug: given.has("debug") };
    const [name = "help", ...words] = given.has("version") ? ["version"] : given.has("help") ? ["help"] : given.rest;
    if (name === "version") return say(`contain-oci version ${version}\nspec: ${SPEC_VERSION}\n`);
    if (name === "help") return say(helpOfAll(commands));
    command = commands.find((candidate) => candidate.name === name);
    if (command === undefined) throw new OciError(`unknown command: ${name}: the commands are ${commands.map((c) => c.name).join(", ")}`);
    const globals = { root: given.value("root") ?? DEFAULT_ROOT, log, cgroups: managerOf(given) };
    const table = { ...command.options, ...HELP };
    const own = readWords(table, given.has("print-chain") ? ["--print-chain", ...words] : words, command.program !== true);
    if (own.has("help")) return say(helpOf(command));
    if (command.operands === "" && own.rest.length > 0) throw new OciError(`unexpected argument: ${own.rest[0]}`);
    return command.run(own, globals);
  } catch (error) {
    writeLog(log, "error", explain(error));
    return (error instanceof OciError ? error.status : undefined) ?? command?.failure ?? 1;
  }
}

function managerOf(given: Words): Globals["cgroups"] {
  const manager = given.value("cgroup-manager") ?? (given.has("systemd-cgroup") ? "systemd" : "cgroupfs");
  if (manager !== "cgroupfs" && manager !== "systemd" && manager !== "disabled")
    throw new OciError(`--cgroup-manager ${manager}: must be cgroupfs, systemd or disabled`);
  return manager;
}

const optionsOf = (table: Table) =>
  Object.entries(table)
    .filter(([, kind]) => typeof kind !== "object")
    .map(([name, kind]) => ` [--${name}${kind === "value" ? " VALUE" : ""}]`)
    .join("");

function helpOfAll(commands: readonly OciCommand[]): string {
  const lines = commands.map(({ name, about }) => `  ${name.padEnd(12)}${about}`);
  return `Usage: contain-oci${optionsOf(GLOBALS)} COMMAND

An OCI runtime of small tools. contain-oci COMMAND --help shows a command's options.

${lines.join("\n")}
`;
}

const helpOf = ({ name, about, operands = "ID", options }: OciCommand) =>
  `Usage: contain-oci ${name}${optionsOf(options)}${operands && ` ${operands}`}\n\n${name}: ${about}\n`;

function say(text: string): number {
  print(text);
  return 0;
}
