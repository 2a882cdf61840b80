// Words to plans, down the whole chain; nothing is changed.
import { isOpen, parseCount, UsageError } from "@contain-tools/kernel";
import { rememberFiles } from "./become.ts";
import type { Chain, Command, Link, Next, Settings, Tool } from "./link.ts";
import { COMMON, type OptionSpec, type Options, type OptionTable, readOptions } from "./options.ts";
import { payload } from "./payload.ts";
import { keepRawBytes } from "./rawwords.ts";

export class HelpWanted extends UsageError {
  readonly command: Command;
  readonly options: OptionTable;
  readonly what: "help" | "version";
  constructor(command: Command, options: OptionTable, what: "help" | "version") {
    super(`${command.name} --${what}: nothing was started`);
    this.command = command;
    this.options = options;
    this.what = what;
  }
}

/** Adds the common options to a tool's own. */
export function withCommon<Name extends string>(
  table: Readonly<Record<Name, OptionSpec>>,
): Readonly<Record<Name | keyof typeof COMMON, OptionSpec>> {
  return { ...table, ...COMMON };
}

export function planLink(tools: readonly Tool[], tool: Tool, words: readonly string[], inherited: Settings): Link {
  let settings = inherited;
  const read = <Name extends string>(table: Readonly<Record<Name, OptionSpec>>, from: readonly string[], command: Command = tool) => {
    const options = readOptions(table, from, command.instead);
    const common = options as unknown as Options<keyof typeof COMMON>;
    if (common.has("help")) throw new HelpWanted(command, table as OptionTable, "help");
    if (common.has("version")) throw new HelpWanted(command, table as OptionTable, "version");
    settings = readSettings(common, settings);
    return options;
  };
  const owner = (error: unknown) => {
    if (error instanceof Error && !owners.has(error)) owners.set(error, tool.name);
    return error;
  };
  try {
    const options = read(tool.options, words);
    const chain: Chain = {
      get settings() {
        return settings;
      },
      next: (rest, change) => planNext(tools, rest, { ...settings, ...change, replanned: settings.mode === "exec" }),
      more: read,
      link: ([name = "", ...rest]) => {
        const other = tools.find((candidate) => candidate.name === name);
        if (other === undefined) throw new UsageError(`no tool is called ${name}`);
        return planLink(tools, other, rest, settings);
      },
    };
    const plan = tool.plan(options, chain);
    return { kind: "tool", tool, words, plan, settings };
  } catch (error) {
    throw owner(error);
  }
}

/** Which tool's words an error is about: the innermost link that was being planned. */
export const owners = new WeakMap<Error, string>();

function planNext(tools: readonly Tool[], words: readonly string[], settings: Settings): Next {
  const [name = "", ...rest] = words;
  // A word with a slash in it is always a file; a bare word that names one of the five is always ours.
  const tool = tools.find((candidate) => candidate.name === name);
  if (tool !== undefined) return planLink(tools, tool, rest, settings);
  keepRawBytes(words);
  return { kind: "program", argv: words };
}

function readSettings(options: Options<keyof typeof COMMON>, inherited: Settings): Settings {
  const form = options.value("trace");
  if (form !== undefined && form !== "json" && form !== "text") throw new UsageError(`--trace=${form}: the forms are text and json`);
  const mode = options.value("chain") ?? inherited.mode;
  if (mode !== "call" && mode !== "exec") throw new UsageError(`--chain ${mode}: must be call or exec`);
  const fds = options.value("preserve-fds");
  const preserveFds = fds === undefined ? inherited.preserveFds : parseCount("--preserve-fds", fds, 0, 1000);
  if (fds !== undefined) notePassed(preserveFds);
  if (mode === "exec") rememberFiles(payload.launch.bin);
  return {
    ...inherited,
    trace: options.has("trace") ? (form ?? "text") : inherited.trace,
    mode,
    preserveFds,
    verbose: options.has("verbose") || inherited.verbose,
  };
}

/** Which of descriptors 3 to 2 + `count` our caller gave us; among them may be the runtime's own, and later there will be ours. */
function notePassed(count: number): void {
  const { open } = payload.launch;
  const isCallers = (fd: number) => open?.includes(fd) ?? isOpen(fd);
  payload.passed = Array.from({ length: count }, (_, i) => 3 + i).filter(isCallers);
}
