// Turns words into plans, down the whole chain; nothing is changed.

import { isOpen, parseCount, UsageError } from "@contain-tools/kernel";
import { programFiles } from "./become.ts";
import type { Context } from "./context.ts";
import type { Launch } from "./launch.ts";
import type { Chain, Command, Link, Next, Settings, Tool, ToolPlan } from "./link.ts";
import { COMMON, type OptionSpec, type Options, type OptionTable, readOptions } from "./options.ts";
import { rawWords } from "./rawwords.ts";
import { blame } from "./report.ts";

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

export function planLink<Plan extends ToolPlan>(
  context: Context,
  tools: readonly Tool[],
  tool: Tool<Plan>,
  words: readonly string[],
  inherited: Settings,
): Link<Plan> {
  let settings = inherited;
  const read = <Name extends string>(table: Readonly<Record<Name, OptionSpec>>, from: readonly string[], command: Command = tool) => {
    const options = readOptions(table, from, command.instead);
    const common = options as unknown as Options<keyof typeof COMMON>;
    if (common.has("help")) throw new HelpWanted(command, table as OptionTable, "help");
    if (common.has("version")) throw new HelpWanted(command, table as OptionTable, "version");
    settings = readSettings(context, common, settings);
    return options;
  };
  try {
    const options = read(tool.options, words);
    const chain: Chain = {
      context,
      get settings() {
        return settings;
      },
      next: (rest, change) => planNext(context, tools, rest, { ...settings, ...change, replanned: settings.mode === "exec" }),
      more: read,
      link: (other, [, ...rest]) => planLink(context, tools, other, rest, settings),
    };
    const plan = tool.plan(options, chain);
    return { kind: "tool", tool, words, bytes: rawWords(words), plan, settings };
  } catch (error) {
    blame(error, tool.name);
    throw error;
  }
}

function planNext(context: Context, tools: readonly Tool[], words: readonly string[], settings: Settings): Next {
  const [name = "", ...rest] = words;
  // A word with a slash in it is always a file; a bare word that names one of the five is always ours.
  const tool = tools.find((candidate) => candidate.name === name);
  if (tool !== undefined) return planLink(context, tools, tool, rest, settings);
  return { kind: "program", argv: words, bytes: rawWords(words) };
}

function readSettings({ launch }: Context, options: Options<keyof typeof COMMON>, inherited: Settings): Settings {
  const form = options.value("trace");
  if (form !== undefined && form !== "json" && form !== "text") throw new UsageError(`--trace=${form}: the forms are text and json`);
  const mode = options.value("chain") ?? inherited.mode;
  if (mode !== "call" && mode !== "exec") throw new UsageError(`--chain ${mode}: must be call or exec`);
  const fds = options.value("preserve-fds");
  const preserveFds = fds === undefined ? inherited.preserveFds : parseCount("--preserve-fds", fds, 0, 1000);
  return {
    ...inherited,
    trace: options.has("trace") ? (form ?? "text") : inherited.trace,
    mode,
    preserveFds,
    passed: fds === undefined ? inherited.passed : passedFds(launch, preserveFds),
    files: mode === "exec" && inherited.files.size === 0 ? programFiles(launch) : inherited.files,
    verbose: options.has("verbose") || inherited.verbose,
  };
}

/** Which of descriptors 3 to 2 + `count` our caller had open; some of the others may be the runtime's now, and later ours. */
function passedFds({ open }: Launch, count: number): number[] {
  const isCallers = (fd: number) => open?.includes(fd) ?? isOpen(fd);
  return Array.from({ length: count }, (_, i) => 3 + i).filter(isCallers);
}
