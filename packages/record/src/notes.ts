// Signals that `contain kill`, `stop` and `exec` sent past the supervisor: each is noted in the container's folder before it is sent.
import { signalName } from "@contain-tools/kernel";
import type { OwnSignal } from "@contain-tools/state";
import type { RecordFile } from "./recordfile.ts";

/** A function that writes the notes since the last call. The lines of a record are in order, so `t` is when a note was read, `at` when it was made. */
export function noteReader(notes: () => readonly OwnSignal[], file: RecordFile): () => void {
  let known = 0;
  return () => {
    const all = notes();
    for (const { signal, command, pid, parent, target, at } of all.slice(known))
      file.write({ event: "signal", signal: signalName(signal), from: { pid, comm: command, parent }, to: target ?? "PID 1", at });
    known = all.length;
  };
}
