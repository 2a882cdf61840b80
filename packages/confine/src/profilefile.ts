// A seccomp profile from a file in docker's JSON format: every key is looked at, so that a mistake is told with its place.
import { readFileSync } from "node:fs";
import { CAPABILITIES, codeOf, errnoMeaning, UsageError } from "@contain-tools/kernel";
import { has, keys, list, oneOf, type Read, text } from "./json.ts";

/** Whom a rule is for, or not for. */
export interface Filter {
  readonly caps?: readonly string[];
  readonly arches?: readonly string[];
  /** `4.8` */
  readonly minKernel?: string;
}

export interface Argument {
  readonly index: number;
  /** Below 2^64. */
  readonly value: number | bigint;
  readonly valueTwo?: number | bigint;
  readonly op: string;
}

export interface Rule {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly Argument[];
  readonly includes?: Filter;
  readonly excludes?: Filter;
}

/** A profile as docker and podman write it. */
export interface Profile {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly architectures?: readonly string[];
  readonly archMap?: readonly { readonly architecture: string; readonly subArchitectures?: readonly string[] }[];
  readonly flags?: readonly string[];
  readonly syscalls?: readonly Rule[];
}

export const COMPARISONS = [
  "SCMP_CMP_NE",
  "SCMP_CMP_LT",
  "SCMP_CMP_LE",
  "SCMP_CMP_EQ",
  "SCMP_CMP_GE",
  "SCMP_CMP_GT",
  "SCMP_CMP_MASKED_EQ",
] as const;
const ACTIONS = "ALLOW ERRNO KILL KILL_PROCESS KILL_THREAD LOG TRACE TRAP";
const FLAGS = "TSYNC LOG SPEC_ALLOW";
const MACHINES =
  "X86 X86_64 X32 ARM AARCH64 LOONGARCH64 M68K MIPS MIPS64 MIPS64N32 MIPSEL MIPSEL64 MIPSEL64N32 PARISC PARISC64 PPC PPC64 PPC64LE " +
  "RISCV64 S390 S390X SH SHEB";
const words = (prefix: string, names: string) => names.split(" ").map((name) => `${prefix}${name}`);
const MAX_ERRNO = 4095; // what a system call can return (include/linux/err.h)

/** @throws UsageError that names the file and the key */
export function readProfileFile(path: string): Profile {
  const where = `--seccomp ${path}`;
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const why = `${where}: the profile cannot be read: ${codeOf(error) ?? error}`;
    throw new UsageError(why, "it is default, none, or a file", 125, { cause: error });
  }
  try {
    return profile(JSON.parse(keepLargeNumbers(text)), where);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${where}: it is not JSON: ${error instanceof Error ? error.message : error}`);
  }
}

/** A JSON number of more than 53 bits would lose some; a key inside a string has a backslash before its quotes, and is not meant. */
const keepLargeNumbers = (text: string) => text.replace(/("value(?:Two)?"\s*:\s*)(\d{16,})(?=\s*[,}])/g, '$1"#$2"');

function profile(value: unknown, where: string): Profile {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new UsageError(
      `${where}: it is not a profile`,
      "an object with defaultAction and syscalls, as docker's --security-opt seccomp= takes it",
    );
  const { required, optional } = keys(
    value,
    `${where}: `,
    "defaultAction defaultErrnoRet defaultErrno architectures archMap flags syscalls",
  );
  if (optional("architectures", list(text))?.length && optional("archMap", list(architecture))?.length)
    throw new UsageError(`${where}: architectures and archMap exclude each other`);
  return {
    defaultAction: required("defaultAction", action),
    ...has("defaultErrnoRet", optional("defaultErrnoRet", errnoNumber) ?? optional("defaultErrno", errnoWord)),
    ...has("architectures", optional("architectures", list(machine))),
    ...has("archMap", optional("archMap", list(architecture))),
    ...has("flags", optional("flags", list(flag))),
    ...has("syscalls", optional("syscalls", list(rule))),
  };
}

function architecture(value: unknown, where: string) {
  const { required, optional } = keys(value, `${where}.`, "architecture subArchitectures");
  return { architecture: required("architecture", machine), ...has("subArchitectures", optional("subArchitectures", list(machine))) };
}

function rule(value: unknown, where: string): Rule {
  const { required, optional } = keys(value, `${where}.`, "name names action errnoRet errno args includes excludes");
  const name = optional("name", text); // the older format
  if (name && optional("names", list(text))?.length) throw new UsageError(`${where}: name and names exclude each other`);
  return {
    names: name ? [name] : required("names", list(text)),
    action: required("action", action),
    ...has("errnoRet", optional("errnoRet", errnoNumber) ?? optional("errno", errnoWord)),
    ...has("args", optional("args", list(argument))),
    ...has("includes", optional("includes", filter)),
    ...has("excludes", optional("excludes", filter)),
  };
}

function filter(value: unknown, where: string): Filter {
  const { optional } = keys(value, `${where}.`, "caps arches minKernel");
  return {
    ...has("caps", optional("caps", list(capability))),
    ...has("arches", optional("arches", list(text))),
    ...has("minKernel", optional("minKernel", version) || undefined),
  };
}

function argument(value: unknown, where: string): Argument {
  const { required, optional } = keys(value, `${where}.`, "index value valueTwo op");
  return {
    index: required("index", position),
    value: required("value", wholeNumber),
    ...has("valueTwo", optional("valueTwo", wholeNumber)),
    op: required("op", oneOf(COMPARISONS, "comparison")),
  };
}

const action: Read<string> = (value, where) => oneOf(words("SCMP_ACT_", ACTIONS), "action")(value, where);
const flag: Read<string> = (value, where) => oneOf(words("SECCOMP_FILTER_FLAG_", FLAGS), "flag")(value, where);
const machine: Read<string> = (value, where) => oneOf(words("SCMP_ARCH_", MACHINES), "architecture")(value, where);

function capability(value: unknown, where: string): string {
  const name = text(value, where);
  if (name.startsWith("CAP_")) return name; // an unknown one is newer than this program, and nobody has it
  const meant = CAPABILITIES.find((known) => known === `CAP_${name.toUpperCase()}`);
  throw new UsageError(`${where}: ${JSON.stringify(name)} is no capability`, meant && `did you mean ${meant}?`);
}

function version(value: unknown, where: string): string {
  const word = text(value, where);
  if (word === "" || /^\d{1,3}\.\d{1,3}$/.test(word)) return word;
  throw new UsageError(`${where}: ${JSON.stringify(word)} is no version of a kernel`, 'two numbers, as in "4.8"');
}

function position(value: unknown, where: string): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 5) return value;
  throw new UsageError(`${where}: it is a number from 0 to 5`);
}

function errnoNumber(value: unknown, where: string): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= MAX_ERRNO) return value;
  throw new UsageError(`${where}: ${JSON.stringify(value)} is no errno`, `a number from 0 to ${MAX_ERRNO}`);
}

/** podman's way: `"errno": "ENOSYS"`. */
function errnoWord(value: unknown, where: string): number {
  const number = typeof value === "string" && value.startsWith("E") ? errnoMeaning(value)?.number : undefined;
  if (number === undefined) throw new UsageError(`${where}: ${JSON.stringify(value)} is no errno`, "a name of errno(3)");
  return number;
}

function wholeNumber(value: unknown, where: string): number | bigint {
  const large = typeof value === "string" && /^#\d+$/.test(value) ? BigInt(value.slice(1)) : undefined; // by keepLargeNumbers
  if (large !== undefined && large < 1n << 64n) return large;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new UsageError(`${where}: ${large ?? JSON.stringify(value)} is no whole number below 2^64`);
}
