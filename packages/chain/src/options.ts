// One option table per tool drives parsing, help, man page, completion, docs and their test. Its rows are citty arguments with a few more
// fields. citty does not know where options end, so the words are split here. Node's util.parseArgs could do it, but loading it and calling
// it nine times takes a millisecond at the start of every container.

import { UsageError } from "@contain-tools/kernel";
import { closest, distance } from "fastest-levenshtein";

export interface OptionSpec {
  readonly type: "boolean" | "string";
  /** The one-letter form. */
  readonly alias?: string;
  /** Other names of the option, letters included, that other programs use. */
  readonly also?: readonly string[];
  /** Its letter is also a flag's; with this letter the next word is a value if it matches. */
  readonly fits?: RegExp;
  readonly description: string;
  readonly valueHint?: string;
  /** The value is optional, and is given only as --name=VALUE. */
  readonly optionalValue?: true;
  /** May be given several times; for others a second value is an error. */
  readonly repeat?: true;
}

export type OptionTable = Readonly<Record<string, OptionSpec>>;

/** Options of other programs, and what to write here instead: a whole sentence, or our words. */
export type Instead = Readonly<Record<string, string>>;

/** Options that every tool has. */
export const COMMON = {
  trace: {
    type: "boolean",
    optionalValue: true,
    valueHint: "json",
    description: "print every system call, those of the next links too (or CONTAIN_TRACE=1)",
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

/** An option from the command line. `value` is undefined for a flag. */
export interface Given<Name extends string = string> {
  readonly name: Name;
  readonly value: string | undefined;
}

/** The values of options, for a function that reads only some of them. */
export interface Values<Name extends string> {
  has(name: Name): boolean;
  /** The value of the option; undefined if it was not given or has none. */
  value(name: Name): string | undefined;
  /** Every value of a repeatable option, in order. */
  all(name: Name): string[];
}

/** A tool's own words: its options in order, then the words after them. */
export interface Options<Name extends string = string> extends Values<Name> {
  readonly given: readonly Given<Name>[];
  /** The words from the first that is not an option, or after `--`. */
  readonly rest: readonly string[];
  /** True if a `--` came before `rest`. */
  readonly ended: boolean;
}

/**
 * Reads a tool's own options from the front of `words`; they end at the first word that is not an option, or at `--`.
 *
 * @throws UsageError for an unknown option, a missing value, or a second value of an option that takes one
 */
export function readOptions<Name extends string>(
  table: Readonly<Record<Name, OptionSpec>>,
  words: readonly string[],
  instead: Instead = {},
): Options<Name> {
  const specs = table as OptionTable;
  const given: Given<Name>[] = [];
  let at = 0;
  const take = (word: string, rawName: string, attached: string | undefined) => {
    const name = Object.hasOwn(specs, word) ? word : otherName(specs, word);
    const spec = name === undefined ? undefined : specs[name];
    if (name === undefined || spec === undefined) throw unknownOption(specs, word, rawName, instead);
    if (spec.type === "boolean" && !spec.optionalValue && (attached === "true" || attached === "false")) {
      if (attached === "true") given.push({ name: name as Name, value: undefined }); // as Go's programs take it
      return;
    }
    const value = attached === undefined && spec.type === "string" ? words[++at] : attached;
    checkOption(name, spec, rawName, value, given);
    given.push({ name: name as Name, value });
  };
  for (; at < words.length; at++) {
    const word = words[at] ?? "";
    if (word === "--" || word === "-" || !word.startsWith("-")) break;
    if (word.startsWith("--")) {
      const equals = word.indexOf("=", 3);
      if (equals === -1) take(word.slice(2), word, undefined);
      else take(word.slice(2, equals), word.slice(0, equals), word.slice(equals + 1));
    } else takeLetters(specs, word, words[at + 1], take);
  }
  const ended = words[at] === "--";
  return { given, rest: words.slice(ended ? at + 1 : at), ended, ...valuesOf(given) };
}

/** The values of options, wherever they were. */
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
 * `-abVALUE`: letters of flags, up to one that takes a value, which is the rest of the word or the next word. After a letter with an
 * optional value, the value begins with `=`, `/` or `.`: `-n=FILE`, `-n/run/netns/x`.
 */
function takeLetters(
  table: OptionTable,
  word: string,
  next: string | undefined,
  take: (name: string, rawName: string, attached: string | undefined) => void,
): void {
  for (let i = 1; i < word.length; i++) {
    const letter = word[i] ?? "";
    const rest = word.slice(i + 1);
    const isMeant = (spec: OptionSpec | undefined) => spec?.alias === letter && (spec.fits?.test(rest || (next ?? "")) ?? true);
    const name = Object.keys(table).find((candidate) => isMeant(table[candidate])) ?? letter;
    const spec = Object.hasOwn(table, name) ? table[name] : undefined;
    const attached = spec?.optionalValue === true && "=/.".includes(rest.charAt(0)) && rest !== "";
    const takesRest = attached || (rest !== "" && spec?.type === "string");
    take(name, `-${letter}`, takesRest ? (attached && rest.startsWith("=") ? rest.slice(1) : rest) : undefined);
    if (takesRest) return;
  }
}

function checkOption(name: string, spec: OptionSpec, rawName: string, value: string | undefined, before: readonly Given[]): void {
  if (spec.type === "string" && value === undefined)
    throw new UsageError(`${rawName} needs a value: --${name} ${spec.valueHint ?? "VALUE"}`, spec.description);
  if (spec.type === "boolean" && value !== undefined && !spec.optionalValue)
    throw new UsageError(`${rawName} takes no value`, spec.description);
  if (value === "") throw new UsageError(`${rawName} was given an empty value`, spec.description);
  if (value !== undefined && !spec.repeat && before.some((option) => option.name === name))
    throw new UsageError(`--${name} was given twice`);
}

/** The option that has this word as another name. */
function otherName(table: OptionTable, word: string): string | undefined {
  return Object.keys(table).find((name) => table[name]?.also?.includes(word));
}

/** A suggestion differs in at most a third of the word, and is never one of the common options. */
function unknownOption(table: OptionTable, name: string, rawName: string, instead: Instead): UsageError {
  const way = Object.hasOwn(instead, name) ? instead[name] : undefined;
  if (way !== undefined) return new UsageError(`unknown option ${rawName}`, way);
  const near = closestWord(
    name,
    Object.keys(table).filter((candidate) => !Object.hasOwn(COMMON, candidate)),
  );
  return new UsageError(`unknown option ${rawName}`, near === undefined ? "--help lists the options" : `did you mean --${near}?`);
}

/** The word that was probably meant: two letters swapped, at most a third of them different, or a longer word that begins with it. */
export function closestWord(word: string, known: readonly string[]): string | undefined {
  if (word.length < 2) return undefined;
  const near = closest(word, [...known]);
  if (distance(word, near) <= Math.floor(word.length / 3)) return near;
  const letters = (text: string) => [...text].sort().join("");
  return known.find((other) => letters(other) === letters(word)) ?? known.find((other) => word.length > 2 && other.startsWith(word));
}
