// A gate between two processes: a pipe at which one waits until the other releases it.
import { close, codeOf, exit, type Pipe, read, uninterrupted, write } from "@contain-tools/kernel";

/** Waits until the process at the other end releases us; ends if it gave up or died. */
export function waitAt(gate: Pipe): void {
  if (uninterrupted(() => read(gate.read, Buffer.alloc(1))) === 0) exit(125);
}

/**
 * Releases the process at the other end of a gate. If that has died (EPIPE), its wait status tells.
 *
 * @param pid its PID as we see it; `pidFrom` returns it there
 */
export function release(gate: Pipe, pid?: number): void {
  try {
    write(gate.write, pid === undefined ? "11" : `11:${pid}`);
  } catch (error) {
    if (codeOf(error) !== "EPIPE") throw error;
  }
  close(gate.write);
}

/** The PID that `release` sent, after the last `waitAt`. */
export function pidFrom(gate: Pipe): number {
  const text = Buffer.alloc(32);
  const length = uninterrupted(() => read(gate.read, text));
  return Number(text.toString("latin1", 0, length).replace(/^1*:/, ""));
}
