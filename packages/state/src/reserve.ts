// Reserves disk space for the status and the verdict at the start, so that a state folder that becomes full does not lose them.

import {
  allocate,
  close,
  codeOf,
  failedWith,
  O_APPEND,
  O_CREAT,
  O_RDWR,
  O_WRONLY,
  open,
  readdir,
  rename,
  ToolError,
  truncate,
  unlink,
  writeFile,
} from "@contain-tools/kernel";
import { stateFolder } from "./folder.ts";
import { folderOf, writeState } from "./state.ts";
import type { State } from "./statefile.ts";

const VERDICT = 16 << 10; // bytes, in addition to the state as it is at the start

const OWN_LOG = 4 << 10;

/** For messages of the supervisor. */
export const ownLogOf = (id: string) => `${folderOf(id)}/supervisor.log`;
const reserveOf = (id: string) => `${folderOf(id)}/.ended`;

const isFull = (error: unknown) => codeOf(error) === "ENOSPC" || codeOf(error) === "EDQUOT";

/** Calls `act`, which needs space in the state folder. @throws ToolError if it is full */
export function inStateFolder<T>(act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!isFull(error)) throw error;
    const fix = "free some space, or keep the states elsewhere: contain --root DIR";
    throw new ToolError(`the state folder ${stateFolder()} is full (${codeOf(error)})`, fix, 125, { cause: error });
  }
}

/** Reserves space for a container's last state and for messages of the supervisor. @throws SyscallError ENOSPC, EDQUOT */
export function reserveEnd(state: State): void {
  takeRoom(ownLogOf(state.id), OWN_LOG);
  takeRoom(reserveOf(state.id), Buffer.byteLength(JSON.stringify(state)) + VERDICT);
}

/** Makes a file and allocates this many bytes, if the file system supports it. @throws SyscallError ENOSPC, EDQUOT */
function takeRoom(path: string, length: number): void {
  const fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0o600);
  try {
    allocate(fd, length);
  } catch (error) {
    if (!failedWith(error, "EOPNOTSUPP", "ENOSYS", "EFBIG")) throw error;
  } finally {
    close(fd);
  }
}

/** Writes a container's last state. Without reserved space it removes old log files. */
export function writeEnd(state: State): void {
  if (writeReserve(state)) return;
  const folder = folderOf(state.id);
  for (const name of readdir(folder)) if (/^(\.ended|log)/.test(name)) unlink(`${folder}/${name}`);
  writeState(state);
}

function writeReserve(state: State): boolean {
  const reserve = reserveOf(state.id);
  const text = `${JSON.stringify(state)}\n`;
  try {
    writeFile(reserve, text, 0o600, O_RDWR);
  } catch (error) {
    if (isFull(error)) return false;
    throw error;
  }
  const fd = open(reserve, O_RDWR);
  truncate(fd, Buffer.byteLength(text));
  close(fd);
  rename(reserve, `${folderOf(state.id)}/state.json`);
  return true;
}
