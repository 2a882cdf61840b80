// The state of each container: a folder in the state folder, with state.json and related files. A state may be out of date: each
// reader checks in /proc whether supervisor and container still live, by PID, start time and boot.

import { codeOf, getpid, mkdir, readdir, readIfThere, readText, rename, rmdir, UsageError, unlink, writeFile } from "@contain-tools/kernel";
import { makeDefaultFolder, makeStateFolder, stateFolder, unusable } from "./folder.ts";
import { childThatIsInit, identify, isAlive, isStopped, type ProcessId, thisBoot } from "./processid.ts";
import { isState, type State } from "./statefile.ts";

/** `ending`: PID 1 has ended, and the supervisor is still cleaning up; `restarting`: likewise with --restart, or it waits before it starts the container again. */
export type Status = "created" | "starting" | "running" | "paused" | "ending" | "restarting" | "exited" | "dead";

const ID = /^[0-9a-f]{12}$/;
/** The lock file for making a state; it exists only meanwhile. */
export const LOCK = ".lock";

/** The folder of one container. */
export function folderOf(id: string): string {
  return `${stateFolder()}/${id}`;
}

/**
 * Writes the first state of a container. Its folder appears by one rename(2), with the state in it. Until then the folder's name has
 * the PID of its maker, so that gc recognises one that was left behind.
 *
 * @throws UsageError if the state folder cannot be made
 */
export function createState(state: State): void {
  const draft = `${makeStateFolder()}/${hiddenName(state.id, state.supervisor)}`;
  makeDefaultFolder();
  try {
    mkdir(draft, 0o700);
  } catch (error) {
    throw unusable(stateFolder(), `${codeOf(error)}`, error);
  }
  try {
    writeFile(`${draft}/state.json`, `${JSON.stringify(state)}\n`, 0o600);
    rename(draft, folderOf(state.id));
  } catch (error) {
    removeFolder(draft);
    throw error;
  }
}

/** For the supervisor: writes a state by rename(2), so that a reader sees the old one or the new one, never a half. */
export function writeState(state: State): void {
  replaceFile(state.id, "state.json", `${JSON.stringify(state)}\n`);
}

/** Notes changed limits in a file of their own, so that the supervisor's next state does not undo them. */
export function writeLimits(id: string, limits: string): void {
  replaceFile(id, "limits", `${limits}\n`);
}

/** Notes another name, likewise. The lock of names must be held (withName). */
export function writeName(id: string, name: string): void {
  replaceFile(id, "name", `${name}\n`);
}

/** Removes what was noted of an earlier life of a container. */
export function forgetFiles(id: string, ...names: readonly string[]): void {
  for (const name of names) {
    try {
      unlink(`${folderOf(id)}/${name}`);
    } catch (error) {
      if (codeOf(error) !== "ENOENT") throw error;
    }
  }
}

/** Writes a file of a container's folder by rename(2). */
export function replaceFile(id: string, name: string, text: string): void {
  const draft = `${folderOf(id)}/.${name}.${process.pid}`;
  writeFile(draft, text, 0o600);
  rename(draft, `${folderOf(id)}/${name}`);
}

/** Forgets a container. The folder is renamed first, so that no reader sees it half removed. */
export function removeState(id: string, self = identify(getpid()) ?? { pid: getpid(), started: "", boot: thisBoot() }): void {
  const doomed = `${stateFolder()}/${hiddenName(id, self)}`;
  try {
    rename(folderOf(id), doomed);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return;
    throw error;
  }
  removeFolder(doomed);
}

/** The name of a folder that is being made or removed: it identifies the process that does it. */
const hiddenName = (id: string, { pid, started, boot }: ProcessId) => `.${id}-${pid}-${started}-${boot}`;

function removeFolder(path: string): void {
  for (const name of readdir(path)) unlink(`${path}/${name}`); // rm costs a millisecond to load
  rmdir(path);
}

/** Every container that has a state, oldest first. `contain gc` reports folders without a readable state. */
export function readStates(): State[] {
  return entries()
    .flatMap((id) => readState(id) ?? [])
    .sort((a, b) => a.created - b.created);
}

/** What is in the state folder and is not a state: path and reason. Without files of other users, and folders that are being made. */
export function strays(): { readonly path: string; readonly why: string }[] {
  return entries().flatMap((name) => {
    const path = `${stateFolder()}/${name}`;
    if (ID.test(name)) return readState(name) === undefined ? [{ path, why: "a folder without a readable state" }] : [];
    const maker = /^\.[0-9a-f]{12}-(\d+)-(\d*)-?([0-9a-f-]*)$/.exec(name);
    if (maker === null || isAlive({ pid: Number(maker[1]), started: maker[2] ?? "", boot: maker[3] ?? "" })) return [];
    return [{ path, why: `made or half removed by PID ${maker[1]}, which has ended` }];
  });
}

function entries(): string[] {
  try {
    return readdir(stateFolder());
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  }
}

export function readState(id: string): State | undefined {
  if (!ID.test(id)) return undefined;
  let state: unknown;
  try {
    state = JSON.parse(readText(`${folderOf(id)}/state.json`));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    return undefined;
  }
  if (!isState(state) || state.id !== id) return undefined;
  const limits = readIfThere(`${folderOf(id)}/limits`)?.trim() ?? state.limits;
  const init = state.indirect && state.init ? childThatIsInit(state.init) : state.init;
  const name = readIfThere(`${folderOf(id)}/name`)?.trim() ?? state.name;
  return { ...state, name, limits, init, started: state.started && init !== undefined };
}

/** Its supervisor is stopped (SIGSTOP, Ctrl-Z, a tracer), so that nobody watches the container. */
export const isSupervisorStopped = (state: State): boolean => state.ended === undefined && isStopped(state.supervisor);

/** The status of a container, from /proc and its cgroup. */
export function statusOf(state: State): Status {
  if (state.ended !== undefined) return "exited";
  if (state.unstarted) return "created";
  if (!isAlive(state.supervisor)) return "dead";
  if (state.restarting !== undefined) return "restarting";
  if (!state.started) return "starting";
  if (state.init !== undefined && !isAlive(state.init)) return state.restart === undefined ? "ending" : "restarting";
  if (state.group !== undefined && /^frozen 1$/m.test(readIfThere(`${state.group}/cgroup.events`) ?? "")) return "paused";
  return "running";
}

/**
 * The container with this id, name, or unique beginning of an id.
 *
 * @throws UsageError that lists the containers
 */
export function findContainer(word: string): State {
  const states = readStates();
  const exact = states.filter(({ id, name }) => id === word || name === word);
  // A dead container's name may be used again.
  const [found] = [...exact.filter((state) => statusOf(state) !== "dead"), ...exact];
  if (found !== undefined) return found;
  const matching = word === "" ? [] : states.filter(({ id }) => id.startsWith(word));
  const [first, second] = matching;
  if (first !== undefined && second === undefined) return first;
  const list = (some: readonly State[]) => some.map(({ id, name }) => (name === undefined ? id : `${id} (${name})`)).join(", ");
  if (first !== undefined) throw new UsageError(`ambiguous: ${word} is the beginning of several ids`, list(matching));
  throw new UsageError(
    `no such container: ${word || '""'}`,
    states.length === 0 ? `there are no containers in ${stateFolder()}` : `there are ${list(states)}`,
  );
}
