// What the next program finds: its environment, its limits, what is open.
import type { Limit } from "@contain-tools/kernel";
import { type Launch, NO_LAUNCHER } from "./launch.ts";

/** The process as its next program will find it. */
export interface Payload {
  launch: Launch;
  /** The environment that the program gets. */
  env: Record<string, string>;
  /** Descriptors 3 to 3+N-1 stay open. */
  preserveFds: number;
  /** Those of them that our caller gave us. */
  passed: readonly number[];
  /** Where this process has gone, for error messages: `the rootfs ./rootfs`. */
  inside: string | undefined;
  /** Resource limits of the program, set just before it starts: this runtime might not get by with them. */
  limits: readonly Limit[];
  /** Files and directories that our caller had open, from descriptor 3 up. */
  inherited: readonly number[];
  /** The controlling terminal was made for the program, and no shell outside has it too. */
  ownTerminal: boolean;
  /** This process in the PID namespace of the supervisor; undefined where none has told. */
  hostPid: number | undefined;
  /** Called at the very end, when nothing but execve is left to be done: it may forbid what this runtime needs. */
  lastStep: (() => void) | undefined;
}

export const payload: Payload = {
  launch: NO_LAUNCHER,
  env: {},
  preserveFds: 0,
  passed: [],
  inside: undefined,
  limits: [],
  inherited: [],
  ownTerminal: false,
  hostPid: undefined,
  lastStep: undefined,
};

/** Variables by their names, of which __proto__ is one like any other. */
export function variables(from: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.assign(Object.create(null), from);
}

export const DEFAULT_PATH = "/bin:/usr/bin"; // what execvp(3) searches when PATH is not set

/** The files that PROG may be, in the order in which they are tried. */
export function candidates(name: string): string[] {
  if (name.includes("/") || name === "") return [name];
  return (payload.env["PATH"] ?? DEFAULT_PATH).split(":").map((dir) => (dir === "" ? name : `${dir}/${name}`));
}
