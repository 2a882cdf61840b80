// The chain: every link reads its words into a typed plan before the first one acts; then each does its job and becomes the next.
import { statSync } from "node:fs";
import {
  closeQuietly,
  consoleSocket,
  exit,
  fchdir,
  getLimit,
  isNative,
  isOpen,
  noteIgnored,
  openFiles,
  parseCount,
  SIG_DFL,
  SIGCHLD,
  SIGUSR1,
  setDisposition,
  setName,
  shellQuote,
  type TraceMode,
  tracer,
  UsageError,
} from "@contain-tools/kernel";
import { execProgram, keepRawBytes, payload, variables } from "./exec.ts";
import type { Launch, Start } from "./launch.ts";
import { COMMON, type OptionSpec, type Options, type OptionTable, readOptions, renderHelp } from "./options.ts";
import { fail, steps } from "./report.ts";
import { phaseEnds } from "./startuptimes.ts";

/** What the help of a command shows. */
export interface Command {
  readonly name: string;
  /** One line. */
  readonly description: string;
  /** What stands behind the options in the usage line. */
  readonly usage: string;
  readonly subCommands?: Readonly<Record<string, string>>;
}

/** A chain-loading program: words to a plan without side effects, then the plan carried out. */
export interface Tool<Plan = unknown, Name extends string = string> extends Command {
  readonly options: Readonly<Record<Name, OptionSpec>>;
  /** Reads the words into a plan; nothing is changed. @throws UsageError */
  readonly plan: (options: Options<Name>, chain: Chain) => Plan;
  /** Does the one kernel job and becomes the next program. */
  readonly run: (plan: Plan) => never;
}

/** How a link behaves, handed down to the links behind it. */
export interface Settings {
  readonly trace: TraceMode;
  readonly mode: "call" | "exec";
  readonly preserveFds: number;
  readonly verbose: boolean;
  /** A link before changes the root or the working directory, so paths cannot be checked while planning. */
  readonly elsewhere: boolean;
  /** An execve will plan these words again. */
  readonly replanned: boolean;
}

/** What a tool needs to plan what comes behind it. */
export interface Chain {
  readonly settings: Settings;
  /** Plans the words of the next link: one of ours, called in this process, or a program. */
  next(words: readonly string[], change?: Partial<Settings>): Next;
  /** Reads more options of the same tool, behind a word of its own (`pivot ROOTFS [options]`, `contain run [options]`). */
  more<Name extends string>(table: Readonly<Record<Name, OptionSpec>>, words: readonly string[], command?: Command): Options<Name>;
  /** Plans another of our tools by its argv, for a tool that composes others. */
  link(argv: readonly string[]): Link;
}

/** A link that has been planned. */
export interface Link {
  readonly kind: "tool";
  readonly tool: Tool;
  readonly words: readonly string[];
  readonly plan: unknown;
  readonly settings: Settings;
}

export interface Program {
  readonly kind: "program";
  readonly argv: readonly string[];
}

export type Next = Link | Program;

class HelpWanted extends UsageError {
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

function planLink(tools: readonly Tool[], tool: Tool, words: readonly string[], inherited: Settings): Link {
  let settings = inherited;
  const read = <Name extends string>(table: Readonly<Record<Name, OptionSpec>>, from: readonly string[], command: Command = tool) => {
    const options = readOptions(table, from);
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
const owners = new WeakMap<Error, string>();

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
  if (mode !== "call" && mode !== "exec") throw new UsageError(`--chain ${mode}: it is call or exec`);
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

/** Does a link's job: the process takes its name, its settings, and goes on as this tool. */
export function runLink(link: Link): never {
  enterLink(link);
  return link.tool.run(link.plan);
}

/** Takes a link's name and settings, for a caller that then runs a part of that tool. */
export function enterLink(link: Link): void {
  const { settings, tool } = link;
  tracer.tool = tool.name;
  tracer.mode = settings.trace === "off" ? "off" : settings.trace;
  payload.preserveFds = settings.preserveFds;
  steps.on ||= settings.verbose;
  setName(tool.name);
}

/** Becomes the next program: one of ours in this same process, or by execve; it never returns. */
export function become(next: Next): never {
  if (next.kind === "program") {
    sayRunning(next);
    return execProgram(next.argv);
  }
  if (next.settings.mode === "exec" && reachable()) return execLink(next);
  return runLink(next);
}

/** The step that a program is. */
export function sayRunning({ argv }: Program): void {
  if (steps.on) steps.say(`running: ${argv.map(shellQuote).join(" ")}`);
}

/** True when a link in the rest of the chain, however far, is such a one. */
export function someLink(next: Next, test: (link: Link) => boolean): boolean {
  if (next.kind === "program") return false;
  const { next: behind } = next.plan as { readonly next?: Next };
  return test(next) || (behind !== undefined && someLink(behind, test));
}

/** The argv that makes one of our programs a process of its own with the same settings. */
export function linkArgv(link: Link): string[] {
  const { trace, preserveFds, mode } = link.settings;
  return [
    link.tool.name,
    ...(trace === "off" ? [] : [`--trace=${trace}`]),
    ...(mode === "exec" ? ["--chain=exec"] : []),
    ...(preserveFds > 0 ? [`--preserve-fds=${preserveFds}`] : []),
    ...(steps.on ? ["--verbose"] : []),
    ...link.words,
  ];
}

function execLink(link: Link): never {
  const [name = "", ...words] = linkArgv(link);
  return execProgram([`${payload.launch.bin}/${name}`, ...words]);
}

/** The files that an execve of one of our programs needs, as they were before any pivot_root. */
let files: ReadonlyMap<string, string> = new Map();

function identity(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path);
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}

function rememberFiles(bin: string | undefined): void {
  if (files.size > 0) return;
  const paths = bin === undefined ? [] : [`${bin}/nsexec`, process.execPath, ...(isNative ? [] : [process.argv[1] ?? ""])];
  files = new Map(paths.map((path) => [path, identity(path) ?? ""]));
}

/** After pivot_root the launcher's path may lead nowhere, or to a file of the container's: only the very same files will do. */
function reachable(): boolean {
  return files.size > 0 && [...files].every(([path, id]) => identity(path) === id);
}

/** The main of every program: plans the whole chain, then carries it out. Never returns; help alone waits for the event loop. */
export function start(tools: readonly Tool[], { name, launch }: Start, words: readonly string[], version: string): void {
  phaseEnds("our modules, koffi");
  tracer.tool = name;
  setDisposition(SIGUSR1, SIG_DFL); // the runtime would swallow it, and open a debugger's port
  try {
    payload.launch = launch;
    if (launch.place !== undefined) goBack(launch.place);
    payload.limits = launch.raised.map((limit) => ({ ...getLimit(limit.resource), ...limit }));
    noteIgnored(launch.ignored);
    setDisposition(SIGCHLD, SIG_DFL); // ignored, it would be neither sent nor a child's status kept (wait(2))
    payload.env = callersEnvironment(launch);
    payload.inherited = openFiles();
    takeConsoleSocket();
    runLink(planChain(tools, name, words));
  } catch (error) {
    if (error instanceof HelpWanted) {
      void showHelp(error, version);
      return;
    }
    failPlanned(error);
  }
}

/** Reads a whole command line into plans; nothing is changed. @throws UsageError, ToolError */
export function planChain(tools: readonly Tool[], name: string, words: readonly string[]): Link {
  const tool = tools.find((candidate) => candidate.name === name);
  if (tool === undefined) throw new UsageError(`no tool is called ${name}`, `the tools are ${tools.map((t) => t.name).join(", ")}`);
  return planLink(tools, tool, words, initialSettings());
}

/** Ends this process with an explanation, under the name of the tool whose words were wrong. */
export function failPlanned(error: unknown): never {
  if (error instanceof Error) tracer.tool = owners.get(error) ?? tracer.tool;
  return fail(error);
}

/** Back to the working directory of our caller, in which the runtime does not start. */
function goBack(place: number): void {
  fchdir(place);
  closeQuietly(place);
}

function callersEnvironment({ environment }: Launch): Record<string, string> {
  if (environment === undefined) return { ...process.env } as Record<string, string>;
  const all = variables();
  for (const text of environment.toString().split("\0")) {
    const at = text.indexOf("=");
    if (at !== -1) all[text.slice(0, at)] ??= text.slice(at + 1); // of two of a name, getenv(3) finds the first
  }
  return all;
}

/** A link before us, exec'd as we are, has passed a descriptor on. */
function takeConsoleSocket(): void {
  const { CONTAIN_CONSOLE: fd } = payload.env;
  if (fd === undefined) return;
  delete payload.env["CONTAIN_CONSOLE"];
  consoleSocket.fd = parseCount("CONTAIN_CONSOLE", fd, 3, 0x7fffffff);
}

function initialSettings(): Settings {
  const { CONTAIN_TRACE: trace = "", CONTAIN_CHAIN: chain = "call" } = payload.env;
  if (chain !== "call" && chain !== "exec") throw new UsageError(`CONTAIN_CHAIN=${chain}: it is call or exec`);
  return {
    trace: trace === "json" ? "json" : trace === "" || trace === "0" ? "off" : "text",
    mode: chain,
    preserveFds: 0,
    verbose: false,
    elsewhere: false,
    replanned: false,
  };
}

async function showHelp({ command, options, what }: HelpWanted, version: string): Promise<void> {
  const text = what === "version" ? `${command.name} ${version}` : await renderHelp(command, options, version);
  process.stdout.write(`${text}\n`, () => exit(0));
}
