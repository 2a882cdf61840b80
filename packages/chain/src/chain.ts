// The chain: every link reads its words into a typed plan before the first one acts; then each does its job and becomes the next.

import {
  closeQuietly,
  exit,
  fchdir,
  getLimit,
  noteIgnored,
  openFiles,
  parseCount,
  SIG_DFL,
  SIGCHLD,
  SIGUSR1,
  setDisposition,
  setTracer,
  UsageError,
} from "@contain-tools/kernel";
import { runLink } from "./become.ts";
import { type Context, newContext, variables } from "./context.ts";
import { renderHelp } from "./help.ts";
import type { Launch, Start } from "./launch.ts";
import type { Link, Settings, Tool, ToolPlan } from "./link.ts";
import { HelpWanted, planLink } from "./plan.ts";
import { rawVariables } from "./rawwords.ts";
import { fail } from "./report.ts";
import { phaseEnds } from "./startuptimes.ts";

/** The main of every program: plans the whole chain, then carries it out. Never returns; only help uses the event loop. */
export function start(tools: readonly Tool[], started: Start, words: readonly string[], version: string): void {
  const context = newContext(started.launch);
  try {
    takeLaunch(context, started.name);
    runLink(context, planChain(context, tools, started.name, words));
  } catch (error) {
    if (error instanceof HelpWanted) {
      void showHelp(error, version);
      return;
    }
    fail(context, error);
  }
}

/** Takes from the launcher what the program must get back. Called once, before anything is planned. */
export function takeLaunch(context: Context, name: string): void {
  const { launch } = context;
  phaseEnds("our modules, koffi");
  setTracer({ tool: name });
  setDisposition(SIGUSR1, SIG_DFL); // the runtime would take it, and open a debugger's port
  if (launch.place !== undefined) goBack(launch.place);
  context.limits = launch.raised.map((limit) => ({ ...getLimit(limit.resource), ...limit }));
  noteIgnored(launch.ignored);
  setDisposition(SIGCHLD, SIG_DFL); // while it is ignored, it is not sent and a child's status is not kept (wait(2))
  context.env = callersEnvironment(launch);
  if (launch.environment !== undefined) context.rawEnv = new Map(rawVariables(launch.environment));
  context.inherited = openFiles();
  takeConsoleSocket(context);
}

/** Reads a whole command line into plans; nothing is changed. @throws UsageError, ToolError */
export function planChain(context: Context, tools: readonly Tool[], name: string, words: readonly string[]): Link {
  const tool = tools.find((candidate) => candidate.name === name);
  if (tool === undefined) throw new UsageError(`no tool is called ${name}`, `the tools are ${tools.map((t) => t.name).join(", ")}`);
  return planTool(context, tools, tool, words);
}

/** The same for a known tool. */
export function planTool<Plan extends ToolPlan>(context: Context, tools: readonly Tool[], tool: Tool<Plan>, words: readonly string[]) {
  return planLink(context, tools, tool, words, initialSettings(context));
}

/** Returns to the caller's working directory; the runtime starts in another one. */
function goBack(place: number): void {
  fchdir(place);
  closeQuietly(place);
}

function callersEnvironment({ environment }: Launch): Record<string, string> {
  if (environment === undefined) return { ...process.env } as Record<string, string>;
  const all = variables();
  for (const text of environment.toString().split("\0")) {
    const at = text.indexOf("=");
    if (at !== -1) all[text.slice(0, at)] ??= text.slice(at + 1); // getenv(3) finds the first of two variables with the same name
  }
  return all;
}

/** An earlier link, exec'd like us, has passed on a descriptor. */
function takeConsoleSocket(context: Context): void {
  const { CONTAIN_CONSOLE: fd } = context.env;
  if (fd === undefined) return;
  delete context.env["CONTAIN_CONSOLE"];
  context.consoleSocket = parseCount("CONTAIN_CONSOLE", fd, 3, 0x7fffffff);
}

function initialSettings({ env, preserveFds, passed }: Context): Settings {
  const { CONTAIN_TRACE: trace = "", CONTAIN_CHAIN: chain = "call" } = env;
  if (chain !== "call" && chain !== "exec") throw new UsageError(`CONTAIN_CHAIN=${chain}: must be call or exec`);
  return {
    trace: trace === "json" ? "json" : trace === "" || trace === "0" ? "off" : "text",
    mode: chain,
    preserveFds,
    passed,
    files: new Map(),
    verbose: false,
    pathsMoved: false,
    replanned: false,
  };
}

async function showHelp({ command, options, what }: HelpWanted, version: string): Promise<void> {
  const text = what === "version" ? `${command.name} ${version}` : await renderHelp(command, options, version);
  process.stdout.write(`${text}\n`, () => exit(0));
}
