// Seccomp profiles in docker's JSON format: what applies to this machine and to these capabilities, as rules for libseccomp.
import { readFileSync } from "node:fs";
import { release } from "node:os";
import {
  ARCHITECTURES,
  CAPABILITIES,
  type Condition,
  codeOf,
  type FilterRule,
  type FilterRules,
  NATIVE_ARCHITECTURE,
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_ERRNO,
  UsageError,
} from "@contain-tools/kernel";
import { defaultProfile } from "./default.ts";

interface Filter {
  readonly caps?: readonly string[];
  readonly arches?: readonly string[];
  readonly minKernel?: string;
}

interface Argument {
  readonly index: number;
  readonly value: number;
  readonly valueTwo?: number;
  readonly op: string;
}

interface Rule {
  readonly name?: string;
  readonly names?: readonly string[];
  readonly action: string;
  readonly errnoRet?: number | null;
  readonly args?: readonly Argument[] | null;
  readonly includes?: Filter | null;
  readonly excludes?: Filter | null;
}

/** A profile as docker and podman write it. */
export interface Profile {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number | null;
  readonly architectures?: readonly string[] | null;
  readonly archMap?: readonly { readonly architecture: string; readonly subArchitectures?: readonly string[] | null }[] | null;
  readonly syscalls?: readonly Rule[] | null;
}

const EPERM = 1;
const ACTIONS: Readonly<Record<string, number>> = {
  SCMP_ACT_KILL: 0,
  SCMP_ACT_KILL_THREAD: 0,
  SCMP_ACT_KILL_PROCESS: 0x80000000,
  SCMP_ACT_TRAP: 0x00030000,
  SCMP_ACT_ERRNO: SECCOMP_RET_ERRNO,
  SCMP_ACT_TRACE: 0x7ff00000,
  SCMP_ACT_LOG: 0x7ffc0000,
  SCMP_ACT_ALLOW: SECCOMP_RET_ALLOW,
};
const COMPARISONS = ["", "NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"].map((name) => `SCMP_CMP_${name}`);
const MASKED_EQ = 7;

/** The rules of `default`, or of a file, for a program with these capabilities. @throws UsageError that names the file and the key */
export function readProfile(word: string, capabilities: bigint): FilterRules {
  const profile = word === "default" ? defaultProfile() : readFile(word);
  const where = `--seccomp ${word}`;
  const action = (name: unknown, errno: unknown, key: string) => {
    const number = typeof name === "string" ? ACTIONS[name] : undefined;
    if (number === undefined)
      throw new UsageError(`${where}: ${key}: ${JSON.stringify(name)} is no action`, Object.keys(ACTIONS).join(", "));
    const takesNumber = number === SECCOMP_RET_ERRNO || number === ACTIONS["SCMP_ACT_TRACE"];
    return takesNumber ? number | ((typeof errno === "number" ? errno : EPERM) & 0xffff) : number;
  };
  const rules = list<Rule>(profile.syscalls, where, "syscalls");
  const named = (rule: Rule, i: number) =>
    rule.name === undefined ? list<string>(rule.names, where, `syscalls[${i}].names`) : [rule.name];
  return {
    defaultAction: action(profile.defaultAction, profile.defaultErrnoRet, "defaultAction"),
    architectures: [NATIVE_ARCHITECTURE, ...architectures(profile, where)],
    known: profile.defaultAction === "SCMP_ACT_ALLOW" || profile.defaultAction === "SCMP_ACT_LOG" ? [] : rules.flatMap(named),
    rules: rules.flatMap((rule, i) => {
      if (!applies(rule, capabilities)) return [];
      const number = action(rule.action, rule.errnoRet, `syscalls[${i}].action`);
      const conditions = list<Argument>(rule.args, where, `syscalls[${i}].args`).map((arg, j) =>
        readCondition(arg, `${where}: syscalls[${i}].args[${j}]`),
      );
      return named(rule, i).flatMap((name) =>
        alternatives(conditions).map((all): FilterRule => ({ name, action: number, conditions: all })),
      );
    }),
  };
}

function readFile(path: string): Profile {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new UsageError(
      `--seccomp ${path}: the profile cannot be read: ${codeOf(error) ?? error}`,
      "it is default, none, or a file",
      125,
      {
        cause: error,
      },
    );
  }
  try {
    const profile: unknown = JSON.parse(text);
    if (typeof profile === "object" && profile !== null && !Array.isArray(profile)) return profile as Profile;
  } catch (error) {
    throw new UsageError(`--seccomp ${path}: it is not JSON: ${error instanceof Error ? error.message : error}`);
  }
  throw new UsageError(
    `--seccomp ${path}: it is not a profile`,
    "an object with defaultAction and syscalls, as docker's --security-opt seccomp= takes it",
  );
}

function list<T>(value: unknown, where: string, key: string): readonly T[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new UsageError(`${where}: ${key} is not a list`);
  return value as readonly T[];
}

function architectures(profile: Profile, where: string): number[] {
  const number = (name: string) => (ARCHITECTURES as Readonly<Record<string, number>>)[name.replace(/^SCMP_ARCH_/, "")];
  const map = list<{ architecture: string; subArchitectures?: readonly string[] | null }>(profile.archMap, where, "archMap");
  const own = map.find(({ architecture }) => number(architecture) === NATIVE_ARCHITECTURE);
  const names = own === undefined ? list<string>(profile.architectures, where, "architectures") : (own.subArchitectures ?? []);
  return names.flatMap((name) => number(name) ?? []); // those of other machines are not for us
}

/** A rule with two conditions on the same argument means either of them, as runc reads it: libseccomp allows one an argument. */
function alternatives(conditions: readonly Condition[]): (readonly Condition[])[] {
  const different = new Set(conditions.map(({ index }) => index)).size === conditions.length;
  return different ? [conditions] : conditions.map((condition) => [condition]);
}

function readCondition({ index, value, valueTwo = 0, op }: Argument, where: string): Condition {
  const comparison = COMPARISONS.indexOf(op);
  if (comparison < 1) throw new UsageError(`${where}.op: ${JSON.stringify(op)} is no comparison`, COMPARISONS.slice(1).join(", "));
  if (!(Number.isInteger(index) && index >= 0 && index <= 5)) throw new UsageError(`${where}.index: it is a number from 0 to 5`);
  for (const number of [value, valueTwo])
    if (!(Number.isInteger(number) && number >= 0)) throw new UsageError(`${where}.value: ${JSON.stringify(number)} is no whole number`);
  return { index, op: comparison, value: BigInt(value), second: comparison === MASKED_EQ ? BigInt(valueTwo) : 0n };
}

function applies({ includes, excludes }: Rule, capabilities: bigint): boolean {
  const has = (name: string) =>
    ((capabilities >> BigInt(Math.max(0, CAPABILITIES.indexOf(name)))) & 1n) === 1n && CAPABILITIES.includes(name);
  const here = process.arch === "arm64" ? "arm64" : "amd64";
  if (includes?.arches?.length && !includes.arches.includes(here)) return false;
  if (excludes?.arches?.includes(here)) return false;
  if (includes?.caps?.some((name) => !has(name))) return false;
  if (excludes?.caps?.some(has)) return false;
  if (includes?.minKernel && !isAtLeast(includes.minKernel)) return false;
  return !(excludes?.minKernel && isAtLeast(excludes.minKernel));
}

function isAtLeast(version: string): boolean {
  const parts = (text: string) => text.split(/[.-]/).slice(0, 2).map(Number);
  const [major = 0, minor = 0] = parts(release());
  const [wantedMajor = 0, wantedMinor = 0] = parts(version);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}
