// delete: what is left of a container goes: its processes with --force, its group, its folder.
import { existsSync } from "node:fs";
import { endFirst } from "../end.ts";
import { OciError } from "../failure.ts";
import { removeGroup } from "../group.ts";
import { runHooks } from "../hooks.ts";
import { writeLog } from "../log.ts";
import type { Globals, OciCommand } from "../program.ts";
import { type Container, folderOf, forget, NOT_THERE, readContainer, stateOf, statusOf } from "../state.ts";
import { idOf } from "../words.ts";

export const deleteCommand: OciCommand = {
  name: "delete",
  options: { force: "flag", f: { short: "force" } },
  run(words, globals) {
    const id = idOf(words);
    const force = words.has("force");
    const folder = folderOf(globals.root, id);
    const container = readOrUndefined(globals.root, id);
    if (container === undefined) {
      if (!force && !existsSync(folder)) throw new OciError(NOT_THERE);
      forget(folder); // the little that a killed `create` has left
      return 0;
    }
    const status = statusOf(container);
    if (!force && status !== "stopped" && status !== "created")
      throw new OciError(`cannot delete container ${id} that is not stopped: ${status}`);
    remove(container, globals);
    return 0;
  },
};

function readOrUndefined(root: string, id: string): ReturnType<typeof readContainer> | undefined {
  try {
    return readContainer(root, id);
  } catch (error) {
    if (error instanceof OciError && error.message.startsWith(NOT_THERE)) return undefined;
    throw error;
  }
}

/** Ends it, removes it, and runs its poststop hooks, of which a failure is only told. */
export function remove(container: Container & { readonly folder: string }, { log }: Globals): void {
  const { group, folder, hooks } = container;
  endFirst(container);
  if (group !== undefined) removeGroup(group);
  forget(folder);
  try {
    runHooks("poststop", hooks.poststop ?? [], stateOf(container, "stopped"));
  } catch (error) {
    writeLog(log, "warning", error instanceof Error ? error.message : String(error));
  }
}
