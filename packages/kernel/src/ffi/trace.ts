// Every system call goes through `sys`, which traces it as strace would, and turns a failure into a SyscallError.
import { errnoName, SyscallError } from "./errno.ts";
import { declare, errno } from "./libc.ts";
import { jsonText, printable } from "./printable.ts";

export type TraceMode = "off" | "text" | "json";

const getpid = declare("getpid");
const readlinkC = declare("readlink", "long");
const writeC = declare("write", "long");

/** The name and PID shown with system calls, and where trace lines go. */
interface Tracer {
  mode: TraceMode;
  tool: string;
  pid: number;
  /** The descriptor of the caller's standard error: a process that has given descriptor 2 to its program keeps it under another number. */
  fd: number;
  /** The terminal is in raw mode, so a line needs a carriage return. */
  raw: boolean;
  /** Where system calls are written instead of standard error; other messages are not. */
  log: TraceLog | undefined;
}

interface TraceLog {
  readonly fd: number;
  /** The log line for a text, with its newline. */
  readonly line: (text: string) => string;
}

/**
 * The tracer of this process; a forked child has its own copy. It is global because every wrapper of a system call would have to pass it
 * on.
 */
export const tracer: Tracer = { mode: "off", tool: "contain", pid: 0, fd: 2, raw: false, log: undefined };

/** Changes it. Returns a function that restores it. */
export function setTracer(change: Partial<Omit<Tracer, "pid">>): () => void {
  const { mode, tool, fd, raw, log } = tracer;
  Object.assign(tracer, change);
  return () => void Object.assign(tracer, { mode, tool, fd, raw, log });
}

/** The PID that the host's /proc shows, so that a reader of a trace can look it up; inside a new PID namespace getpid() is 1. */
export function learnPid(): void {
  const target = Buffer.allocUnsafeSlow(16);
  const length = readlinkC("/proc/self", target, target.length);
  tracer.pid = length > 0 ? Number(target.toString("latin1", 0, length)) : getpid();
}

/** Writes to standard error without the event loop, which a forked child must not touch. A closed pipe is ignored. */
export function say(text: string): void {
  append(tracer.fd, tracer.raw ? text.replaceAll("\n", "\r\n") : text);
}

function append(fd: number, line: string): void {
  writeC(fd, line, Buffer.byteLength(line)); // EPIPE, EBADF, EAGAIN: there is nobody to tell
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
 * Checks the result of the system call just made: -1 and errno is a failure.
 *
 * @param args the arguments as strace decodes them; called only when they are printed
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

/** A word quoted for a shell, for messages and scripts. */
export function shellQuote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** A bit set as strace prints it: `CLONE_NEWPID|CLONE_NEWUTS`, unknown bits in hex, 0 for none. */
export function flags(table: Readonly<Record<string, number>>, bits: number): string {
  const known = Object.entries(table).filter(([, bit]) => bit !== 0 && (bits & bit) === bit);
  const left = known.reduce((rest, [, bit]) => rest & ~bit, bits) >>> 0;
  const names = known.map(([name]) => name);
  if (left !== 0 || names.length === 0) names.push(left === 0 ? "0" : `0x${left.toString(16)}`);
  return names.join("|");
}
