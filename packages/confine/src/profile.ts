// Seccomp profiles in docker's format: selects what applies to this machine and these capabilities, as rules for libseccomp.
import type { Context } from "@contain-tools/chain";
import {
  ARCHITECTURES,
  CAPABILITIES,
  type Condition,
  type FilterRule,
  type FilterRules,
  NATIVE_ARCHITECTURE,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_USER_NOTIF,
  UsageError,
  uname,
} from "@contain-tools/kernel";
import { defaultProfile, refusedWords } from "./default.ts";
import { COMPARISONS } from "./profilefields.ts";
import { type Argument, type Filter, type Profile, type Rule, readProfileFile } from "./profilefile.ts";

const EPERM = 1;
const TRACE = 0x7ff00000;
const NUMBERS: Readonly<Record<string, number>> = {
  SCMP_ACT_KILL: 0,
  SCMP_ACT_KILL_THREAD: 0,
  SCMP_ACT_KILL_PROCESS: 0x80000000,
  SCMP_ACT_TRAP: 0x00030000,
  SCMP_ACT_ERRNO: SECCOMP_RET_ERRNO,
  SCMP_ACT_NOTIFY: SECCOMP_RET_USER_NOTIF,
  SCMP_ACT_TRACE: TRACE,
  SCMP_ACT_LOG: 0x7ffc0000,
  SCMP_ACT_ALLOW: SECCOMP_RET_ALLOW,
};
const MASKED_EQ = 7;
/** Without TSYNC, since there are no other threads. */
const FLAG_BITS: Readonly<Record<string, number>> = {
  SECCOMP_FILTER_FLAG_LOG: 2,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 4,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
};

/** A parsed profile. */
export interface Read {
  readonly rules: FilterRules;
  /** Who answers SCMP_ACT_NOTIFY; undefined without such a rule. */
  readonly listener: { readonly path: string; readonly metadata: string } | undefined;
}

/** `default`, or a file, for a program with these capabilities. @throws UsageError that names the file and the key */
export function readProfile(context: Context, word: string, capabilities: bigint): Read {
  const profile = profileOf(context, word);
  return { rules: rulesFor(word, profile, capabilities), listener: listenerOf(word, profile) };
}

const profileOf = (context: Context, word: string) => (word === "default" ? defaultProfile() : readProfileFile(context, word));

/** The same as linux.seccomp of a config.json, whose rules cannot ask for a machine or a capability. */
export function ociProfile(context: Context, word: string, capabilities: bigint): object {
  const { archMap: _, syscalls = [], ...profile } = profileOf(context, word);
  const here = [NATIVE_ARCHITECTURE, ...architectures(profileOf(context, word))];
  return {
    ...profile,
    architectures: Object.entries(ARCHITECTURES).flatMap(([name, number]) => (here.includes(number) ? `SCMP_ARCH_${name}` : [])),
    syscalls: syscalls.filter((rule) => applies(rule, capabilities)).map(({ includes: _in, excludes: _ex, ...rule }) => rule),
  };
}

function listenerOf(word: string, { defaultAction, syscalls = [], listenerPath, listenerMetadata = "" }: Profile): Read["listener"] {
  const where = `--seccomp ${word}`;
  if (defaultAction === "SCMP_ACT_NOTIFY")
    throw new UsageError(`${where}: defaultAction: SCMP_ACT_NOTIFY would wait for an answer to every call`);
  if (!syscalls.some(({ action }) => action === "SCMP_ACT_NOTIFY")) return undefined;
  if (listenerPath === undefined)
    throw new UsageError(`${where}: SCMP_ACT_NOTIFY needs listenerPath`, "the Unix socket of the process that answers");
  return { path: listenerPath, metadata: listenerMetadata };
}

function rulesFor(word: string, profile: Profile, capabilities: bigint): FilterRules {
  const { defaultAction, defaultErrnoRet, flags = [], syscalls = [] } = profile;
  return {
    defaultAction: actionNumber(defaultAction, defaultErrnoRet),
    architectures: [NATIVE_ARCHITECTURE, ...architectures(profile)],
    first: word === "default" ? refusedWords(SECCOMP_RET_ERRNO | EPERM) : [],
    flags: flags.reduce((bits, name) => bits | (FLAG_BITS[name] ?? 0), 0),
    known: defaultAction === "SCMP_ACT_ALLOW" || defaultAction === "SCMP_ACT_LOG" ? [] : syscalls.flatMap(({ names }) => names),
    rules: withExecveat(syscalls.filter((rule) => applies(rule, capabilities)).flatMap(rulesOf)),
  };
}

/** A program in another root is started by execveat(2) first: if a profile does not name it, its rule for execve(2) applies. */
function withExecveat(rules: readonly FilterRule[]): readonly FilterRule[] {
  if (rules.some(({ name }) => name === "execveat")) return rules;
  const alike = rules.filter(({ name, conditions }) => name === "execve" && conditions.length === 0);
  return [...rules, ...alike.map((rule) => ({ ...rule, name: "execveat" }))];
}

function actionNumber(name: string, errno = EPERM): number {
  const number = NUMBERS[name] ?? 0;
  return number === SECCOMP_RET_ERRNO || number === TRACE ? number | errno : number;
}

function rulesOf({ names, action, errnoRet, args = [] }: Rule): FilterRule[] {
  const number = actionNumber(action, errnoRet);
  return names.flatMap((name) => alternatives(args.map(conditionOf)).map((conditions) => ({ name, action: number, conditions })));
}

function architectures({ archMap = [], architectures: listed = [] }: Profile): number[] {
  const number = (name: string) => (ARCHITECTURES as Readonly<Record<string, number>>)[name.replace(/^SCMP_ARCH_/, "")];
  const own = archMap.find(({ architecture }) => number(architecture) === NATIVE_ARCHITECTURE);
  return (own?.subArchitectures ?? listed).flatMap((name) => number(name) ?? []); // rules for other machines are skipped
}

/** Two conditions on the same argument mean either of them, as runc reads it; libseccomp allows one per argument. */
function alternatives(conditions: readonly Condition[]): (readonly Condition[])[] {
  const different = new Set(conditions.map(({ index }) => index)).size === conditions.length;
  return different ? [conditions] : conditions.map((condition) => [condition]);
}

function conditionOf({ index, value, valueTwo = 0, op }: Argument): Condition {
  const comparison = 1 + COMPARISONS.indexOf(op); // the first value of enum scmp_compare is unused
  return { index, op: comparison, value: BigInt(value), second: comparison === MASKED_EQ ? BigInt(valueTwo) : 0n };
}

function applies({ includes = {}, excludes = {} }: Rule, capabilities: bigint): boolean {
  const has = (name: string) => CAPABILITIES.includes(name) && ((capabilities >> BigInt(CAPABILITIES.indexOf(name))) & 1n) === 1n;
  const here = process.arch === "arm64" ? "arm64" : "amd64";
  const isFor = ({ caps, arches, minKernel }: Filter) =>
    (!arches?.length || arches.includes(here)) && (caps ?? []).every(has) && (minKernel === undefined || isAtLeast(minKernel));
  const isAgainst = ({ caps, arches, minKernel }: Filter) =>
    arches?.includes(here) || caps?.some(has) || (minKernel !== undefined && isAtLeast(minKernel));
  return isFor(includes) && !isAgainst(excludes);
}

function isAtLeast(version: string): boolean {
  const parts = (text: string) => text.split(/[.-]/).slice(0, 2).map(Number);
  const [major = 0, minor = 0] = parts(uname().release);
  const [wantedMajor = 0, wantedMinor = 0] = parts(version);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}
