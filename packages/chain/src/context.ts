// What the links of a chain share: each does its job for the program at the end, and passes this on.
import type { Limit } from "@contain-tools/kernel";
import { type Launch, NO_LAUNCHER } from "./launch.ts";

export interface Context {
  launch: Launch;
  /** The environment that the program gets. */
  env: Record<string, string>;
  /** The bytes of each `NAME=value` that is not UTF-8, by its text. */
  rawEnv: ReadonlyMap<string, Buffer>;
  /** Descriptors 3 to 3+N-1 stay open. */
  preserveFds: number;
  /** Those that our caller had open. */
  passed: readonly number[];
  /** Where this process is now, for error messages: `the rootfs ./rootfs`. */
  inside: string | undefined;
  /** The PID of this process in the supervisor's PID namespace; undefined if not known. */
  hostPid: number | undefined;
  /** Resource limits of the program, set just before it starts: this runtime might not work within them. */
  limits: readonly Limit[];
  /** Files and directories that our caller had open, from descriptor 3 up. */
  inherited: readonly number[];
  /** The controlling terminal was made for the program, so no shell outside shares it. */
  ownTerminal: boolean;
  /** Called last, when only execve is left: it may forbid what this runtime needs. */
  lastStep: (() => void) | undefined;
  /**
   * The close-on-exec pipe to a supervisor. A line in it is a failure of ours, as JSON; end of file without a line means that the program
   * was started, so its own 125, 126 and 127 are never taken for ours. Both an init and its child may write a line.
   */
  failurePipe: number | undefined;
  /** The supervisor reports the failures that it reads there, so nothing goes to standard error. */
  quiet: boolean;
  /** The socket that takes the master of the program's pseudo-terminal to the supervisor outside. */
  consoleSocket: number | undefined;
  /** Print the steps of --verbose. `contain` prints those of all its links under its own name, and cgset's writes only on request. */
  verbose: boolean;
  saysWrites: boolean;
  label: string | undefined;
  /** Files that were read and cannot be read again, by name. */
  readonly given: Map<string, Buffer>;
}

/** The context of a process that was told nothing. */
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

/** Variables by name; __proto__ is a name like any other. */
export function variables(from: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.assign(Object.create(null), from);
}

/** For a program of ours beside the container: with no signals ignored or blocked by our caller, and none of its descriptors. */
export function forHelper(context: Context): Context {
  const launch = { ...context.launch, closed: [], ignored: NO_LAUNCHER.ignored, blocked: NO_LAUNCHER.blocked };
  return { ...context, launch, preserveFds: 0, passed: [] };
}

export const DEFAULT_PATH = "/bin:/usr/bin"; // where execvp(3) searches if PATH is not set

/** The files that PROG may be, in the order of the attempts. */
export function candidates({ env }: Context, name: string): string[] {
  if (name.includes("/") || name === "") return [name];
  return (env["PATH"] ?? DEFAULT_PATH).split(":").map((dir) => (dir === "" ? name : `${dir}/${name}`));
}
