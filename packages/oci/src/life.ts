// The commands that engines call most, in a program that loads nothing but node:fs.

import { deleteCommand, type Judge } from "./commands/delete.ts";
import { kill } from "./commands/kill.ts";
import { start } from "./commands/start.ts";
import { state } from "./commands/state.ts";
import { messageOf } from "./failure.ts";
import { HAND_OVER, type OciCommand, runProgram } from "./program.ts";

export const lifeWith = (judge?: Judge): readonly OciCommand[] => [start, state, kill, deleteCommand(judge)];

/** Returns true if the verdict is needed, which is in another bundle: it must begin again. */
export function startLife(argv: readonly string[], version: string): boolean {
  const status = runProgram(lifeWith(), argv, version, messageOf);
  if (status !== HAND_OVER) process.exitCode = status;
  return status === HAND_OVER;
}
