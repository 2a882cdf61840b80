// The CRI logging format, as in containerd, CRI-O and the kubelet: one line for each piece of output,
//     2026-11-30T10:00:42.669794202Z stdout F text
// F ends a line of the program; after P the line goes on, or never ended. Time and stream always have the same length.
import { timeOfDay } from "@contain-tools/kernel";

export type Stream = "stdout" | "stderr";

/** Bytes before the text. */
export const HEAD = 40;
export const NEWLINE = 10;
const TIME = 30; // bytes
const STREAM = TIME + 1;
const TAG = STREAM + 7;
const FULL = 0x46;
const PARTIAL = 0x50;
const SPACE = 0x20;

/** An RFC3339Nano time in UTC: as texts they compare as the times do. */
export function formatTime(seconds: number, nanoseconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${String(nanoseconds).padStart(9, "0")}Z`;
}

let last = "";

/** The time now; if the clock was set back, the last time again, so that the log stays in order. */
export function stamp(): string {
  const now = formatTime(...timeOfDay());
  if (now > last) last = now;
  return last;
}

/**
 * Makes log lines of output, at most `chunk` bytes of it at a time. There is no loop over the lines: without its compiler the engine takes
 * microseconds for each, while strings are replaced by its own C++.
 */
export function encoder(chunk: number): (stream: Stream, output: Buffer) => Buffer {
  const entries = Buffer.allocUnsafeSlow((chunk + 1) * (HEAD + 1)); // nothing but newlines
  return (stream, output) => {
    const head = `${stamp()} ${stream} F `;
    const text = output.toString("latin1");
    const lines = head + text.replaceAll("\n", `\n${head}`);
    const rest = text.length - 1 - text.lastIndexOf("\n");
    if (rest === 0) return entries.subarray(0, entries.write(lines, "latin1") - HEAD);
    const filled = entries.write(lines, "latin1");
    entries[filled - rest - HEAD + TAG] = PARTIAL;
    entries[filled] = NEWLINE;
    return entries.subarray(0, filled + 1);
  };
}

/** True for a complete entry of ours. */
export function isEntry(entry: Uint8Array): boolean {
  return entry.length >= HEAD && entry[TIME - 1] === 0x5a && entry[STREAM - 1] === SPACE && entry[HEAD - 1] === SPACE;
}

/** True for an entry that ends a line of the program. */
export const endsLine = (entry: Uint8Array) => entry[TAG] === FULL;

export const streamOf = (entry: Uint8Array): Stream => (entry[STREAM + 3] === 0x6f ? "stdout" : "stderr");

export const timeOf = (entry: Buffer) => entry.toString("latin1", 0, TIME);
