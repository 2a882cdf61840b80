// A gate between two processes: a pipe at which one waits until the other lets it go on.
import { close, codeOf, exit, type Pipe, read, uninterrupted, write } from "@contain-tools/kernel";

/** Waits until the process at the other end lets us go on; ends when it gave up, or died. */
export function waitAt(gate: Pipe): void {
  if (uninterrupted(() => read(gate.read, Buffer.alloc(1))) === 0) exit(125);
}

/** Lets the process at the other end of a gate go on, to its end. If it has died meanwhile (EPIPE), its wait status tells. */
export function release(gate: Pipe): void {
  try {
    write(gate.write, "11");
  } catch (error) {
    if (codeOf(error) !== "EPIPE") throw error;
  }
  close(gate.write);
}
