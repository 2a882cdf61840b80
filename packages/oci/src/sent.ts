// Signals sent to a container's first process: the kernel does not record senders, so each is noted for the verdict. The format is that of
// `contain`'s own commands (state's ownsignals.ts).
import { appendFileSync } from "node:fs";
import { textOf } from "./read.ts";

const FILE = "signals";

/** Notes a signal that is about to be sent to a living process. A full folder does not prevent the signal. */
export function noteSignal(folder: string, signal: number, command: string): void {
  const { pid, ppid } = process;
  const parent = `${textOf(`/proc/${ppid}/comm`).trimEnd()} (PID ${ppid})`;
  try {
    appendFileSync(`${folder}/${FILE}`, `${JSON.stringify({ signal, command, pid, parent, at: Date.now() })}\n`, { mode: 0o600 });
  } catch {
    // the verdict will not name it
  }
}

export interface Sent {
  readonly signal: number;
  readonly command: string;
  readonly pid: number;
  readonly parent: string;
  readonly target: undefined;
  readonly at: number;
}

/** Oldest first. */
export function sentTo(folder: string): Sent[] {
  return textOf(`${folder}/${FILE}`)
    .split("\n")
    .flatMap((line) => {
      try {
        return [{ ...(JSON.parse(line) as Sent), target: undefined }];
      } catch {
        return []; // the end, or a line that was cut off
      }
    });
}
