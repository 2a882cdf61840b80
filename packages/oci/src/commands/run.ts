// run: create and start in one; without --detach it stays, passes signals on, and ends with the program's status.
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { type Context, runHook } from "@contain-tools/chain";
import { kill, SIGKILL, shellStatus, waitpid } from "@contain-tools/kernel";
import { noteWaited } from "../exit.ts";
import { waitAndForward } from "../launch.ts";
import { writeLog } from "../log.ts";
import type { Globals, OciCommand } from "../program.ts";
import { runForked } from "../runtimehooks.ts";
import { readContainer, writeWhole } from "../state.ts";
import { CREATE_OPTIONS, makeContainer, printChain, readRequest } from "./create.ts";
import { remove } from "./delete.ts";
import { startContainer } from "./start.ts";

export const run = (context: Context): OciCommand => ({
  name: "run",
  about: "create, start, wait and delete",
  options: { ...CREATE_OPTIONS, detach: "flag", d: { short: "detach" }, keep: "flag" },
  run(words, globals) {
    const detach = words.has("detach");
    const request = readRequest(context, words, globals, detach);
    if (words.has("print-chain")) return printChain(context, request, globals);
    const made = makeContainer(context, request, globals);
    const pidFile = words.value("pid-file");
    if (!detach && pidFile !== undefined) writeWhole(pidFile, `${made.container.init?.pid ?? ""}`);
    let status: number;
    try {
      startContainer({ ...made.container, folder: made.folder }, runForked(context));
      if (detach) return 0;
      status = waitAndForward(context, made.spawned, made.plan);
    } catch (error) {
      kill(made.spawned.pid, SIGKILL);
      waitpid(made.spawned.pid, 0);
      remove({ ...made.container, folder: made.folder }, globals, undefined, runForked(context));
      throw error;
    }
    noteWaited(made.folder, status);
    if (!words.has("keep")) end(context, status, request.id, globals);
    return shellStatus(status);
  },
});

/** Removes it by `contain-oci delete` in a process of its own, which has the verdict, and unblocked signals for hooks. */
function end(context: Context, status: number, id: string, globals: Globals): void {
  const { root, log } = globals;
  const { bin } = context.launch;
  const container = readContainer(root, id);
  if (bin === undefined || (status === 0 && (container.hooks.poststop ?? []).length === 0)) {
    remove(container, globals, undefined, runForked(context));
    return;
  }
  const file = log.file === undefined ? [] : ["--log", resolve(log.file), "--log-format", log.format];
  const path = `${bin}/contain-oci`;
  try {
    const why = runHook(context, { path, args: [path, "--root", resolve(root), ...file, "delete", id] }, "");
    if (why !== undefined) writeLog(log, "warning", why);
  } finally {
    if (existsSync(container.folder)) remove(container, globals, undefined, runForked(context)); // that program could not
  }
}
