// Every system call goes through `sys`: it is traced as strace would print it, and a failure becomes a SyscallError.
import { errnoName, SyscallError } from "./errno.ts";
import { declare, errno } from "./libc.ts";
import { jsonText, printable } from "./printable.ts";

export type TraceMode = "off" | "text" | "json";

const getpid = declare("getpid");
const readlinkC = declare("readlink", "long");
const writeC = declare("write", "long");

/** Who makes the system calls, and where the lines about them go. */
interface Tracer {
  mode: TraceMode;
  tool: string;
  pid: number;
  /** A process that has given descriptor 2 to its program keeps the caller's under another number. */
  fd: number;
  /** The terminal is in raw mode: a line ends with a carriage return of its own. */
  raw: boolean;
  /** Where the system calls go instead; what else is said does not. */
  log: TraceLog | undefined;
}

interface TraceLog {
  readonly fd: number;
  /** A line of it, with its end. */
  readonly line: (text: string) => string;
}

/** That of this process, a forked child's its own copy. It is not passed along: each of the wrappers of a system call would have to. */
export const tracer: Tracer = { mode: "off", tool: "contain", pid: 0, fd: 2, raw: false, log: undefined };

/** Changes it. Returns what puts that back. */
export function setTracer(change: Partial<Omit<Tracer, "pid">>): () => void {
  const { mode, tool, fd, raw, log } = tracer;
  Object.assign(tracer, change);
  return () => void Object.assign(tracer, { mode, tool, fd, raw, log });
}

/** The PID as the host's /proc shows it, which is what a reader of a trace can look up; inside a new PID namespace getpid() is 1. */
export function learnPid(): void {
  const target = Buffer.allocUnsafeSlow(16);
  const length = readlinkC("/proc/self", target, target.length);
  tracer.pid = length > 0 ? Number(target.toString("latin1", 0, length)) : getpid();
}

/** Writes to standard error without the event loop, which must not be touched in a forked child. A closed pipe is no reason to stop. */
export function say(text: string): void {
  append(tracer.fd, tracer.raw ? text.replaceAll("\n", "\r\n") : text);
}

function append(fd: number, line: string): void {
  writeC(fd, line, Buffer.byteLength(line)); // EPIPE, EBADF, EAGAIN: nobody can be told
}

/** Prints one system call. `result` is undefined for a call that does not return when it succeeds (execve). */
export function trace(syscall: string, args: readonly string[], result?: number | string, code = 0): void {
  if (tracer.mode === "off") return;
  if (tracer.pid === 0) learnPid();
  const { tool, pid } = tracer;
  if (tracer.mode === "json") {
    const outcome = result === undefined ? {} : code ? { result: -1, errno: errnoName(code) } : { result };
    say(`${jsonText({ tool, pid, syscall, args, ...outcome })}\n`);
    return;
  }
  const tail = result === undefined ? "" : code ? ` = -1 ${errnoName(code)}` : ` = ${result}`;
  const text = printable(`[${tool} ${pid}] ${syscall}(${args.join(", ")})${tail}`);
  const { log } = tracer;
  if (log === undefined) say(`${text}\n`);
  else append(log.fd, log.line(text));
}

/**
 * What a system call answered that was made just now: -1 and errno is a failure.
 *
 * @param args the arguments as strace decodes them; asked for only when they are printed
 * @returns the result
 * @throws SyscallError
 */
export function sys(syscall: string, args: () => string[], result: number): number {
  const code = result === -1 ? errno() : 0;
  if (tracer.mode !== "off") trace(syscall, args(), result, code);
  if (code) throw new SyscallError(syscall, args(), code);
  return result;
}

/** A string as strace quotes it; null is NULL. */
export function quote(text: string | null): string {
  return text === null ? "NULL" : jsonText(text);
}

/** A word as a shell reads it back, for messages and scripts. */
export function shellQuote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** A bit set as strace prints it: `CLONE_NEWPID|CLONE_NEWUTS`, the rest in hex, 0 for none. */
export function flags(table: Readonly<Record<string, number>>, bits: number): string {
  const known = Object.entries(table).filter(([, bit]) => bit !== 0 && (bits & bit) === bit);
  const left = known.reduce((rest, [, bit]) => rest & ~bit, bits) >>> 0;
  const names = known.map(([name]) => name);
  if (left !== 0 || names.length === 0) names.push(left === 0 ? "0" : `0x${left.toString(16)}`);
  return names.join("|");
}
