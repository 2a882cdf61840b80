// Signals that our processes other than the supervisor send into a container. The kernel does not record senders, so each signal is noted
// for the verdict: one line of JSON in the container's folder.
import { warn } from "@contain-tools/chain";
import {
  chmod,
  codeOf,
  commandOf,
  O_APPEND,
  O_CREAT,
  O_WRONLY,
  printable,
  signalName,
  statIfThere,
  tryRead,
  writeFile,
} from "@contain-tools/kernel";
import { noteEvent } from "./events.ts";
import { folderOf } from "./state.ts";

export interface OwnSignal {
  readonly signal: number;
  /** The command: `contain kill`. */
  readonly command: string;
  /** Its PID, and who ran it: `bash (PID 12)`. */
  readonly pid: number;
  readonly parent: string;
  /** The PID of what `contain exec` started; undefined for the container's PID 1. */
  readonly target: number | undefined;
  /** The program had no handler: the signal ends it. */
  readonly ends?: boolean | undefined;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

const fileOf = (id: string) => `${folderOf(id)}/signals`;

/** Notes a signal that is about to be sent. The target must be alive: each line counts as a signal that arrived. */
export function noteSignal(id: string, signal: number, command: string, target?: number, ends?: boolean): void {
  const { pid, ppid } = process;
  const parent = `${printable(commandOf(ppid))} (PID ${ppid})`;
  const note: OwnSignal = { signal, command, pid, parent, target, ends, at: Date.now() };
  noteEvent(id, "kill", { signal: `${signal}` });
  try {
    writeFile(fileOf(id), `${JSON.stringify(note)}\n`, 0o600, O_WRONLY | O_CREAT | O_APPEND);
  } catch (error) {
    const code = codeOf(error);
    if (code === undefined) throw error;
    // ENOENT: the container has been removed. A full folder does not stop the signal.
    if (code === "ENOENT") return;
    warn(`${fileOf(id)} cannot be written: ${code}; the verdict will not name this command`);
    markIncomplete(id);
  }
}

const INCOMPLETE = 0o400; // the mode of the file, which can be changed even if there is no space left

function markIncomplete(id: string): void {
  try {
    chmod(fileOf(id), INCOMPLETE);
  } catch {
    // there is no space even for an empty file
  }
}

/** The noted signals, oldest first; `problem`: why one may be missing, the errno name if the file cannot be read. */
export function notedSignals(id: string): { readonly sent: readonly OwnSignal[]; readonly problem: string | undefined } {
  const reading = tryRead(fileOf(id));
  if ("problem" in reading) return { sent: [], problem: reading.problem === "ENOENT" ? undefined : reading.problem };
  const lines = reading.text.split("\n");
  const sent = lines.flatMap((line) => {
    try {
      return [JSON.parse(line) as OwnSignal];
    } catch {
      return []; // only the owner can write here
    }
  });
  const isCut = sent.length < lines.length - 1 || lines.at(-1) !== "" || (statIfThere(fileOf(id))?.mode ?? 0) % 0o1000 === INCOMPLETE;
  return { sent, problem: isCut ? "a note is missing, which could not be written" : undefined };
}

/** `SIGKILL from contain kill (PID 12), run by bash (PID 3), at 12:00:00.123`. */
export function describeOwnSignal({ signal, command, pid, parent, at }: OwnSignal): string {
  return `${signalName(signal)} from ${command} (PID ${pid}), run by ${parent}, at ${new Date(at).toISOString().slice(11, -1)} UTC`;
}
