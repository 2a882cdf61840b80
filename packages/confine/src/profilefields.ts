// The single values of a seccomp profile, and what each may be.
import { CAPABILITIES, errnoMeaning, UsageError } from "@contain-tools/kernel";
import { oneOf, type Read, text } from "./json.ts";

export const COMPARISONS: readonly string[] = [
  "SCMP_CMP_NE",
  "SCMP_CMP_LT",
  "SCMP_CMP_LE",
  "SCMP_CMP_EQ",
  "SCMP_CMP_GE",
  "SCMP_CMP_GT",
  "SCMP_CMP_MASKED_EQ",
];
const ACTIONS = "ALLOW ERRNO KILL KILL_PROCESS KILL_THREAD LOG NOTIFY TRACE TRAP";
const FLAGS = "TSYNC LOG SPEC_ALLOW WAIT_KILLABLE_RECV";
const MACHINES =
  "X86 X86_64 X32 ARM AARCH64 LOONGARCH64 M68K MIPS MIPS64 MIPS64N32 MIPSEL MIPSEL64 MIPSEL64N32 PARISC PARISC64 PPC PPC64 PPC64LE " +
  "RISCV64 S390 S390X SH SHEB";
const words = (prefix: string, names: string) => names.split(" ").map((name) => `${prefix}${name}`);
const MAX_ERRNO = 4095; // the errnos that a system call can return (include/linux/err.h)

export const action: Read<string> = (value, where) => oneOf(words("SCMP_ACT_", ACTIONS), "action")(value, where);
export const flag: Read<string> = (value, where) => oneOf(words("SECCOMP_FILTER_FLAG_", FLAGS), "flag")(value, where);
export const machine: Read<string> = (value, where) => oneOf(words("SCMP_ARCH_", MACHINES), "architecture")(value, where);

export function capability(value: unknown, where: string): string {
  const name = text(value, where);
  if (name.startsWith("CAP_")) return name; // an unknown one is newer than this program, so nobody has it
  const meant = CAPABILITIES.find((known) => known === `CAP_${name.toUpperCase()}`);
  throw new UsageError(`${where}: ${JSON.stringify(name)} is not a capability`, meant && `did you mean ${meant}?`);
}

export function version(value: unknown, where: string): string {
  const word = text(value, where);
  if (word === "" || /^\d{1,3}\.\d{1,3}$/.test(word)) return word;
  throw new UsageError(`${where}: ${JSON.stringify(word)} is not a kernel version`, 'two numbers, as in "4.8"');
}

export function position(value: unknown, where: string): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 5) return value;
  throw new UsageError(`${where}: must be a number from 0 to 5`);
}

export function errnoNumber(value: unknown, where: string): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= MAX_ERRNO) return value;
  throw new UsageError(`${where}: ${JSON.stringify(value)} is not an errno`, `a number from 0 to ${MAX_ERRNO}`);
}

/** podman's way: `"errno": "ENOSYS"`. */
export function errnoWord(value: unknown, where: string): number {
  const number = typeof value === "string" && value.startsWith("E") ? errnoMeaning(value)?.number : undefined;
  if (number === undefined) throw new UsageError(`${where}: ${JSON.stringify(value)} is not an errno`, "a name of errno(3)");
  return number;
}

export function wholeNumber(value: unknown, where: string): number | bigint {
  const large = typeof value === "string" && /^#\d+$/.test(value) ? BigInt(value.slice(1)) : undefined; // by keepLargeNumbers
  if (large !== undefined && large < 1n << 64n) return large;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new UsageError(`${where}: ${large ?? JSON.stringify(value)} is not a whole number below 2^64`);
}

export const comparison = oneOf(COMPARISONS, "comparison");
