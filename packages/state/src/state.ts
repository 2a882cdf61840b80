// What is known of each container: one folder in the state folder, with state.json and what belongs to it. A state is a claim: whether
// the supervisor and the container still live is asked of /proc each time, by PID, start time and boot.

import { mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, unlinkSync, writeFileSync } from "node:fs";
import { codeOf, getpid, readIfThere, UsageError } from "@contain-tools/kernel";
import { makeStateFolder, stateFolder, unusable } from "./folder.ts";
import { childThatIsInit, identify, isAlive, isStopped, type ProcessId, thisBoot } from "./processid.ts";
import { isState, type State } from "./statefile.ts";

/** `ending`: PID 1 has ended, and the supervisor, which lives, has not removed the rest yet. */
export type Status = "starting" | "running" | "paused" | "ending" | "exited" | "dead";

const ID = /^[0-9a-f]{12}$/;
/** What is locked while a state is made that must not collide with another one; it is there no longer than that. */
export const LOCK = ".lock";

/** The folder of one container. */
export function folderOf(id: string): string {
  return `${stateFolder()}/${id}`;
}

/**
 * Writes the first state of a container, in a folder that appears at once with the state in it. Until then its name says who makes it,
 * so that gc can tell one in the making from one that was left.
 *
 * @throws UsageError when there is no state folder and none can be made
 */
export function createState(state: State): void {
  const draft = `${makeStateFolder()}/${hiddenName(state.id, state.supervisor)}`;
  try {
    mkdirSync(draft, { mode: 0o700 });
  } catch (error) {
    throw unusable(stateFolder(), `${codeOf(error)}`, error);
  }
  try {
    writeFileSync(`${draft}/state.json`, `${JSON.stringify(state)}\n`, { mode: 0o600 });
    renameSync(draft, folderOf(state.id));
  } catch (error) {
    removeFolder(draft);
    throw error;
  }
}

/** The supervisor's to call: writes a state so that a reader sees the old one or the new one, never a half; rename(2) is atomic. */
export function writeState(state: State): void {
  replaceFile(state.id, "state.json", `${JSON.stringify(state)}\n`);
}

/** Notes limits that were changed; a file of their own, so that the supervisor's next state does not undo it. */
export function writeLimits(id: string, limits: string): void {
  replaceFile(id, "limits", `${limits}\n`);
}

function replaceFile(id: string, name: string, text: string): void {
  const draft = `${folderOf(id)}/.${name}.${process.pid}`;
  writeFileSync(draft, text, { mode: 0o600 });
  renameSync(draft, `${folderOf(id)}/${name}`);
}

/** Forgets a container. The folder loses its name first, so that nobody sees one without a state. */
export function removeState(id: string, self = identify(getpid()) ?? { pid: getpid(), started: "", boot: thisBoot() }): void {
  const doomed = `${stateFolder()}/${hiddenName(id, self)}`;
  try {
    renameSync(folderOf(id), doomed);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return;
    throw error;
  }
  removeFolder(doomed);
}

/** The name of a folder in the making, or half removed: it says who is at work there. */
const hiddenName = (id: string, { pid, started, boot }: ProcessId) => `.${id}-${pid}-${started}-${boot}`;

function removeFolder(path: string): void {
  for (const name of readdirSync(path)) unlinkSync(`${path}/${name}`); // rmSync costs a millisecond to load
  rmdirSync(path);
}

/** Every container that has a state, the oldest first. A folder without a readable state is gc's to tell. */
export function readStates(): State[] {
  return entries()
    .flatMap((id) => readState(id) ?? [])
    .sort((a, b) => a.created - b.created);
}

/** What is in the state folder without being a state: why, and its path. Nobody else's, and nothing in the making. */
export function strays(): { readonly path: string; readonly why: string }[] {
  return entries().flatMap((name) => {
    const path = `${stateFolder()}/${name}`;
    if (ID.test(name)) return readState(name) === undefined ? [{ path, why: "a folder without a readable state" }] : [];
    const maker = /^\.[0-9a-f]{12}-(\d+)-(\d*)-?([0-9a-f-]*)$/.exec(name);
    if (maker === null || isAlive({ pid: Number(maker[1]), started: maker[2] ?? "", boot: maker[3] ?? "" })) return [];
    return [{ path, why: `made or half removed by PID ${maker[1]}, which is gone` }];
  });
}

function entries(): string[] {
  try {
    return readdirSync(stateFolder());
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  }
}

export function readState(id: string): State | undefined {
  if (!ID.test(id)) return undefined;
  let state: unknown;
  try {
    state = JSON.parse(readFileSync(`${folderOf(id)}/state.json`, "utf8"));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    return undefined;
  }
  if (!isState(state) || state.id !== id) return undefined;
  const limits = readIfThere(`${folderOf(id)}/limits`)?.trim() ?? state.limits;
  const init = state.indirect && state.init ? childThatIsInit(state.init) : state.init;
  return { ...state, limits, init, started: state.started && init !== undefined };
}

/** Its supervisor is stopped (SIGSTOP, Ctrl-Z, a tracer): what becomes of the container, nobody sees. */
export const isSupervisorStopped = (state: State): boolean => state.ended === undefined && isStopped(state.supervisor);

/** What a container is doing, by what /proc and its cgroup say now. */
export function statusOf(state: State): Status {
  if (state.ended !== undefined) return "exited";
  if (!isAlive(state.supervisor)) return "dead";
  if (!state.started) return "starting";
  if (state.init !== undefined && !isAlive(state.init)) return "ending";
  if (state.group !== undefined && /^frozen 1$/m.test(readIfThere(`${state.group}/cgroup.events`) ?? "")) return "paused";
  return "running";
}

/**
 * The container that a word means: its id, its name, or a unique beginning of its id.
 *
 * @throws UsageError that lists what there is
 */
export function findContainer(word: string): State {
  const states = readStates();
  const exact = states.filter(({ id, name }) => id === word || name === word);
  // A dead one does not keep its name from a new one.
  const [found] = [...exact.filter((state) => statusOf(state) !== "dead"), ...exact];
  if (found !== undefined) return found;
  const matching = word === "" ? [] : states.filter(({ id }) => id.startsWith(word));
  const [first, second] = matching;
  if (first !== undefined && second === undefined) return first;
  const list = (some: readonly State[]) => some.map(({ id, name }) => (name === undefined ? id : `${id} (${name})`)).join(", ");
  if (first !== undefined) throw new UsageError(`${word}: several containers begin so`, list(matching));
  throw new UsageError(
    `${word || '""'}: there is no such container`,
    states.length === 0 ? `there is none at all in ${stateFolder()}` : `there are ${list(states)}`,
  );
}
