// Showing the entries of a log: what the program wrote, byte for byte, or with the time before each line.
import { writeSync } from "node:fs";
import { codeOf, exit, POLLOUT, pollOnce, SIGPIPE } from "@contain-tools/kernel";
import { endsLine, HEAD, NEWLINE, type Stream, streamOf, timeOf } from "./format.ts";

export interface Selection {
  readonly streams: readonly Stream[];
  /** Times as an entry has them. */
  readonly since?: string | undefined;
  readonly until?: string | undefined;
}

export function selects({ streams, since, until }: Selection): (entry: Buffer) => boolean {
  return (entry) =>
    (streams.length === 2 || streams.includes(streamOf(entry))) &&
    (since === undefined || timeOf(entry) >= since) &&
    (until === undefined || timeOf(entry) <= until);
}

const ROOM = 128 << 10; // bytes

interface Printer {
  /** False if no more wanted entries can follow. */
  readonly print: (entry: Buffer) => boolean;
  readonly flush: () => void;
}

export function printer(selection: Selection, timestamps: boolean): Printer {
  const wanted = selects(selection);
  const { until } = selection;
  const text = Buffer.allocUnsafeSlow(ROOM);
  const within: Record<Stream, boolean> = { stdout: false, stderr: false }; // a line
  let filled = 0;
  const flush = () => {
    writeAll(text.subarray(0, filled));
    filled = 0;
  };
  const print = (entry: Buffer) => {
    if (!wanted(entry)) return until === undefined || timeOf(entry) <= until;
    if (filled + entry.length + 1 > ROOM) flush();
    const stream = streamOf(entry);
    if (timestamps && !within[stream]) filled += entry.copy(text, filled, 0, timeOf(entry).length + 1);
    filled += entry.copy(text, filled, HEAD);
    within[stream] = !endsLine(entry);
    if (endsLine(entry)) text[filled++] = NEWLINE;
    return true;
  };
  return { print, flush };
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
