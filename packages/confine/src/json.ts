// Reads JSON that may hold anything: a wrong value is reported with its place.
import { UsageError } from "@contain-tools/kernel";

/** @throws UsageError that begins with `where` */
export type Read<T> = (value: unknown, where: string) => T;

/** How to read each key of an object; other keys are errors. `comment` may be anywhere, and null counts as missing. */
export function keys(value: unknown, where: string, names: string) {
  const known = names.split(" ");
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new UsageError(`${where.slice(0, -1)} is not an object: ${JSON.stringify(value)}`);
  const fields = value as Readonly<Record<string, unknown>>;
  const other = Object.keys(fields).find((key) => !known.includes(key) && key !== "comment");
  if (other !== undefined) throw new UsageError(`${where}${other} is not a key of a profile`, `here may be ${known.join(", ")}, comment`);
  const at = (key: string) => (Object.hasOwn(fields, key) ? fields[key] : undefined);
  return {
    required: <T>(key: string, read: Read<T>): T => {
      if (at(key) === undefined) throw new UsageError(`${where}${key} is missing`);
      return read(at(key), `${where}${key}`);
    },
    optional: <T>(key: string, read: Read<T>): T | undefined =>
      at(key) === undefined || at(key) === null ? undefined : read(at(key), `${where}${key}`),
  };
}

export function list<T>(read: Read<T>): Read<readonly T[]> {
  return (value, where) => {
    if (!Array.isArray(value)) throw new UsageError(`${where} is not a list`);
    return value.map((entry, i) => read(entry, `${where}[${i}]`));
  };
}

export function text(value: unknown, where: string): string {
  if (typeof value !== "string") throw new UsageError(`${where}: ${JSON.stringify(value)} is not a text`);
  return value;
}

export function oneOf(words: readonly string[], what: string): Read<string> {
  return (value, where) => {
    if (typeof value === "string" && words.includes(value)) return value;
    throw new UsageError(`${where}: ${JSON.stringify(value)} is not a known ${what}`, words.join(", "));
  };
}

/** A required key, for a type in which undefined is not a value. */
export function has<K extends string, T>(key: K, value: T | undefined): { [P in K]?: T } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: T });
}
