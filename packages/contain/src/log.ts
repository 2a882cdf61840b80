// Reading a container's log while it grows, and while its beginning goes (bound.ts).
import { openSync, readSync, writeSync } from "node:fs";
import { codeOf, exit, inotify, POLLIN, POLLOUT, pollOnce, SIGPIPE, type Source, seekData, takeNotices, warn } from "@contain-tools/kernel";
import { formatBytes } from "./usage.ts";

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
  let midLine = false;
  const copy = () => {
    for (let length = readSync(file, chunk, 0, chunk.length, at); length > 0; length = readSync(file, chunk, 0, chunk.length, at)) {
      const start = seekData(file, at) ?? at + length;
      if (start === at) {
        at += length;
        write(chunk.subarray(0, length));
      } else {
        // What was read has gone meanwhile, or had gone before.
        warn(`${formatBytes(start - at)} of older output are no longer in the log (--log-size of contain run)`);
        at = start;
        midLine = true;
      }
    }
  };
  /** After a gap output begins with a whole line. */
  const write = (bytes: Uint8Array) => {
    const end = midLine ? bytes.indexOf(NEWLINE) + 1 : 0;
    midLine &&= end === 0;
    if (!midLine) writeAll(bytes.subarray(end));
  };
  const ready = () => {
    takeNotices(notices);
    copy();
  };
  return { source: { fd: notices, wants: () => POLLIN, ready }, copy };
}

const NEWLINE = 10;

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
