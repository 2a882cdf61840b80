// Reads a record. The file may come from anywhere: lines that are not ours are counted and not shown.
import { codeOf, readText, ToolError } from "@contain-tools/kernel";

/** An unchecked JSON value. */
export type Fields = Readonly<Record<string, unknown>>;

export interface Line extends Fields {
  /** Milliseconds since the epoch. */
  readonly t: number;
  readonly event: string;
}

export interface Recording {
  readonly start: Line;
  readonly samples: readonly Line[];
  /** Everything but samples and the first line, oldest first. */
  readonly events: readonly Line[];
  /** Lines that could not be read. */
  readonly unreadable: number;
}

/** @throws ToolError if the file cannot be read or is not a record */
export function readRecording(path: string): Recording {
  let text: string;
  try {
    text = readText(path === "-" ? "/proc/self/fd/0" : path);
  } catch (error) {
    throw new ToolError(`${path}: cannot be read: ${codeOf(error) ?? String(error)}`, undefined, 125, { cause: error });
  }
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const read = lines.flatMap((line) => parse(line) ?? []);
  const start = read.find(({ event }) => event === "start");
  if (start === undefined)
    throw new ToolError(
      `${path}: not a record: ${lines.length === 0 ? "it is empty" : "its first line is not that of a record"}`,
      "`contain run --record FILE` makes one; a container that was not started leaves it empty",
    );
  const after = read.filter(({ t }) => t >= start.t);
  return {
    start,
    samples: after.filter(({ event }) => event === "sample").sort((a, b) => a.t - b.t),
    events: after.filter(({ event }) => event !== "sample" && event !== "start").sort((a, b) => a.t - b.t),
    unreadable: lines.length - read.length,
  };
}

function parse(line: string): Line | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined; // truncated by a full disk or a crash of the machine
  }
  if (!isFields(value)) return undefined;
  const { t, event } = value;
  const LAST = 8.64e15; // the largest time of a Date
  return typeof t === "number" && t >= 0 && t <= LAST && typeof event === "string" ? { ...value, t, event } : undefined;
}

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A number at a path of keys; undefined where there is none: `numberAt(line, "memory.stat", "anon")`. */
export function numberAt(line: Fields, ...keys: readonly string[]): number | undefined {
  const value = keys.reduce<unknown>((at, key) => (isFields(at) && Object.hasOwn(at, key) ? at[key] : undefined), line);
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined;
}

/** A text of a line, or undefined. */
export function textAt(line: Fields, key: string): string | undefined {
  const value = Object.hasOwn(line, key) ? line[key] : undefined;
  return typeof value === "string" ? value : undefined;
}
