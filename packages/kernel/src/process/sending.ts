// Sending signals: kill(2), pidfd_send_signal(2).
import { SyscallError } from "../ffi/errno.ts";
import { declare, declareSyscall, errno, SYS } from "../ffi/libc.ts";
import { trace, tracer } from "../ffi/trace.ts";
import { signalName } from "./signal.ts";
import { getpidC, SI_QUEUE } from "./signalqueue.ts";

const killC = declare("kill");

/** kill(2). False if nothing was sent: the process has ended (ESRCH), or we may not signal it (EPERM). */
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
 * pidfd_send_signal(2): false if the process has ended.
 *
 * @param value an int sent along, as by sigqueue(3)
 * @throws SyscallError EPERM; EAGAIN if too many are queued
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
export function queued(signal: number, value: number): Uint8Array {
  return new Uint8Array(Int32Array.from({ ...[signal, 0, SI_QUEUE, 0, getpidC(), getuidC(), value], length: 32 }).buffer);
}
