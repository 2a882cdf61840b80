// Signals: names, masks, dispositions, and waiting without a handler. Masks are eight bytes, signal N at bit N-1: the init's loop must not
// make garbage, and a BigInt per signal would add up to a page of private memory.
import { UsageError } from "../ffi/errno.ts";
import { declareSyscall, SYS } from "../ffi/libc.ts";
import { quote, sys } from "../ffi/trace.ts";

export const SIGHUP = 1;
export const SIGINT = 2;
export const SIGQUIT = 3;
export const SIGKILL = 9;
export const SIGUSR1 = 10;
export const SIGPIPE = 13;
export const SIGTERM = 15;
export const SIGCHLD = 17;
export const SIGCONT = 18;
export const SIGSTOP = 19;
export const SIGTSTP = 20;
export const SIGTTIN = 21;
export const SIGTTOU = 22;
const SIGURG = 23;
export const SIGXFSZ = 25;
export const SIGWINCH = 28;
/** musl's own signal, which its setrlimit(3) leaves ignored (Bun has called it). On glibc it is SIGRTMIN, which a caller may ignore. */
export const SIGSYNCCALL = 34;
/** The highest signal number, SIGRTMAX. */
export const NSIG = 64;

const RTMIN = 34; // glibc's and musl's SIGRTMIN: the kernel's 32 and 33 belong to their threads
/** Signal N at N-1, as x86 and arm64 number them (signal(7)). */
const NAMES =
  "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS".split(
    " ",
  );
/** Other names that signal(7) has. */
const SYNONYMS: Readonly<Record<string, string>> = { IOT: "ABRT", CLD: "CHLD", POLL: "IO" };

/** "SIGTERM" for 15, "SIGRTMIN+2" for 36. */
export function signalName(number: number): string {
  const name = NAMES[number - 1];
  if (name !== undefined) return `SIG${name}`;
  return number >= RTMIN && number <= NSIG ? `SIGRTMIN${number === RTMIN ? "" : `+${number - RTMIN}`}` : `signal ${number}`;
}

/**
 * Reads a signal as kill(1) does: TERM, SIGTERM, 15, RTMIN+2, RTMAX-1.
 *
 * @throws UsageError
 */
export function parseSignal(text: string): number {
  const number = signalNumber(text);
  if (number !== undefined) return number;
  throw new UsageError(`${quote(text)} is not a signal`, "a name (TERM, SIGTERM, RTMIN+1) or a number from 1 to 64; `kill -l` lists them");
}

/** The same; undefined for a word that is not a signal. */
export function signalNumber(text: string): number | undefined {
  const name = text.toUpperCase().replace(/^SIG/, "");
  const realTime = /^RT(MIN|MAX)([+-]\d+)?$/.exec(name);
  let number = NAMES.indexOf(SYNONYMS[name] ?? name) + 1;
  if (/^\d+$/.test(name)) number = Number(name);
  else if (realTime) number = (realTime[1] === "MIN" ? RTMIN : NSIG) + Number(realTime[2] ?? 0);
  return number < 1 || number > NSIG ? undefined : number;
}

/** False for a signal that by default is ignored, stops or continues (signal(7)). */
export function endsByDefault(signal: number): boolean {
  return ![SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGWINCH].includes(signal);
}

export type SignalSet = Uint8Array;

/** The number in /proc/PID/syscall of a thread that waits in sigtimedwait(2). */
export const NR_SIGTIMEDWAIT = SYS.rt_sigtimedwait;

/** The signals of a set, in order. */
export function signalsOf(set: SignalSet): number[] {
  const signals: number[] = [];
  for (let signal = 1; signal <= NSIG; signal++) if (hasSignal(set, signal)) signals.push(signal);
  return signals;
}

/** A set of the given signals. */
export function signalSet(signals: Iterable<number> = []): SignalSet {
  const set = new Uint8Array(8);
  for (const signal of signals) addSignal(set, signal);
  return set;
}

export function addSignal(set: SignalSet, signal: number): void {
  const index = (signal - 1) >> 3;
  set[index] = (set[index] ?? 0) | (1 << ((signal - 1) & 7));
}

export function removeSignal(set: SignalSet, signal: number): void {
  const index = (signal - 1) >> 3;
  set[index] = (set[index] ?? 0) & ~(1 << ((signal - 1) & 7));
}

export function hasSignal(set: SignalSet, signal: number): boolean {
  return ((set[(signal - 1) >> 3] ?? 0) & (1 << ((signal - 1) & 7))) !== 0;
}

/** Reads a mask as /proc/PID/status prints it: 16 hexadecimal digits, signal 1 in the lowest bit. */
export function parseSignalMask(hex: string): SignalSet {
  const set = new Uint8Array(8);
  new DataView(set.buffer).setBigUint64(0, BigInt(`0x${hex}`), true);
  return set;
}

export const ALL_SIGNALS: SignalSet = new Uint8Array(8).fill(0xff);

export function setNames(set: SignalSet): string {
  const names = signalsOf(set);
  if (names.length > 32) {
    const missing = signalsOf(set.map((byte) => ~byte));
    return `~[${missing.map((s) => signalName(s).slice(3)).join(" ")}]`;
  }
  return `[${names.map((s) => signalName(s).slice(3)).join(" ")}]`;
}

const SIG_SETMASK = 2;
const sigprocmaskC = declareSyscall(SYS.rt_sigprocmask);

/** rt_sigprocmask(2) SIG_SETMASK for the calling thread; the raw call, since libc keeps signals 32 and 33 to itself. Returns the old mask. */
export function setSignalMask(set: SignalSet): SignalSet {
  const old = new Uint8Array(8);
  sys("rt_sigprocmask", () => ["SIG_SETMASK", setNames(set), setNames(old), "8"], sigprocmaskC(SIG_SETMASK, set, old, 8));
  return old;
}

/** setSignalMask without a trace line, for the few instructions around clone3. */
export function setSignalMaskSilently(set: SignalSet, old: SignalSet): void {
  sigprocmaskC(SIG_SETMASK, set, old, 8);
}

if (process.arch !== "x64" && process.arch !== "arm64")
  throw new UsageError(`the architecture ${process.arch} is not supported`, "x86-64 and arm64 are");
