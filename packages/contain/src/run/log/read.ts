// Reads a container's log while it grows and its beginning is removed.
import { warn } from "@contain-tools/chain";
import { fstat, inotify, POLLIN, pread, printable, type Source, takeNotices, takeTicks, timerfd } from "@contain-tools/kernel";
import { endsLine, HEAD, isEntry, NEWLINE, timeOf } from "./format.ts";
import { BLOCK, closeParts, findTail, isRotated, openParts, type Part } from "./parts.ts";

export interface LogReader {
  /** Passes on new entries since the last call, without the newline. `each` returns false to stop. */
  readonly copy: (each: (entry: Buffer) => boolean) => boolean;
}

interface From {
  /** The number of last lines to begin with; undefined: all. */
  readonly lines?: number | undefined;
  /** Those that count. */
  readonly wanted?: (entry: Buffer) => boolean;
  /** Do not report removed output. */
  readonly quiet?: boolean;
}

/** @throws SyscallError if there is no log */
export function readLog(folder: string, { lines, wanted = () => true, quiet = false }: From): LogReader {
  const { parts, cut } = openParts(folder);
  const buffer = Buffer.allocUnsafeSlow(BLOCK);
  const tail = lines === undefined ? undefined : findTail(parts, lines, wanted);
  let at = tail?.at ?? 0;
  let filled = 0;
  closeParts(parts.splice(0, tail?.before ?? 0));
  const tellGap = () => quiet || warn("older output was removed from the log (--log-size of contain run, or a full disk)");
  if (cut && tail === undefined) tellGap();

  const take = ({ fd }: Part, each: (entry: Buffer) => boolean) => {
    for (;;) {
      const length = pread(fd, buffer.subarray(filled), at);
      if (length === 0) return true;
      at += length;
      const block = buffer.subarray(0, filled + length);
      let from = 0;
      for (let newline = block.indexOf(NEWLINE); newline !== -1; newline = block.indexOf(NEWLINE, from)) {
        const entry = block.subarray(from, newline);
        if (isEntry(entry) && !each(entry)) return false;
        from = newline + 1;
      }
      filled = block.length - from;
      if (filled === buffer.length)
        filled = 0; // not an entry
      else block.copy(buffer, 0, from);
    }
  };
  /** Adds the files that were made after the one being read. */
  const addNewer = (part: Part) => {
    const newer = openParts(folder).parts;
    const place = newer.findIndex(({ ino }) => ino === part.ino);
    if (place === -1 || fstat(part.fd).size < at) tellGap();
    closeParts(newer.splice(0, place + 1));
    parts.push(...newer);
  };
  const copy = (each: (entry: Buffer) => boolean) => {
    for (;;) {
      const [part] = parts;
      if (part === undefined) {
        parts.push(...openParts(folder).parts); // it had not begun
        if (parts.length === 0) return true;
        continue;
      }
      if (!take(part, each)) return false;
      if (parts.length > 1) {
        closeParts(parts.splice(0, 1));
        [at, filled] = [0, 0];
      } else if (isRotated(folder, part)) addNewer(part);
      else return true;
    }
  };
  return { copy };
}

const POLL_INTERVAL = 200; // milliseconds between two reads without inotify

/** Ready when a log may have grown. */
export function onGrowth(folder: string, ready: () => void): Source {
  let [fd, take] = [-1, takeNotices];
  try {
    fd = inotify(folder);
  } catch {
    [fd, take] = [timerfd(POLL_INTERVAL), takeTicks]; // EMFILE: other programs have all instances of this user
  }
  return {
    fd,
    wants: () => POLLIN,
    ready: () => {
      take(fd);
      ready();
    },
  };
}

const LAST = 50; // lines
const MAX_CHARACTERS = 4096; // characters

/** The end of the program's output, from a time in the log's format on; undefined if it cannot be read. */
export function endOfLog(folder: string, since?: string): string | undefined {
  let text = "";
  try {
    readLog(folder, { lines: LAST, quiet: true }).copy((entry) => {
      if (since !== undefined && timeOf(entry) < since) return true;
      text = (text + entry.toString("utf8", HEAD) + (endsLine(entry) ? "\n" : "")).slice(-MAX_CHARACTERS);
      return true;
    });
  } catch {
    return undefined;
  }
  return text.split("\n").map(printable).join("\n");
}
