// poll(2), on one descriptor or on several.
import { declare } from "../ffi/libc.ts";

export const POLLIN = 1;
export const POLLOUT = 4;
export const POLLERR = 8;
export const POLLHUP = 16;
const pollC = declare("poll");
const entry = new Int32Array(2);
const entryBytes = new Uint8Array(entry.buffer);

/** Waits for `events` on `fd`, at most that many milliseconds; with fd -1 it only pauses. True if an event came. */
export function pollOnce(fd: number, events: number, milliseconds: number): boolean {
  entry[0] = fd;
  entry[1] = events;
  return pollC(entryBytes, 1, milliseconds) === 1;
}

/** Descriptors to wait for. The set grows as needed and is reused, so that waiting makes no garbage. */
export class PollSet {
  private words = new Int32Array(16);
  private bytes = new Uint8Array(this.words.buffer);
  private count = 0;

  clear(): void {
    this.count = 0;
  }

  /** Adds a descriptor; with no events, only errors and hang-ups are reported. Returns its index. */
  add(fd: number, events: number): number {
    if (this.count * 2 === this.words.length) {
      const more = new Int32Array(this.words.length * 2);
      more.set(this.words);
      this.words = more;
      this.bytes = new Uint8Array(more.buffer);
    }
    this.words[this.count * 2] = fd;
    this.words[this.count * 2 + 1] = events; // poll writes its answer to the upper half
    return this.count++;
  }

  /** Waits for any of them, at most that many milliseconds, -1 for ever. False after the timeout or a signal. */
  wait(milliseconds: number): boolean {
    return pollC(this.bytes, this.count, milliseconds) > 0;
  }

  /** The events of the descriptor at an index; 0 for none. */
  came(place: number): number {
    return (this.words[place * 2 + 1] ?? 0) >>> 16;
  }
}
