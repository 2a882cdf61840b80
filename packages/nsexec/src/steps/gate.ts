// A gate between two processes: a pipe at which one waits until the other lets it go on.
import { closeSync, readSync, writeSync } from "node:fs";
import { codeOf, exit, type Pipe, uninterrupted } from "@contain-tools/kernel";

/** Waits until the process at the other end lets us go on; ends when it gave up, or died. */
export function waitAt({ read }: Pipe): void {
  if (uninterrupted(() => readSync(read, Buffer.alloc(1))) === 0) exit(125);
}

/** Lets the process at the other end of a gate go on, to its end. If it has died meanwhile (EPIPE), its wait status tells. */
export function release({ write }: Pipe): void {
  try {
    writeSync(write, "11");
  } catch (error) {
    if (codeOf(error) !== "EPIPE") throw error;
  }
  closeSync(write);
}
