// A runtime has helper threads whose signal masks nobody can set from outside: a SIGTERM sent to the process may be delivered to
// one of them and kill us, instead of waiting for our sigtimedwait(2). So each helper is sent into a signal handler that never
// returns, pause(2), with every signal blocked meanwhile (sa_mask, sigaction(2)). With the flags that `prepareFork` insists on,
// V8 gives these threads nothing to do.
import { readdirSync } from "node:fs";
import { readIfThere } from "./file.ts";
import { forked } from "./fork.ts";
import { declare, koffi } from "./libc.ts";
import { pollOnce } from "./poll.ts";
import { statusField } from "./proc.ts";
import { getpid } from "./process.ts";
import { ALL_SIGNALS, NSIG, parseSignalMask, setSignalMask } from "./signal.ts";

const sigactionC = declare("sigaction", "int", ["int", "void *", "void *"]);
const tgkillC = declare("tgkill", "int", ["int", "int", "int"]);
let parked = false;

/** Parks every thread but the calling one and blocks all signals, so that `waitForSignal` gets every signal sent to the process. */
export function takeAllSignals(): void {
  setSignalMask(ALL_SIGNALS);
  if (parked || forked) return;
  parked = true;
  const action = Buffer.alloc(152); // struct sigaction of glibc and musl: handler, 128 bytes of mask, flags, restorer
  const old = Buffer.alloc(152);
  action.writeBigUInt64LE(BigInt(koffi.load(null).symbol("pause") as bigint), 0);
  action.fill(0xff, 8, 136);
  sigactionC(NSIG, action, old);
  const self = getpid();
  const helpers = readdirSync("/proc/self/task")
    .map(Number)
    .filter((tid) => tid !== self);
  for (const tid of helpers) {
    if (!blocksAll(tid)) tgkillC(self, tid, NSIG);
  }
  for (const tid of helpers) {
    for (let tries = 0; tries < 1000 && !blocksAll(tid); tries++) pollOnce(-1, 0, tries < 20 ? 0 : 1);
  }
  sigactionC(NSIG, old, null);
}

function blocksAll(tid: number): boolean {
  const status = readIfThere(`/proc/self/task/${tid}/status`);
  if (status === undefined) return true; // the thread has ended
  return parseSignalMask(statusField(status, "SigBlk") ?? "0").every((byte, i) => (byte | (NEVER_BLOCKED[i] ?? 0)) === 0xff);
}

/** SIGKILL and SIGSTOP cannot be blocked; 32 and 33 libc keeps unblocked for itself. */
const NEVER_BLOCKED = new Uint8Array([0, 1, 4, 0x80, 1, 0, 0, 0]);
