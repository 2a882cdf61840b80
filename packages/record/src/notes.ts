// Signals that `contain kill`, `stop` and `exec` sent past the supervisor, each noted in the container's folder before it is sent; or of anybody, as `contain watch` traces them.
import { signalName } from "@contain-tools/kernel";
import type { OwnSignal } from "@contain-tools/state";
import type { RecordFile } from "./recordfile.ts";

export interface Note extends Omit<OwnSignal, "parent"> {
  readonly parent?: string;
  /** Whom it was sent to, where it is not ours: `PID 12`. */
  readonly to?: string;
}

/** A function that writes the notes. The lines of a record are in order, so `t` is when a note was read, `at` when it was made. @param fresh those since its last call */
export function noteReader(fresh: () => readonly Note[], file: RecordFile): () => void {
  return () => {
    for (const { signal, command, pid, parent, target, to, at } of fresh())
      file.write({ event: "signal", signal: signalName(signal), from: { pid, comm: command, parent }, to: to ?? target ?? "PID 1", at });
  };
}
