// What the links of a chain share: each does its job for the program at the end, and hands this on.
import type { Limit } from "@contain-tools/kernel";
import { type Launch, NO_LAUNCHER } from "./launch.ts";

export interface Context {
  launch: Launch;
  /** The environment that the program gets. */
  env: Record<string, string>;
  /** The bytes of those `NAME=value` that are not UTF-8, by what they read as. */
  rawEnv: ReadonlyMap<string, Buffer>;
  /** Descriptors 3 to 3+N-1 stay open. */
  preserveFds: number;
  /** Those of them that our caller gave us. */
  passed: readonly number[];
  /** Where this process has gone, for error messages: `the rootfs ./rootfs`. */
  inside: string | undefined;
  /** This process in the PID namespace of the supervisor; undefined where none has told. */
  hostPid: number | undefined;
  /** Resource limits of the program, set just before it starts: this runtime might not get by with them. */
  limits: readonly Limit[];
  /** Files and directories that our caller had open, from descriptor 3 up. */
  inherited: readonly number[];
  /** The controlling terminal was made for the program, and no shell outside has it too. */
  ownTerminal: boolean;
  /** Called at the very end, when nothing but execve is left to be done: it may forbid what this runtime needs. */
  lastStep: (() => void) | undefined;
  /**
   * The close-on-exec pipe to a supervisor. A line in it is a failure of ours, as JSON; end of file without one means that the program
   * was started, so its own 125, 126 and 127 are never taken for ours. Both an init and its child may have one to tell.
   */
  failurePipe: number | undefined;
  /** The supervisor tells what it reads there, so that nothing of it goes to standard error. */
  quiet: boolean;
  /** The socket by which the master of the program's pseudo-terminal goes to the supervisor outside. */
  consoleSocket: number | undefined;
  /** The steps of --verbose are said. `contain` says those of all its links under its own name, and the writes of cgset only when asked. */
  verbose: boolean;
  saysWrites: boolean;
  label: string | undefined;
  /** Files that were read and cannot be read again, by their names. */
  readonly given: Map<string, Buffer>;
}

/** That of a process that nobody has told anything. */
export const newContext = (launch: Launch = NO_LAUNCHER, env: Record<string, string> = {}): Context => ({
  launch,
  env,
  rawEnv: new Map(),
  preserveFds: 0,
  passed: [],
  inside: undefined,
  hostPid: undefined,
  limits: [],
  inherited: [],
  ownTerminal: false,
  lastStep: undefined,
  failurePipe: undefined,
  quiet: false,
  consoleSocket: undefined,
  verbose: false,
  saysWrites: false,
  label: undefined,
  given: new Map(),
});

/** Variables by their names, of which __proto__ is one like any other. */
export function variables(from: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.assign(Object.create(null), from);
}

/** A program of ours beside the container: without signals that our caller ignored or blocked, and without descriptors of its own. */
export function forHelper(context: Context): Context {
  const launch = { ...context.launch, closed: [], ignored: NO_LAUNCHER.ignored, blocked: NO_LAUNCHER.blocked };
  return { ...context, launch, preserveFds: 0, passed: [] };
}

export const DEFAULT_PATH = "/bin:/usr/bin"; // what execvp(3) searches when PATH is not set

/** The files that PROG may be, in the order in which they are tried. */
export function candidates({ env }: Context, name: string): string[] {
  if (name.includes("/") || name === "") return [name];
  return (env["PATH"] ?? DEFAULT_PATH).split(":").map((dir) => (dir === "" ? name : `${dir}/${name}`));
}
