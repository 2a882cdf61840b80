// The file of a flight recorder: one JSON object a line. Whatever happens to it is no reason for the container to end.
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { payload } from "@contain-tools/chain";
import { codeOf, duplicate, monotonic, ToolError } from "@contain-tools/kernel";

const { O_WRONLY, O_CREAT, O_TRUNC, O_APPEND, O_NONBLOCK } = constants;

export interface RecordFile {
  /** Writes one line, with the time as `t`, in milliseconds since the epoch. */
  readonly write: (line: Readonly<Record<string, unknown>>) => void;
  readonly close: () => void;
}

/** Opens FILE, empty, for its owner alone: the command line stands in it. @throws ToolError; a FIFO without a reader is ENXIO */
export function openRecordFile(path: string): RecordFile {
  const fd = open(path);
  let lost = 0;
  let torn = false;
  const epoch = Date.now() - monotonic(); // asked once, so that a step of the clock is none of what happened
  const now = () => epoch + monotonic();
  const put = (text: string): boolean => {
    try {
      const bytes = Buffer.from(torn ? `\n${text}` : text);
      const written = writeSync(fd, bytes);
      torn = written < bytes.length;
    } catch {
      return false; // ENOSPC, EDQUOT, EFBIG, EIO, EPIPE, EAGAIN: this line is lost, the next one may not be
    }
    return !torn;
  };
  return {
    write: (line) => {
      if (lost > 0 && put(`${JSON.stringify({ t: now(), event: "lost", lines: lost })}\n`)) lost = 0;
      if (!put(`${JSON.stringify({ t: now(), ...line })}\n`)) lost++;
    },
    close: () => closeSync(fd),
  };
}

/** Never waits for a reader, and is none of the descriptors that --preserve-fds hands on. */
function open(path: string): number {
  let fd: number;
  try {
    fd = openSync(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NONBLOCK, 0o600);
  } catch (error) {
    const fix = codeOf(error) === "ENXIO" ? "a FIFO needs a reader first (fifo(7))" : "nothing was started";
    throw new ToolError(`--record ${path}: it cannot be written: ${codeOf(error)}`, fix, 125, { cause: error });
  }
  const kept = duplicate(fd, 3 + payload.preserveFds);
  closeSync(fd);
  return kept;
}
