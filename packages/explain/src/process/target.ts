// Which process a word means: a PID, one of our containers, or another program's container or unit, by the name of its cgroup.
import { readIfThere, statusField, UsageError } from "@contain-tools/kernel";
import { engineContainers, findContainer, type State, statusOf } from "@contain-tools/state";
import { keptUnder } from "./enginename.ts";
import { some } from "./finding.ts";
import { ownerOf } from "./owner.ts";
import { pids, readProcess } from "./processes.ts";

/** A number is a PID, never the beginning of an id. */
export const isPid = (word: string): boolean => /^\d{1,7}$/.test(word);

/** @throws UsageError if nothing matches, or several do */
export function findTarget(word: string): number {
  if (isPid(word)) {
    if (Number(word) === 0) throw new UsageError("0 is no PID", "PIDs begin at 1");
    return Number(word);
  }
  const { state, problem } = ownContainer(word);
  if (state !== undefined) {
    const status = statusOf(state);
    if (state.init !== undefined && (status === "running" || status === "paused")) return state.init.pid;
    throw new UsageError(
      `${state.id} does not run: its status is ${status}`,
      status === "created" ? `contain start ${state.id}` : "`contain inspect` shows what is known of it",
    );
  }
  return ofEngine(word) ?? keptUnder(word)[0] ?? foreignContainer(word, problem);
}

/** A container that contain-oci runs, by the engine's id or name. */
function ofEngine(word: string): number | undefined {
  const alive = engineContainers().filter(({ status }) => status !== "stopped");
  const exact = alive.filter(({ id, name }) => id === word || name === word || name?.endsWith(`/${word}`));
  const meant = exact.length > 0 || word.length < LEAST ? exact : alive.filter(({ id }) => id.startsWith(word));
  const [found, another] = meant;
  if (another !== undefined) throw new UsageError(`${word}: several containers or units have this name`, some(meant.map(({ id }) => id)));
  return found?.init?.pid;
}

function ownContainer(word: string): { readonly state?: State; readonly problem?: UsageError } {
  try {
    return { state: findContainer(word) };
  } catch (error) {
    if (error instanceof UsageError) return { problem: error };
    throw error;
  }
}

const LEAST = 3; // fewer letters of an id would match too many

/** The first process of a container is its PID 1, or what the engine started. */
function foreignContainer(word: string, problem: UsageError | undefined): number {
  const found = new Map<string, number[]>();
  for (const pid of pids()) {
    const owner = ownerOf(readCgroup(pid));
    if (owner === undefined) continue;
    const matches =
      owner.id === word ||
      owner.id === `${word}.service` ||
      (/^[0-9a-f]+$/.test(word) && word.length >= LEAST && owner.id.startsWith(word));
    if (matches) found.set(`${owner.engine} ${owner.id}`, [...(found.get(`${owner.engine} ${owner.id}`) ?? []), pid]);
  }
  const [first, second] = found;
  if (first === undefined) {
    throw new UsageError(
      `no such process, container or unit: ${JSON.stringify(word)}`,
      `a PID, the id of a container of any engine (${LEAST} letters or more), or a systemd unit; ${problem?.hint ?? "contain has none of its own"}`,
    );
  }
  if (second !== undefined) throw new UsageError(`${word}: several containers or units have this name`, some([...found.keys()]));
  return firstOf(first[1]);
}

function readCgroup(pid: number): string {
  try {
    return readIfThere(`/proc/${pid}/cgroup`) ?? "";
  } catch {
    return "";
  }
}

function firstOf(members: readonly number[]): number {
  const started = (pid: number) => Number(readProcess(pid)?.started ?? Number.POSITIVE_INFINITY);
  const init = members.find((pid) => /\s1$/.test(statusField(readIfThere(`/proc/${pid}/status`) ?? "", "NSpid") ?? ""));
  return init ?? [...members].sort((a, b) => started(a) - started(b))[0] ?? 0;
}
