// delete: removes what is left of a container: its processes with --force, its group, its folder.
import { existsSync } from "node:fs";
import { endFirst } from "../end.ts";
import { type Ended, remember } from "../ended.ts";
import { type End, endOf } from "../exit.ts";
import { messageOf, OciError } from "../failure.ts";
import { removeGroup } from "../group.ts";
import { runHooks } from "../hooks.ts";
import { writeLog } from "../log.ts";
import { NOTED } from "../noted.ts";
import { type Globals, HAND_OVER, type OciCommand } from "../program.ts";
import { textOf } from "../read.ts";
import { noteSignal, type Sent, sentTo } from "../sent.ts";
import { type Container, FIFO, folderOf, forget, isAlive, NOT_THERE, readContainer, stateOf, statusOf } from "../state.ts";
import { idOf } from "../words.ts";

const SIGKILL = 9;

/** explain's `judgeNoted`, `describeEnd` and `verdictLines`, which are in another bundle. */
export type Judge = (
  noted: string,
  group: string | undefined,
  end: End,
  sent: readonly Sent[],
) => Pick<Ended, "reason" | "verdict"> & { readonly lines: readonly string[] };

/** @param judge if missing, a container that needs it is passed to the bundle that has it */
export const deleteCommand = (judge?: Judge): OciCommand => ({
  name: "delete",
  about: "remove what is left of a container",
  options: { force: "flag", f: { short: "force" } },
  run(words, globals) {
    const id = idOf(words);
    const force = words.has("force");
    const folder = folderOf(globals.root, id);
    const container = readOrUndefined(globals.root, id);
    if (container === undefined) {
      if (!force && !existsSync(folder)) throw new OciError(NOT_THERE);
      forget(folder); // what a killed `create` has left
      return 0;
    }
    const status = statusOf(container);
    if (!force && status !== "stopped" && status !== "created")
      throw new OciError(`cannot delete container ${id} that is not stopped: ${status}`);
    if (judge === undefined && needsVerdict(container)) return HAND_OVER;
    remove(container, globals, judge);
    return 0;
  },
});

/** Not for a plain success, nor if nothing is known. */
function needsVerdict(container: Container & { readonly folder: string }): boolean {
  if (!wasStarted(container)) return false;
  if (isAlive(container) || sentTo(container.folder).length > 0) return true;
  const { status, either } = endOf(container);
  return (status ?? 0) !== 0 || either !== undefined || hasCounted(container.group);
}

const wasStarted = ({ folder }: { readonly folder: string }) => existsSync(`${folder}/${NOTED}`) && !existsSync(`${folder}/${FIFO}`);

const hasCounted = (group: string | undefined) =>
  group !== undefined && (/^oom_kill [1-9]/m.test(textOf(`${group}/memory.events`)) || /^max [1-9]/m.test(textOf(`${group}/pids.events`)));

/** Keeps how it ended, and why; its group still exists. No error here prevents the deletion. */
function keepVerdict(container: Container & { readonly folder: string }, { root, log }: Globals, judge: Judge | undefined): void {
  const { id, name, init, group, folder } = container;
  try {
    const noted = textOf(`${folder}/${NOTED}`);
    const end = endOf(container);
    const told = judge?.(noted, group, end, sentTo(folder));
    for (const line of told?.lines ?? []) writeLog(log, "info", line);
    const status = end.status === undefined ? end.either : end.status & 127 ? 128 + (end.status & 127) : end.status >> 8;
    const reason = told?.reason ?? (status === undefined ? "exit status not known" : `exit status ${status}`);
    const { argv } = JSON.parse(noted) as { argv: readonly string[] };
    const verdict = told?.verdict ?? [];
    remember(root, { id, name, pid: init?.pid, argv, group, status, reason, told: end.told, verdict, at: Date.now(), by: "contain-oci" });
  } catch (error) {
    writeLog(log, "warning", `no verdict: ${messageOf(error)}`);
  }
}

function readOrUndefined(root: string, id: string): ReturnType<typeof readContainer> | undefined {
  try {
    return readContainer(root, id);
  } catch (error) {
    if (error instanceof OciError && error.message.startsWith(NOT_THERE)) return undefined;
    throw error;
  }
}

/** Ends it, removes it, and runs its poststop hooks, of which a failure is only told. */
export function remove(container: Container & { readonly folder: string }, globals: Globals, judge?: Judge, run = runHooks): void {
  const { group, folder, hooks } = container;
  if (isAlive(container)) noteSignal(folder, SIGKILL, "contain-oci delete --force");
  endFirst(container);
  if (wasStarted(container)) keepVerdict(container, globals, judge);
  if (group !== undefined) removeGroup(group);
  forget(folder);
  try {
    run("poststop", hooks.poststop ?? [], stateOf(container, "stopped"));
  } catch (error) {
    writeLog(globals.log, "warning", messageOf(error));
  }
}
