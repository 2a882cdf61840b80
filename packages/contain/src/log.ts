// Reading a container's log while it grows.
import { openSync, readSync, writeSync } from "node:fs";
import { codeOf, exit, inotify, POLLIN, POLLOUT, pollOnce, SIGPIPE, type Source, takeNotices } from "@contain-tools/kernel";

export interface LogReader {
  /** Ready when there is more. */
  readonly source: Source;
  /** Copies what is new to standard output. */
  readonly copy: () => void;
}

/** @param from where to begin: a number of bytes */
export function readLog(path: string, from: number): LogReader {
  const notices = inotify(path);
  const file = openSync(path, "r");
  const chunk = Buffer.allocUnsafeSlow(65536);
  let at = from;
  const copy = () => {
    for (let length = readSync(file, chunk, 0, chunk.length, at); length > 0; length = readSync(file, chunk, 0, chunk.length, at)) {
      at += length;
      writeAll(chunk.subarray(0, length));
    }
  };
  const ready = () => {
    takeNotices(notices);
    copy();
  };
  return { source: { fd: notices, wants: () => POLLIN, ready }, copy };
}

function writeAll(bytes: Uint8Array): void {
  for (let rest = bytes; rest.length > 0; ) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      if (codeOf(error) === "EPIPE") exit(128 + SIGPIPE);
      if (codeOf(error) !== "EAGAIN") throw error;
      pollOnce(1, POLLOUT, 1000);
    }
  }
}
