// What is known of each container: one folder in the state folder, with state.json and what belongs to it. A state is a claim: whether
// the supervisor and the container still live is asked of /proc each time, by PID and start time.
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { codeOf, readIfThere, statFields, UsageError } from "@contain-tools/kernel";

/** A process that cannot be mistaken for a later one with the same PID: field 22 of /proc/PID/stat is its start time (proc_pid_stat(5)). */
export interface ProcessId {
  readonly pid: number;
  /** Clock ticks after boot. */
  readonly started: string;
}

/** How a container ended. */
export interface Ended {
  /** As a shell shows it. */
  readonly status: number;
  readonly reason: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

export interface State {
  readonly id: string;
  readonly name: string | undefined;
  readonly supervisor: ProcessId;
  /** PID 1 of the container, as the host sees it; undefined before it was started. */
  readonly init: ProcessId | undefined;
  readonly argv: readonly string[];
  readonly rootfs: string;
  /** The directory of its cgroup. */
  readonly group: string | undefined;
  /** `memory=64M pids=64` */
  readonly limits: string;
  /** Milliseconds since the epoch. */
  readonly created: number;
  readonly detached: boolean;
  /** SIGTERM to SIGKILL, in milliseconds. */
  readonly grace: number;
  readonly ended: Ended | undefined;
}

export type Status = "starting" | "running" | "paused" | "exited" | "dead";

/** /run/contain, or for an ordinary user $XDG_RUNTIME_DIR/contain. */
export function stateFolder(): string {
  const { XDG_RUNTIME_DIR: runtime } = process.env;
  if (process.geteuid?.() === 0) return "/run/contain";
  return join(runtime ?? `/tmp/contain-${process.geteuid?.()}`, "contain");
}

/** The folder of one container. */
export function folderOf(id: string): string {
  return join(stateFolder(), id);
}

/** This process, or another one; undefined when it has ended. */
export function identify(pid: number): ProcessId | undefined {
  const stat = readIfThere(`/proc/${pid}/stat`);
  const started = stat === undefined ? undefined : statFields(stat)[19];
  return started === undefined ? undefined : { pid, started };
}

/** True while this very process lives; a zombie has ended. */
export function isAlive(process: ProcessId | undefined): boolean {
  if (process === undefined) return false;
  const stat = readIfThere(`/proc/${process.pid}/stat`);
  if (stat === undefined) return false;
  const fields = statFields(stat);
  return fields[19] === process.started && fields[0] !== "Z" && fields[0] !== "X";
}

/** Writes a state so that a reader sees the old one or the new one, never a half: rename(2) is atomic. */
export function writeState(state: State): void {
  const folder = folderOf(state.id);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const draft = join(folder, `.state.${state.supervisor.pid}`);
  writeFileSync(draft, `${JSON.stringify(state)}\n`, { mode: 0o600 });
  renameSync(draft, join(folder, "state.json"));
}

/** Forgets a container. */
export function removeState(id: string): void {
  rmSync(folderOf(id), { recursive: true, force: true });
}

/** Every container that has a state, the oldest first. A folder without a readable state is gc's to tell. */
export function readStates(): State[] {
  const ids = entries(stateFolder());
  return ids.flatMap((id) => readState(id) ?? []).sort((a, b) => a.created - b.created);
}

/** The folders in the state folder, with a state or without. */
export function stateIds(): string[] {
  return entries(stateFolder());
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  }
}

export function readState(id: string): State | undefined {
  try {
    return JSON.parse(readFileSync(join(folderOf(id), "state.json"), "utf8")) as State;
  } catch {
    return undefined;
  }
}

/** What a container is doing, by what /proc and its cgroup say now. */
export function statusOf(state: State): Status {
  if (state.ended !== undefined) return "exited";
  if (!isAlive(state.supervisor)) return "dead";
  if (state.init === undefined) return "starting";
  if (state.group !== undefined && /^frozen 1$/m.test(readIfThere(join(state.group, "cgroup.events")) ?? "")) return "paused";
  return "running";
}

/**
 * The container that a word means: its id, a unique beginning of it, or its name.
 *
 * @throws UsageError that lists what there is
 */
export function findContainer(word: string): State {
  const states = readStates();
  const exact = states.find(({ id, name }) => id === word || name === word);
  if (exact !== undefined) return exact;
  const matching = states.filter(({ id }) => id.startsWith(word));
  const [found, second] = matching;
  if (found !== undefined && second === undefined) return found;
  const list = (some: readonly State[]) => some.map(({ id, name }) => (name === undefined ? id : `${id} (${name})`)).join(", ");
  if (found !== undefined) throw new UsageError(`${word}: several containers begin so`, list(matching));
  throw new UsageError(`${word}: there is no such container`, states.length === 0 ? "there is none at all" : `there are ${list(states)}`);
}
