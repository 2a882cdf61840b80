// --log: a line for each message, JSON {level, msg, time} or text, appended; errors are printed on standard error too.
import { appendFileSync, writeSync } from "node:fs";
import { messageOf } from "./failure.ts";

export type Level = "debug" | "info" | "warning" | "error";

export interface Log {
  readonly file: string | undefined;
  readonly format: "json" | "text";
  readonly debug: boolean;
}

/** @returns false if it could not be written */
export function writeLog({ file, format, debug }: Log, level: Level, msg: string): void {
  if (level === "debug" && !debug) return;
  if (file !== undefined) append(file, lineOf(format, level, msg));
  else if (level !== "info") tell(level === "error" ? `contain-oci: ${msg}\n` : `contain-oci: ${level}: ${msg}\n`);
  if (level === "error" && file !== undefined) tell(`${msg}\n`);
}

export function lineOf(format: Log["format"], level: Level, msg: string): string {
  const time = new Date().toISOString();
  return format === "json"
    ? `${JSON.stringify({ level, msg, time })}\n`
    : `time=${JSON.stringify(time)} level=${level} msg=${JSON.stringify(msg)}\n`;
}

/** An engine that has removed its log still learns about the failure by the status. */
function append(file: string, line: string): void {
  try {
    appendFileSync(file, line, { mode: 0o644 });
  } catch (error) {
    tell(`contain-oci: the log ${file} cannot be written: ${messageOf(error)}\n`);
  }
}

function tell(text: string): void {
  try {
    writeSync(2, text);
  } catch {
    // nobody listens
  }
}
