// A runtime has helper threads, and nothing outside can set their signal masks: a SIGTERM sent to the process may go to one of them and
// kill us, instead of waiting for our sigtimedwait(2). So each helper is sent into a signal handler that never returns (pause(2)), with
// every signal blocked in it (sa_mask, sigaction(2)). With the flags that `prepareFork` requires, V8 gives these threads nothing to do.

import { isNative } from "../ffi/koffi.ts";
import { declare, koffi } from "../ffi/libc.ts";
import { readdir, readlink } from "../file/directory.ts";
import { readIfThere } from "../file/open.ts";
import { ownNumber } from "../proc/ownproc.ts";
import { statusField } from "../proc/proc.ts";
import { pollOnce } from "./poll.ts";
import { getpid } from "./process.ts";
import { ALL_SIGNALS, hasSignal, NSIG, parseSignalMask, SIGKILL, SIGSTOP, setSignalMask } from "./signal.ts";

const sigactionC = declare("sigaction");
const tgkillC = declare("tgkill");
let parked = false;

/** True in a process that `clone3` made: it has one thread. */
export let forked = false;

export function noteForked(): void {
  forked = true;
}

/** Parks every thread but the calling one and blocks all signals, so that `waitForSignal` gets every signal sent to the process. */
export function takeAllSignals(): void {
  setSignalMask(ALL_SIGNALS);
  if (parked || forked) return;
  parked = true;
  for (const tid of otherThreads()) {
    if (isNative) awaitIdle(tid);
    park(tid);
  }
}

/** Numbered as in /proc, which may belong to another PID namespace (ownproc.ts). */
function otherThreads(): string[] {
  const tids = readdir("/proc/self/task");
  if (tids.length === 1) return [];
  const own = readlink("/proc/self");
  return tids.filter((tid) => tid !== own);
}

/** Waits until the native program's allocator thread is idle: a forked child would wait for ever for a lock that it held. */
export function awaitIdleThreads(): void {
  if (isNative) for (const tid of otherThreads()) awaitIdle(tid);
}

function awaitIdle(tid: string): void {
  for (let tries = 0; tries < 1000 && isBusy(tid); tries++) pollOnce(-1, 0, 1);
}

/**
 * An idle thread waits in futex(2), which /proc/PID/task/TID/syscall shows: the call's number, then its arguments (proc_pid_syscall(5)).
 */
function isBusy(tid: string): boolean {
  const call = readIfThere(`/proc/self/task/${tid}/syscall`);
  if (call === undefined) return false; // it has ended, or this kernel does not show it
  const [, , operation] = call.split(" ");
  return operation === undefined || ![FUTEX_WAIT, FUTEX_WAIT_BITSET].includes(Number(operation) & 0x7f);
}

const FUTEX_WAIT = 0;
const FUTEX_WAIT_BITSET = 9;

function park(tid: string): void {
  const status = readIfThere(`/proc/self/task/${tid}/status`);
  const signal = highestUnblocked(status); // an allocator's thread blocks most of them already
  if (status === undefined || signal === undefined) return;
  const action = Buffer.alloc(152); // struct sigaction of glibc and musl: handler, 128 bytes of mask, flags, restorer
  action.writeBigUInt64LE(BigInt(koffi.load(null).symbol("pause") as bigint), 0);
  action.fill(0xff, 8, 136);
  const old = Buffer.alloc(action.length);
  sigactionC(signal, action, old);
  tgkillC(getpid(), ownNumber(status) ?? Number(tid), signal);
  const isOpen = () => highestUnblocked(readIfThere(`/proc/self/task/${tid}/status`)) !== undefined;
  for (let tries = 0; tries < 1000 && isOpen(); tries++) pollOnce(-1, 0, tries < 20 ? 0 : 1);
  sigactionC(signal, old, null);
}

/** A signal that the thread does not block; undefined if it blocks all, or has ended. */
function highestUnblocked(status: string | undefined): number | undefined {
  if (status === undefined) return undefined;
  const blocked = parseSignalMask(statusField(status, "SigBlk") ?? "0");
  let signal = NSIG;
  while (signal > 0 && (hasSignal(blocked, signal) || NEVER_BLOCKED.includes(signal))) signal--;
  return signal === 0 ? undefined : signal;
}

/** SIGKILL and SIGSTOP cannot be blocked; libc keeps 32 and 33 unblocked for itself. */
const NEVER_BLOCKED = [SIGKILL, SIGSTOP, 32, 33];

let steps = 0;

/**
 * Called at each turn of an endless loop in a forked child: JavaScriptCore collects only after some megabytes of garbage, which is more
 * than all that an init uses. V8's young generation is small, and stays so.
 */
export function keepSmall(): void {
  if (isNative && ++steps % 1024 === 0) (globalThis as { Bun?: { gc(now: boolean): void } }).Bun?.gc(true);
}
