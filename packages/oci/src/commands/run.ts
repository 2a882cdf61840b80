// run: create and start in one; without --detach it stays, passes signals on, and ends with the program's status.
import type { Context } from "@contain-tools/chain";
import { kill, SIGKILL, waitpid } from "@contain-tools/kernel";
import { waitAndForward } from "../launch.ts";
import type { OciCommand } from "../program.ts";
import { readContainer, writeWhole } from "../state.ts";
import { CREATE_OPTIONS, makeContainer, printChain, readRequest } from "./create.ts";
import { remove } from "./delete.ts";
import { startContainer } from "./start.ts";

export const run = (context: Context): OciCommand => ({
  name: "run",
  options: { ...CREATE_OPTIONS, detach: "flag", d: { short: "detach" }, keep: "flag" },
  run(words, globals) {
    const detach = words.has("detach");
    const request = readRequest(context, words, globals, detach);
    if (words.has("print-chain")) return printChain(context, request, globals);
    const made = makeContainer(context, request, globals);
    const pidFile = words.value("pid-file");
    if (!detach && pidFile !== undefined) writeWhole(pidFile, `${made.container.init?.pid ?? ""}`);
    try {
      startContainer({ ...made.container, folder: made.folder });
    } catch (error) {
      kill(made.spawned.pid, SIGKILL);
      waitpid(made.spawned.pid, 0);
      remove({ ...made.container, folder: made.folder }, globals);
      throw error;
    }
    if (detach) return 0;
    const status = waitAndForward(context, made.spawned, made.plan);
    if (!words.has("keep")) remove(readContainer(globals.root, request.id), globals);
    return status;
  },
});
