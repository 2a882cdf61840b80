// The commands that engines call most, in a program that loads nothing but node:fs.

import { deleteCommand } from "./commands/delete.ts";
import { kill } from "./commands/kill.ts";
import { start } from "./commands/start.ts";
import { state } from "./commands/state.ts";
import { messageOf } from "./failure.ts";
import { type OciCommand, runProgram } from "./program.ts";

export const LIFE: readonly OciCommand[] = [start, state, kill, deleteCommand];

export function startLife(argv: readonly string[], version: string): void {
  process.exitCode = runProgram(LIFE, argv, version, messageOf);
}
