// Signals: names, masks, dispositions, and waiting for them without a handler. Masks are kept as eight bytes, signal N at bit N-1,
// because the init's loop must not make garbage: a BigInt per signal would be a page of private memory after a while.
import { SyscallError, UsageError } from "../ffi/errno.ts";
import { declare, declareSyscall, errno, SYS } from "../ffi/libc.ts";
import { quote, sys, trace, tracer } from "../ffi/trace.ts";

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
export const SIGXFSZ = 25;
export const SIGWINCH = 28;
/** musl's own: its setrlimit(3), which Bun has called, leaves it ignored. glibc's SIGRTMIN, which a caller may ignore. */
export const SIGSYNCCALL = 34;
/** The highest signal number, SIGRTMAX. */
export const NSIG = 64;

const RTMIN = 34; // glibc's and musl's SIGRTMIN: the kernel's 32 and 33 belong to their threads
/** Signal N at N-1, as x86 and arm64 number them (signal(7)). */
const NAMES =
  "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS".split(
    " ",
  );
/** The names that signal(7) has besides. */
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
  const name = text.toUpperCase().replace(/^SIG/, "");
  const realTime = /^RT(MIN|MAX)([+-]\d+)?$/.exec(name);
  let number = NAMES.indexOf(SYNONYMS[name] ?? name) + 1;
  if (/^\d+$/.test(name)) number = Number(name);
  else if (realTime) number = (realTime[1] === "MIN" ? RTMIN : NSIG) + Number(realTime[2] ?? 0);
  if (number < 1 || number > NSIG) {
    throw new UsageError(
      `${quote(text)} is not a signal`,
      "a name (TERM, SIGTERM, RTMIN+1) or a number from 1 to 64; `kill -l` lists them",
    );
  }
  return number;
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

function setNames(set: SignalSet): string {
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
  sys(
    "rt_sigprocmask",
    () => ["SIG_SETMASK", setNames(set), setNames(old), "8"],
    () => sigprocmaskC(SIG_SETMASK, set, old, 8),
  );
  return old;
}

/** setSignalMask without a trace line, for the few instructions around clone3. */
export function setSignalMaskSilently(set: SignalSet, old: SignalSet): void {
  sigprocmaskC(SIG_SETMASK, set, old, 8);
}

export const SIG_DFL = 0;
export const SIG_IGN = 1;
const sigactionC = declareSyscall(SYS.rt_sigaction);
const byDefault = new Uint8Array(32); // struct kernel_sigaction, zeroed: SIG_DFL, no flags, empty mask
const ignoring = new Uint8Array(32);
ignoring[0] = SIG_IGN;

/** rt_sigaction(2): puts a signal back to its default action, or ignores it. SIGKILL and SIGSTOP are left alone. */
export function setDisposition(signal: number, action: typeof SIG_DFL | typeof SIG_IGN): void {
  if (signal === SIGKILL || signal === SIGSTOP) return;
  sigactionC(signal, action === SIG_DFL ? byDefault : ignoring, null, 8);
  if (action === SIG_IGN) ignoredHere.add(signal);
  else ignoredHere.delete(signal);
}

/** What this process ignores: at the start what a runtime ignores by itself, and musl for it, and what the caller ignored. */
const ignoredHere = new Set<number>([SIGPIPE, SIGXFSZ, SIGSYNCCALL]);

/** Tells which signals the caller ignored. */
export function noteIgnored(set: SignalSet): void {
  for (const signal of signalsOf(set)) ignoredHere.add(signal);
}

/**
 * Default action for every signal but `ignored`, and but for those that a write of ours may raise: see `resetWriteSignals`.
 *
 * @param hasHandlers false where CLONE_CLEAR_SIGHAND (clone(2)) has taken the runtime's away: then only what is ignored differs
 */
export function resetDispositions(ignored: SignalSet, hasHandlers: boolean): void {
  resetDispositionsSilently(ignored, hasHandlers);
  if (tracer.mode !== "off") trace("rt_sigaction", ["all signals", `SIG_DFL but ${setNames(ignored)} SIG_IGN`], 0);
}

/** resetDispositions without a trace line, for a child that has just been made. */
export function resetDispositionsSilently(ignored: SignalSet, hasHandlers: boolean): void {
  ignoreWriteSignals();
  for (let signal = 1; signal <= NSIG; signal++) {
    if (WRITE_SIGNALS.includes(signal)) continue;
    if (hasSignal(ignored, signal)) setDisposition(signal, SIG_IGN);
    else if (hasHandlers || ignoredHere.has(signal)) setDisposition(signal, SIG_DFL);
  }
}

const WRITE_SIGNALS: readonly number[] = [SIGPIPE, SIGXFSZ];

/**
 * Lets a closed pipe be no reason to end. What our own writes have left pending is dropped: a blocked signal is queued though it
 * be ignored, and to ignore it anew drops it (POSIX, "Signal Actions").
 */
export function ignoreWriteSignals(): void {
  for (const signal of WRITE_SIGNALS) setDisposition(signal, SIG_IGN);
}

/** The rest of `resetDispositions`, for when there is nothing more to say. */
export function resetWriteSignals(ignored: SignalSet): void {
  ignoreWriteSignals();
  for (const signal of WRITE_SIGNALS) if (!hasSignal(ignored, signal)) setDisposition(signal, SIG_DFL);
}

/** si_code of a signal that the kernel made itself: a key on the terminal, a hangup (sigaction(2)). */
export const SI_KERNEL = 0x80;
const SI_USER = 0;

/** si_code of a signal that was sent with sigqueue(3). */
export const SI_QUEUE = -1;

/** One signal taken from the queue; the same object is filled in again and again. */
export interface SignalInfo {
  signal: number;
  code: number;
  /** The sender, 0 for the kernel or a process outside this PID namespace. */
  pid: number;
  /** What sigqueue(3) sent along, when the code is SI_QUEUE. */
  value: number;
}

const infoBytes = new Uint8Array(128);
const infoWords = new Int32Array(infoBytes.buffer);
const timeoutBytes = new Uint8Array(16);
const timeoutView = new DataView(timeoutBytes.buffer);
const info: SignalInfo = { signal: 0, code: 0, pid: 0, value: 0 };
const getpidC = declare("getpid");
const sigtimedwaitC = declareSyscall(SYS.rt_sigtimedwait);

/**
 * rt_sigtimedwait(2): takes a pending signal of `set`, which must be blocked.
 *
 * @param milliseconds how long to wait; undefined waits for ever
 * @returns undefined when the time is up; the object is reused by the next call
 */
export function waitForSignal(set: SignalSet, milliseconds?: number): SignalInfo | undefined {
  if (milliseconds !== undefined) {
    const whole = Math.min(Math.max(0, Math.ceil(milliseconds)), 0x7fffffff);
    timeoutView.setInt32(0, Math.floor(whole / 1000), true);
    timeoutView.setInt32(8, (whole % 1000) * 1_000_000, true);
  }
  let signal = sigtimedwaitC(set, infoBytes, milliseconds === undefined ? null : timeoutBytes, 8);
  // Our own write to a closed pipe: a signal that is blocked is queued although it is ignored (signal(7)). Nobody sent it.
  while ((signal === SIGPIPE || signal === SIGXFSZ) && infoWords[2] === SI_USER && infoWords[4] === getpidC()) {
    signal = sigtimedwaitC(set, infoBytes, milliseconds === undefined ? null : timeoutBytes, 8);
  }
  if (signal === -1) {
    const code = errno();
    if (code === 4 || code === 11) return code === 11 ? undefined : waitForSignal(set, milliseconds); // EINTR, EAGAIN
    return undefined;
  }
  info.signal = signal;
  info.code = infoWords[2] ?? 0;
  info.pid = infoWords[4] ?? 0;
  info.value = infoWords[6] ?? 0;
  if (tracer.mode !== "off") trace("rt_sigtimedwait", [setNames(set), `{si_pid=${info.pid}}`, "NULL", "8"], signalName(signal));
  return info;
}

const killC = declare("kill");

/** kill(2). False when nothing was sent: the process is gone (ESRCH), or is not ours to signal (EPERM). */
export function kill(pid: number, signal: number): boolean {
  const result = killC(pid, signal);
  const code = result === -1 ? errno() : 0;
  if (tracer.mode !== "off") trace("kill", [`${pid}`, signalName(signal)], result, code);
  return result === 0;
}

const ESRCH = 3;

/** True while our PID namespace has such a process, or a zombie: kill(2) with signal 0. */
export function processExists(pid: number): boolean {
  return killC(pid, 0) === 0 || errno() !== ESRCH;
}

const pidfdSendSignalC = declareSyscall(SYS.pidfd_send_signal);

/**
 * pidfd_send_signal(2): false when the process has ended.
 *
 * @param value an int that goes along, as by sigqueue(3)
 * @throws SyscallError EPERM; EAGAIN when too many are queued
 */
export function pidfdSendSignal(pidfd: number, signal: number, value?: number): boolean {
  const result = pidfdSendSignalC(pidfd, signal, value === undefined ? null : queued(signal, value), 0);
  const code = result === -1 ? errno() : 0;
  const args = [`${pidfd}`, signalName(signal), value === undefined ? "NULL" : `{si_code=SI_QUEUE, si_int=${value}}`, "0"];
  if (tracer.mode !== "off") trace("pidfd_send_signal", args, result, code);
  if (result === -1 && code !== ESRCH) throw new SyscallError("pidfd_send_signal", args, code);
  return result === 0;
}

const getuidC = declare("getuid");

/** siginfo_t as sigqueue(3) fills it in: si_signo, si_errno, si_code, then at 16 si_pid, si_uid, si_value. */
function queued(signal: number, value: number): Uint8Array {
  return new Uint8Array(Int32Array.from({ ...[signal, 0, SI_QUEUE, 0, getpidC(), getuidC(), value], length: 32 }).buffer);
}

/** Default action, and only this signal unblocked: others may be pending, and would be delivered first. */
export function setDispositionAndUnblock(signal: number): void {
  const mask = Uint8Array.from(ALL_SIGNALS);
  const index = (signal - 1) >> 3;
  mask[index] = (mask[index] ?? 0) & ~(1 << ((signal - 1) & 7));
  setDisposition(signal, SIG_DFL);
  setSignalMask(mask);
}

if (process.arch !== "x64" && process.arch !== "arm64")
  throw new UsageError(`the architecture ${process.arch} is not supported`, "x86-64 and arm64 are");
