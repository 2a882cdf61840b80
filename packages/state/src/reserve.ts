// Room for what is to be said at the end, taken at the start: a state folder that has become full meanwhile hides no status.

import { closeSync, openSync, readdirSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { allocate, codeOf, failedWith, ToolError, truncate } from "@contain-tools/kernel";
import { stateFolder } from "./folder.ts";
import { folderOf, writeState } from "./state.ts";
import type { State } from "./statefile.ts";

const VERDICT = 16 << 10; // bytes, beside the state as it is at the start

const OWN_LOG = 4 << 10;

/** What the supervisor itself has to say. */
export const ownLogOf = (id: string) => `${folderOf(id)}/supervisor.log`;
const reserveOf = (id: string) => `${folderOf(id)}/.ended`;

const isFull = (error: unknown) => codeOf(error) === "ENOSPC" || codeOf(error) === "EDQUOT";

/** Does what needs room in the state folder. @throws ToolError when it has none */
export function inStateFolder<T>(act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!isFull(error)) throw error;
    const fix = "make room there, or keep the states elsewhere: contain --root DIR";
    throw new ToolError(`the state folder ${stateFolder()} is full (${codeOf(error)})`, fix, 125, { cause: error });
  }
}

/** Takes the room for a container's last state, and for what the supervisor says. @throws SyscallError ENOSPC, EDQUOT */
export function reserveEnd(state: State): void {
  takeRoom(ownLogOf(state.id), OWN_LOG);
  takeRoom(reserveOf(state.id), Buffer.byteLength(JSON.stringify(state)) + VERDICT);
}

/** Makes a file with room for so many bytes, where the file system can do that. @throws SyscallError ENOSPC, EDQUOT */
function takeRoom(path: string, length: number): void {
  const fd = openSync(path, "a", 0o600);
  try {
    allocate(fd, length);
  } catch (error) {
    if (!failedWith(error, "EOPNOTSUPP", "ENOSYS", "EFBIG")) throw error;
  } finally {
    closeSync(fd);
  }
}

/** Writes a container's last state. Where no room was kept for it, its log makes room. */
export function writeEnd(state: State): void {
  if (writeReserve(state)) return;
  const folder = folderOf(state.id);
  for (const name of readdirSync(folder)) if (/^(\.ended|log)/.test(name)) unlinkSync(`${folder}/${name}`);
  writeState(state);
}

function writeReserve(state: State): boolean {
  const reserve = reserveOf(state.id);
  const text = `${JSON.stringify(state)}\n`;
  try {
    writeFileSync(reserve, text, { flag: "r+" });
  } catch (error) {
    if (isFull(error)) return false;
    throw error;
  }
  const fd = openSync(reserve, "r+");
  truncate(fd, Buffer.byteLength(text));
  closeSync(fd);
  renameSync(reserve, `${folderOf(state.id)}/state.json`);
  return true;
}
