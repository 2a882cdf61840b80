// poll(2) on one descriptor.
import { declare } from "./libc.ts";

export const POLLIN = 1;
const pollC = declare("poll", "int", ["void *", "ulong", "int"]);
const entry = new Int32Array(2);
const entryBytes = new Uint8Array(entry.buffer);

/** Waits for `events` on `fd`, at most so many milliseconds; with fd -1 it is a plain pause. True when an event came. */
export function pollOnce(fd: number, events: number, milliseconds: number): boolean {
  entry[0] = fd;
  entry[1] = events;
  return pollC(entryBytes, 1, milliseconds) === 1;
}
