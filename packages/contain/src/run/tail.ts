// The end of what a program writes on a terminal that we pass on anyway: its last words, for the verdict.
import { printable } from "@contain-tools/kernel";

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
    text: () =>
      room
        .toString("utf8", Math.max(0, filled - ROOM), filled)
        .split(/\r*\n/)
        .map(printable)
        .join("\n"),
  };
}
