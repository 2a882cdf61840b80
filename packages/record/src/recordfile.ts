// The file of a flight recorder: one JSON object a line. Recording errors never stop the container.
import {
  close,
  codeOf,
  duplicate,
  monotonic,
  O_APPEND,
  O_CREAT,
  O_NONBLOCK,
  O_TRUNC,
  O_WRONLY,
  open,
  ToolError,
  write,
} from "@contain-tools/kernel";

export interface RecordFile {
  /** Writes one line, with the time as `t`, in milliseconds since the epoch. */
  readonly write: (line: Readonly<Record<string, unknown>>) => void;
  readonly close: () => void;
}

/** Opens and empties FILE, readable only by its owner since it holds the command line. @throws ToolError; ENXIO for a FIFO without a reader */
export function openRecordFile(path: string, preserveFds: number): RecordFile {
  const fd = openForLines(path, preserveFds);
  let lost = 0;
  let torn = false;
  const epoch = Date.now() - monotonic(); // read once, so that steps of the clock do not matter
  const now = () => epoch + monotonic();
  const put = (text: string): boolean => {
    try {
      const bytes = Buffer.from(torn ? `\n${text}` : text);
      const written = write(fd, bytes);
      torn = written < bytes.length;
    } catch {
      return false; // ENOSPC, EDQUOT, EFBIG, EIO, EPIPE, EAGAIN: this line is lost; try again with the next one
    }
    return !torn;
  };
  return {
    write: (line) => {
      if (lost > 0 && put(`${JSON.stringify({ t: now(), event: "lost", lines: lost })}\n`)) lost = 0;
      if (!put(`${JSON.stringify({ t: now(), ...line })}\n`)) lost++;
    },
    close: () => close(fd),
  };
}

/** Never waits for a reader; above the descriptors of --preserve-fds. */
function openForLines(path: string, preserveFds: number): number {
  let fd: number;
  try {
    fd =
      path === "-"
        ? open("/proc/self/fd/1", O_WRONLY | O_APPEND | O_NONBLOCK)
        : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NONBLOCK, 0o600);
  } catch (error) {
    const fix = codeOf(error) === "ENXIO" ? "a FIFO needs a reader first (fifo(7))" : "nothing was started";
    throw new ToolError(`--record ${path}: cannot be written: ${codeOf(error)}`, fix, 125, { cause: error });
  }
  const kept = duplicate(fd, 3 + preserveFds);
  close(fd);
  return kept;
}
