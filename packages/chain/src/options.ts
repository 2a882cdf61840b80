// One option table a tool drives parsing, help, docs and their test. The table's rows are citty arguments with two more fields;
// citty renders the help. It has no end of options, so the words are cut here, as util.parseArgs of Node does, which would be loaded
// and called nine times at the start of every container: a millisecond.

import { UsageError } from "@contain-tools/kernel";
import type { ArgDef } from "citty";
import { closest, distance } from "fastest-levenshtein";

export interface OptionSpec {
  readonly type: "boolean" | "string";
  /** The one-letter form. */
  readonly alias?: string;
  readonly description: string;
  readonly valueHint?: string;
  /** The value may be left out, and is given only as --name=VALUE. */
  readonly optionalValue?: true;
  /** May be given several times; otherwise a second value is an error. */
  readonly repeat?: true;
}

export type OptionTable = Readonly<Record<string, OptionSpec>>;

/** Options that every tool has. */
export const COMMON = {
  trace: {
    type: "boolean",
    optionalValue: true,
    valueHint: "json",
    description: "print every system call, also of the next links (or CONTAIN_TRACE=1)",
  },
  chain: {
    type: "string",
    valueHint: "call|exec",
    description: "exec: execve the next of our tools instead of calling it (or CONTAIN_CHAIN=exec)",
  },
  "preserve-fds": { type: "string", valueHint: "N", description: "leave descriptors 3 to 2+N open for the program" },
  verbose: { type: "boolean", alias: "v", description: "say each step" },
  help: { type: "boolean", alias: "h", description: "show this help" },
  version: { type: "boolean", alias: "V", description: "show the version" },
} as const satisfies OptionTable;

/** An option as it stood on the command line. `value` is undefined for a flag. */
export interface Given<Name extends string = string> {
  readonly name: Name;
  readonly value: string | undefined;
}

/** The values of options, for a function that reads only some of a tool's. */
export interface Values<Name extends string> {
  has(name: Name): boolean;
  /** The value of the option, undefined when it was not given or has none. */
  value(name: Name): string | undefined;
  /** Every value of a repeatable option, in order. */
  all(name: Name): string[];
}

/** A tool's own words, read: its options in order, then the words behind them. */
export interface Options<Name extends string = string> extends Values<Name> {
  readonly given: readonly Given<Name>[];
  /** The words from the first one that is no option, or from behind `--`. */
  readonly rest: readonly string[];
  /** True when a `--` stood before `rest`. */
  readonly ended: boolean;
}

/**
 * Reads a tool's own options from the front of `words`; they end at the first word that is not an option, or at `--`.
 *
 * @throws UsageError for an option that the table does not have, one that lacks its value, or a single one given twice
 */
export function readOptions<Name extends string>(table: Readonly<Record<Name, OptionSpec>>, words: readonly string[]): Options<Name> {
  const specs = table as OptionTable;
  const given: Given<Name>[] = [];
  let at = 0;
  const take = (name: string, rawName: string, attached: string | undefined) => {
    const takesNext = attached === undefined && Object.hasOwn(specs, name) && specs[name]?.type === "string";
    const value = takesNext ? words[++at] : attached;
    checkOption(specs, name, rawName, value, given);
    given.push({ name: name as Name, value });
  };
  for (; at < words.length; at++) {
    const word = words[at] ?? "";
    if (word === "--" || word === "-" || !word.startsWith("-")) break;
    if (word.startsWith("--")) {
      const equals = word.indexOf("=", 3);
      if (equals === -1) take(word.slice(2), word, undefined);
      else take(word.slice(2, equals), word.slice(0, equals), word.slice(equals + 1));
    } else takeLetters(specs, word, take);
  }
  const ended = words[at] === "--";
  return { given, rest: words.slice(ended ? at + 1 : at), ended, ...valuesOf(given) };
}

/** The values of options, wherever they stood. */
export function valuesOf<Name extends string>(given: readonly Given<Name>[]): Values<Name> {
  const last = new Map<Name, string | undefined>();
  for (const { name, value } of given) last.set(name, value);
  return {
    has: (name) => last.has(name),
    value: (name) => last.get(name),
    all: (name) => (last.has(name) ? given.flatMap((option) => (option.name === name ? (option.value ?? []) : [])) : []),
  };
}

/**
 * `-abVALUE`: letters of flags, until one that takes a value, which is the rest of the word or the next one. Behind a letter whose value
 * may be left out, a value begins with `=`, `/` or `.`: `-n=FILE`, `-n/run/netns/x`.
 */
function takeLetters(table: OptionTable, word: string, take: (name: string, rawName: string, attached: string | undefined) => void): void {
  for (let i = 1; i < word.length; i++) {
    const letter = word[i] ?? "";
    const name = Object.keys(table).find((candidate) => table[candidate]?.alias === letter) ?? letter;
    const rest = word.slice(i + 1);
    const spec = Object.hasOwn(table, name) ? table[name] : undefined;
    const attached = spec?.optionalValue === true && "=/.".includes(rest.charAt(0)) && rest !== "";
    const takesRest = attached || (rest !== "" && spec?.type === "string");
    take(name, `-${letter}`, takesRest ? (attached && rest.startsWith("=") ? rest.slice(1) : rest) : undefined);
    if (takesRest) return;
  }
}

function checkOption(table: OptionTable, name: string, rawName: string, value: string | undefined, before: readonly Given[]): void {
  const spec = Object.hasOwn(table, name) ? table[name] : undefined;
  if (spec === undefined) throw unknownOption(table, name, rawName);
  if (spec.type === "string" && value === undefined)
    throw new UsageError(`${rawName} needs a value: --${name} ${spec.valueHint ?? "VALUE"}`, spec.description);
  if (spec.type === "boolean" && value !== undefined && !spec.optionalValue)
    throw new UsageError(`${rawName} takes no value`, spec.description);
  if (value === "") throw new UsageError(`${rawName} was given an empty value`, spec.description);
  if (value !== undefined && !spec.repeat && before.some((option) => option.name === name))
    throw new UsageError(`--${name} was given twice`);
}

function unknownOption(table: OptionTable, name: string, rawName: string): UsageError {
  const names = Object.keys(table);
  const near = name.length > 1 ? closest(name, names) : undefined;
  const close =
    near !== undefined && (distance(name, near) <= 3 || near.startsWith(name)) ? `did you mean --${near}?` : "--help lists the options";
  return new UsageError(`unknown option ${rawName}`, close);
}

/** The help of one command, rendered by citty. */
export async function renderHelp(
  command: {
    readonly name: string;
    readonly description: string;
    readonly usage: string;
    readonly subCommands?: Readonly<Record<string, string>>;
  },
  options: OptionTable,
  version: string,
): Promise<string> {
  if (!process.stdout.isTTY) process.env["NO_COLOR"] = "1"; // citty looks once, when it is loaded
  const { renderUsage } = await import("citty");
  const args = Object.entries(options).map(([name, spec]): [string, ArgDef] => {
    const { type, description, alias = [], valueHint = "VALUE" } = spec;
    if (type === "string") return [name, { type, description, alias, valueHint }];
    return [spec.optionalValue ? `${name}[=${valueHint}]` : name, { type, description, alias }];
  });
  const subCommands = Object.entries(command.subCommands ?? {}).map(
    ([name, description]) => [name, { meta: { name, description } }] as const,
  );
  const text = await renderUsage({
    meta: { name: command.name, description: command.description, version },
    args: Object.fromEntries(args),
    ...(subCommands.length > 0 ? { subCommands: Object.fromEntries(subCommands) } : {}),
  });
  return text.replace(/\[OPTIONS\].*/, `[OPTIONS] ${command.usage}`).replace(/ +$/gm, "");
}
