// Limit options of `contain`: as words for cgset, and as the text in a state.
import { limitOptions } from "@contain-tools/cgset";
import type { Options } from "@contain-tools/chain";

/** The limit options as words. */
export function limitWords(given: Options): string[] {
  return given.given.flatMap(({ name, value }) => (name in limitOptions ? [`--${name}`, ...(value === undefined ? [] : [value])] : []));
}

/** `memory=64M swap=0 pids=64`, for the log and the state. */
export function describeLimits(given: Options): string {
  const words = given.given.flatMap(({ name, value }) => (name in limitOptions ? [value === undefined ? name : `${name}=${value}`] : []));
  if (given.has("memory") && !given.has("swap") && given.value("memory") !== "max") words.push("swap=0");
  return words.join(" ");
}

/** Values may hold spaces (`cpu=50000 100000`); a new entry begins with the name of an option. */
const entriesOf = (text: string) => {
  const names = Object.keys(limitOptions).join("|");
  return text.split(new RegExp(` (?=(?:${names})(?:=| |$))`)).filter(Boolean);
};
const nameOf = (entry: string) => entry.split("=", 1)[0] ?? "";

/** The value of one of them. */
export function limitIn(text: string, name: string): string | undefined {
  const entry = entriesOf(text).findLast((candidate) => nameOf(candidate) === name);
  return entry?.slice(name.length + 1);
}

/** The limits after a change: io has an entry per device, set one per file, all others one. */
export function mergeLimits(before: string, change: string): string {
  const key = (entry: string) => {
    const [, rest = ""] = /^(?:io|set)=([^\s=]+)/.exec(entry) ?? [];
    return `${nameOf(entry)} ${rest}`;
  };
  return [...new Map([...entriesOf(before), ...entriesOf(change)].map((entry) => [key(entry), entry])).values()].join(" ");
}
