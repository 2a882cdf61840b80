// start: lets the program of a waiting container begin. Its `hold` has the other end of the FIFO.
import { closeSync, constants, openSync, rmSync } from "node:fs";
import { endFirst } from "../end.ts";
import { codeOf, OciError } from "../failure.ts";
import { runHooks } from "../hooks.ts";
import type { OciCommand } from "../program.ts";
import { type Container, FIFO, readContainer, stateOf, statusOf } from "../state.ts";
import { idOf } from "../words.ts";

export const start: OciCommand = {
  name: "start",
  about: "let the program go",
  options: {},
  run(words, { root }) {
    startContainer(readContainer(root, idOf(words)));
    return 0;
  },
};

/** @throws OciError for one that does not wait */
export function startContainer(container: Container & { readonly folder: string }, run = runHooks): void {
  const status = statusOf(container);
  if (status !== "created") throw new OciError(`cannot start a container in the ${status} state: ${container.id}`);
  const fifo = `${container.folder}/${FIFO}`;
  try {
    closeSync(openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK)); // a writer that comes and goes is the sign
  } catch (error) {
    if (codeOf(error) !== "ENXIO") throw error;
    throw new OciError(`cannot start a container that does not wait: ${container.id} was started already, or has ended`);
  } finally {
    rmSync(fifo, { force: true });
  }
  try {
    run("poststart", container.hooks.poststart ?? [], stateOf(container, "running"));
  } catch (error) {
    endFirst(container); // as the specification requires
    throw error;
  }
}
