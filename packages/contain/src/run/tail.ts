// The end of what a program writes in the foreground, for the verdict: on a terminal that we pass on anyway, or into a file.
import { closeQuietly, fstat, open, pread, printable } from "@contain-tools/kernel";

const ROOM = 4096; // bytes

interface Tail {
  readonly keep: (chunk: Uint8Array) => void;
  readonly text: () => string;
}

export function keepTail(): Tail {
  const room = Buffer.allocUnsafeSlow(2 * ROOM);
  let filled = 0;
  return {
    keep: (chunk) => {
      const part = chunk.length > ROOM ? chunk.subarray(chunk.length - ROOM) : chunk;
      if (filled + part.length > room.length) {
        room.copyWithin(0, filled - ROOM, filled);
        filled = ROOM;
      }
      room.set(part, filled);
      filled += part.length;
    },
    text: () => asLines(room.toString("utf8", Math.max(0, filled - ROOM), filled)),
  };
}

const asLines = (text: string) => text.split(/\r*\n/).map(printable).join("\n");

const STDERR = 2;
const OWN = "[contain] "; // before our own lines

/**
 * Standard error where it is a regular file, to be read at the end: nothing stands between the program and the file. Pipes and sockets are
 * not looked into: whoever reads from them takes it away.
 *
 * @returns undefined for anything else
 */
export function tailOfFile(): (() => string | undefined) | undefined {
  let begin: number;
  try {
    const file = fstat(STDERR);
    if (!file.isFile()) return undefined;
    begin = file.size; // what stood there before is not the program's
  } catch {
    return undefined;
  }
  return () => {
    let fd = -1;
    try {
      fd = open(`/proc/self/fd/${STDERR}`);
      const { size } = fstat(fd);
      const from = Math.max(size < begin ? 0 : begin, size - ROOM);
      const room = Buffer.alloc(size - from);
      const lines = asLines(room.toString("utf8", 0, pread(fd, room, from))).split("\n");
      return lines.filter((line) => !line.startsWith(OWN)).join("\n");
    } catch {
      return undefined; // it may be written, and not read
    } finally {
      closeQuietly(fd);
    }
  };
}
