// From one link to the next: by a call in this process, or by execve(2).
import { isNative, setName, setTracer, shellQuote, stat, tracer } from "@contain-tools/kernel";
import type { Context } from "./context.ts";
import { execProgram } from "./exec.ts";
import type { Launch } from "./launch.ts";
import type { Link, Next, Program } from "./link.ts";
import { blame, sayStep } from "./report.ts";

/** Does a link's job: the process takes its name and settings, and continues as this tool. */
export function runLink(context: Context, link: Link): never {
  enterLink(context, link);
  return link.tool.run(context, link.plan);
}

/** Does part of another tool's job in this process, under its name and with its settings, and restores both afterwards. */
export function runAs<T>(context: Context, link: Link, part: (context: Context) => T): T {
  const { tool } = tracer;
  const inner = { ...context };
  const restore = enterLink(inner, link);
  try {
    return part(inner);
  } catch (error) {
    blame(error, link.tool.name);
    throw error;
  } finally {
    restore();
    setName(tool);
  }
}

/** Takes a link's name and settings. Returns a function that restores the tracer's. */
function enterLink(context: Context, { settings, tool }: Link): () => void {
  const restore = setTracer({ tool: tool.name, mode: settings.trace });
  context.preserveFds = settings.preserveFds;
  context.passed = settings.passed;
  context.verbose ||= settings.verbose;
  setName(tool.name);
  return restore;
}

/** Becomes the next program: one of ours in this process, or any by execve. Never returns. */
export function become(context: Context, next: Next): never {
  if (next.kind === "program") {
    sayRunning(context, next);
    return execProgram(context, next.argv, next);
  }
  if (next.settings.mode === "exec" && isReachable(next.settings.files)) return execLink(context, next);
  return runLink(context, next);
}

/** The step of a program. */
export function sayRunning(context: Context, { argv }: Program): void {
  if (context.verbose) sayStep(context, `running: ${argv.map(shellQuote).join(" ")}`);
}

/** True if a later link of the chain, however far, matches. */
export function someLink(next: Next | undefined, test: (link: Link) => boolean): boolean {
  return next?.kind === "tool" && (test(next) || someLink(next.plan.next, test));
}

/** The program at the end of the chain. */
export function programOf(next: Next | undefined): Program | undefined {
  return next?.kind === "tool" ? programOf(next.plan.next) : next;
}

/** Options that give one of our programs the same settings when it is a process of its own. */
function settingsWords({ verbose }: Context, { settings: { trace, preserveFds, mode } }: Link): string[] {
  return [
    ...(trace === "off" ? [] : [`--trace=${trace}`]),
    ...(mode === "exec" ? ["--chain=exec"] : []),
    ...(preserveFds > 0 ? [`--preserve-fds=${preserveFds}`] : []),
    ...(verbose ? ["--verbose"] : []),
  ];
}

function execLink(context: Context, link: Link): never {
  const options = [`${context.launch.bin}/${link.tool.name}`, ...settingsWords(context, link)];
  return execProgram(context, [...options, ...link.words], { bytes: [...options, ...link.bytes] });
}

function identity(path: string): string {
  try {
    const { dev, ino } = stat(path);
    return `${dev}:${ino}`;
  } catch {
    return "";
  }
}

/** The files for an execve of one of our programs, opened before any pivot_root. */
export function programFiles({ bin }: Launch): ReadonlyMap<string, string> {
  const paths = bin === undefined ? [] : [`${bin}/nsexec`, process.execPath, ...(isNative ? [] : [process.argv[1] ?? ""])];
  return new Map(paths.map((path) => [path, identity(path)]));
}

/** After pivot_root the launcher's path may lead nowhere, or to a file of the container: only the same files as before are executed. */
function isReachable(files: ReadonlyMap<string, string>): boolean {
  return files.size > 0 && [...files].every(([path, id]) => id !== "" && identity(path) === id);
}
