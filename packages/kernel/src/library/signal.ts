/**
 * Signals: names, sets, masks, sending, and waiting without a handler. After `takeAllSignals` Node's other threads stop working, so the
 * process must end by `exit`: Node would wait for them.
 *
 * ```ts
 * import { exit, getpid } from "@contain-tools/kernel/process";
 * import { kill, parseSignal, signalName, signalSet, takeAllSignals, waitForSignal } from "@contain-tools/kernel/signal";
 *
 * takeAllSignals(); // blocked in this thread, and no other thread of Node takes one
 * kill(getpid(), parseSignal("hup"));
 * const info = waitForSignal(signalSet([parseSignal("HUP")]), 1000);
 * console.log(info && signalName(info.signal), info?.pid === getpid()); // SIGHUP true
 * exit(0);
 * ```
 *
 * @packageDocumentation
 */
export { SIG_DFL, SIG_IGN, setDisposition } from "../process/disposition.ts";
export { kill, pidfdSendSignal, processExists } from "../process/sending.ts";
export {
  ALL_SIGNALS,
  addSignal,
  hasSignal,
  parseSignal,
  parseSignalMask,
  removeSignal,
  type SignalSet,
  setSignalMask,
  signalName,
  signalNumber,
  signalSet,
  signalsOf,
} from "../process/signal.ts";
export { type SignalInfo, waitForSignal } from "../process/signalqueue.ts";
export { takeAllSignals } from "../process/threads.ts";
