// Dispositions: what a signal does to this process (rt_sigaction(2)).
import { declareSyscall, SYS } from "../ffi/libc.ts";
import { trace, tracer } from "../ffi/trace.ts";
import {
  ALL_SIGNALS,
  hasSignal,
  NSIG,
  SIGKILL,
  SIGPIPE,
  SIGSTOP,
  SIGSYNCCALL,
  SIGXFSZ,
  type SignalSet,
  setNames,
  setSignalMask,
  signalsOf,
} from "./signal.ts";

export const SIG_DFL = 0;
export const SIG_IGN = 1;
const sigactionC = declareSyscall(SYS.rt_sigaction);
const byDefault = new Uint8Array(32); // struct kernel_sigaction, zeroed: SIG_DFL, no flags, empty mask
const ignoring = new Uint8Array(32);
ignoring[0] = SIG_IGN;

/** rt_sigaction(2): sets a signal to its default action, or ignores it. SIGKILL and SIGSTOP are left alone. */
export function setDisposition(signal: number, action: typeof SIG_DFL | typeof SIG_IGN): void {
  if (signal === SIGKILL || signal === SIGSTOP) return;
  sigactionC(signal, action === SIG_DFL ? byDefault : ignoring, null, 8);
  if (action === SIG_IGN) ignoredHere.add(signal);
  else ignoredHere.delete(signal);
}

/** The signals that this process ignores: those that a runtime ignores, musl's own, and those that the caller ignored. */
const ignoredHere = new Set<number>([SIGPIPE, SIGXFSZ, SIGSYNCCALL]);

/** Notes which signals the caller ignored. */
export function noteIgnored(set: SignalSet): void {
  for (const signal of signalsOf(set)) ignoredHere.add(signal);
}

/**
 * Default action for every signal except `ignored` and those that our own writes may raise: see `resetWriteSignals`.
 *
 * @param hasHandlers false if CLONE_CLEAR_SIGHAND (clone(2)) has removed the runtime's handlers: then only ignored signals are left to
 * reset
 */
export function resetDispositions(ignored: SignalSet, hasHandlers: boolean): void {
  resetDispositionsSilently(ignored, hasHandlers);
  if (tracer.mode !== "off") trace("rt_sigaction", ["all signals", `SIG_DFL but ${setNames(ignored)} SIG_IGN`], 0);
}

/** resetDispositions without a trace line, for a child that has just been forked. */
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
 * Ignores SIGPIPE and SIGXFSZ, and drops those that our own writes left pending: a blocked signal is queued even while it is ignored, and
 * setting it to ignored again drops it (POSIX, "Signal Actions").
 * be ignored, and to ignore it anew drops it (POSIX, "Signal Actions").
 */
export function ignoreWriteSignals(): void {
  for (const signal of WRITE_SIGNALS) setDisposition(signal, SIG_IGN);
}

/** The rest of `resetDispositions`, once there is nothing more to print. */
export function resetWriteSignals(ignored: SignalSet): void {
  ignoreWriteSignals();
  for (const signal of WRITE_SIGNALS) if (!hasSignal(ignored, signal)) setDisposition(signal, SIG_DFL);
}

/** Default action, and only this signal is unblocked: others may be pending, and would be delivered first. */
export function setDispositionAndUnblock(signal: number): void {
  const mask = Uint8Array.from(ALL_SIGNALS);
  const index = (signal - 1) >> 3;
  mask[index] = (mask[index] ?? 0) & ~(1 << ((signal - 1) & 7));
  setDisposition(signal, SIG_DFL);
  setSignalMask(mask);
}
