// Standard output of the commands, without the event loop.
import { codeOf, exit, POLLOUT, pollOnce, uninterrupted, write } from "@contain-tools/kernel";

/** Writes all of it, however slow the reader is. If the reader has gone (`| head`), ends this program quietly. */
export function print(text: string): void {
  if (!printed(text)) exit(0);
}

/** The same for callers that must clean up: false if the reader has gone. */
export function printed(text: string): boolean {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) {
    try {
      at += uninterrupted(() => write(1, bytes.subarray(at)));
    } catch (error) {
      if (codeOf(error) === "EPIPE" || codeOf(error) === "EIO") return false;
      if (codeOf(error) !== "EAGAIN") throw error;
      pollOnce(1, POLLOUT, 1000); // somebody has made it non-blocking
    }
  }
  return true;
}
