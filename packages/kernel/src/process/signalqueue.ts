// Signals taken from the queue one by one (sigtimedwait(2)).
import { declare, declareSyscall, errno, SYS } from "../ffi/libc.ts";
import { trace, tracer } from "../ffi/trace.ts";
import { SIGPIPE, SIGXFSZ, type SignalSet, setNames, signalName } from "./signal.ts";

/** si_code of a signal from the kernel itself: a key on the terminal, a hangup (sigaction(2)). */
export const SI_KERNEL = 0x80;
const SI_USER = 0;

/** si_code of a signal that was sent with sigqueue(3). */
export const SI_QUEUE = -1;

/** One signal taken from the queue; the object is reused for the next one. */
export interface SignalInfo {
  signal: number;
  code: number;
  /** The sender; 0 for the kernel or a process outside this PID namespace. */
  pid: number;
  /** The value that sigqueue(3) sent along, if the code is SI_QUEUE. */
  value: number;
}

const infoBytes = new Uint8Array(128);
const infoWords = new Int32Array(infoBytes.buffer);
const timeoutBytes = new Uint8Array(16);
const timeoutView = new DataView(timeoutBytes.buffer);
const info: SignalInfo = { signal: 0, code: 0, pid: 0, value: 0 };
export const getpidC = declare("getpid");
const sigtimedwaitC = declareSyscall(SYS.rt_sigtimedwait);

/**
 * rt_sigtimedwait(2): takes a pending signal of `set`, which must be blocked.
 *
 * @param milliseconds the timeout; undefined waits for ever
 * @returns undefined after the timeout; the object is reused by the next call
 */
export function waitForSignal(set: SignalSet, milliseconds?: number): SignalInfo | undefined {
  if (milliseconds !== undefined) {
    const whole = Math.min(Math.max(0, Math.ceil(milliseconds)), 0x7fffffff);
    timeoutView.setInt32(0, Math.floor(whole / 1000), true);
    timeoutView.setInt32(8, (whole % 1000) * 1_000_000, true);
  }
  let signal = sigtimedwaitC(set, infoBytes, milliseconds === undefined ? null : timeoutBytes, 8);
  // From our own write to a closed pipe: a blocked signal is queued even if it is ignored (signal(7)). Nobody sent it.
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
