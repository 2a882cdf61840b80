// From one link to the next: called in this process, or by execve(2).
import { isNative, setName, shellQuote, stat, tracer } from "@contain-tools/kernel";
import { execProgram } from "./exec.ts";
import type { Link, Next, Program } from "./link.ts";
import { payload } from "./payload.ts";
import { steps } from "./report.ts";

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

/** The program at the end of the chain. */
export function programOf(next: Next): Program | undefined {
  if (next.kind === "program") return next;
  const { next: behind } = next.plan as { readonly next?: Next };
  return behind === undefined ? undefined : programOf(behind);
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
    const { dev, ino } = stat(path);
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}

export function rememberFiles(bin: string | undefined): void {
  if (files.size > 0) return;
  const paths = bin === undefined ? [] : [`${bin}/nsexec`, process.execPath, ...(isNative ? [] : [process.argv[1] ?? ""])];
  files = new Map(paths.map((path) => [path, identity(path) ?? ""]));
}

/** After pivot_root the launcher's path may lead nowhere, or to a file of the container's: only the very same files will do. */
function reachable(): boolean {
  return files.size > 0 && [...files].every(([path, id]) => identity(path) === id);
}
