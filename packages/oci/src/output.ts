// Prints a command's output on standard output, without an event loop.
import { writeSync } from "node:fs";
import { codeOf } from "./failure.ts";

/** Waits for a slow reader; writes nothing to one that has gone. */
export function print(text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(1, bytes, at);
    } catch (error) {
      if (codeOf(error) === "EAGAIN") continue;
      if (codeOf(error) === "EPIPE") return;
      throw error;
    }
  }
}
