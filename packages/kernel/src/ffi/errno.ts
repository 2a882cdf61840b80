// The errors this project throws: a system call that failed, a command line that is wrong, a program that cannot be run.
import { ERRNO, strerror } from "./libc.ts";
import { ruleFor } from "./rules.ts";

/** Second names of the same number, which errno(3) lists too; messages and comparisons are by the first. */
const SECOND = new Set(["EWOULDBLOCK", "ENOTSUP", "EDEADLOCK"]);

/** The name of an errno number: 1 is "EPERM". */
export function errnoName(number: number): string {
  return nameOf(number) ?? `errno ${number}`;
}

function nameOf(number: number): string | undefined {
  let name = known.get(number);
  if (name !== undefined) return name;
  name = Object.keys(ERRNO).find((candidate) => ERRNO[candidate] === number && !SECOND.has(candidate));
  if (name !== undefined) known.set(number, name);
  return name;
}

/** Names looked up before: most errors are ENOENT, again and again. */
const known = new Map([[2, "ENOENT"]]);

/** The number, name and meaning of an errno (errno(3)), given as a name or in digits; undefined if there is no such errno. */
export function errnoMeaning(word: string): { readonly code: string; readonly number: number; readonly text: string } | undefined {
  const number = ERRNO[word.toUpperCase()] ?? (nameOf(Number(word)) === undefined ? undefined : Number(word));
  return number === undefined
    ? undefined
    : { code: /^\d/.test(word) ? errnoName(number) : word.toUpperCase(), number, text: strerror(number) };
}

/** A message for a person: one line with the fault and, where known, a second with the rule and the fix. */
export class ToolError extends Error {
  readonly hint: string | undefined;
  readonly status: number;

  constructor(message: string, hint?: string, status = 125, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.hint = hint;
    this.status = status;
  }
}

/** The command line is wrong. Nothing has been changed yet. */
export class UsageError extends ToolError {}

/** One fact: where it was read, its value, and the rule that gives it its meaning. */
export interface Fact {
  readonly source: string;
  /** undefined if it could not be read; `problem` then says why. */
  readonly value: string | undefined;
  readonly problem?: string;
  readonly rule: string;
}

/** Why the kernel would not execute a file. */
export interface Diagnosis {
  /** A stable name: `exec-no-loader`. */
  readonly code: string;
  /** In words; undefined if the errno says it all. */
  readonly text: string | undefined;
  /** False when what was found does not explain the errno. */
  readonly certain: boolean;
  readonly facts: readonly Fact[];
}

/** PROG cannot be executed: status 127 if it was not found, 126 if it was found but cannot be executed. */
export class ExecError extends ToolError {
  readonly diagnosis: Diagnosis;

  constructor(message: string, hint: string | undefined, status: 126 | 127, diagnosis: Diagnosis, options?: ErrorOptions) {
    super(message, hint, status, options);
    this.diagnosis = diagnosis;
  }
}

/** A system call failed. `args` are decoded as strace does; `code` is the name of `errno`. */
export class SyscallError extends ToolError {
  readonly syscall: string;
  readonly args: readonly string[];
  readonly code: string;
  /** The number, as in errno(3): 1 for EPERM. */
  readonly errno: number;

  constructor(syscall: string, args: readonly string[], errno: number, hint?: string) {
    const code = errnoName(errno);
    super(`${syscall}(${args.join(", ")}): ${code} (${strerror(errno)})`, hint ?? ruleFor(syscall, code, args));
    this.syscall = syscall;
    this.args = args;
    this.code = code;
    this.errno = errno;
  }
}

/** True when `error` is the failure of a system call with one of these errno names. */
export function failedWith(error: unknown, ...codes: string[]): error is SyscallError {
  return error instanceof SyscallError && codes.includes(error.code);
}

/** The errno name of an error thrown by node:fs, or of one of ours. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
