// How a container ended, as its supervisor saw it.
import type { Evidence } from "@contain-tools/chain";
import { commandOf, endSignal, printable, SI_KERNEL, type SignalInfo, shellStatus, signalName } from "@contain-tools/kernel";
import type { Reaction } from "../process/fates.ts";
import type { InD } from "./indisk.ts";

/** A signal to us, and its sender. */
export interface Sender {
  readonly signal: number;
  /** As the container got it. */
  readonly sent: number;
  /** `bash (PID 12)`. */
  readonly from: string;
  /** What the program would have done with it when it came. */
  readonly reaction: Reaction;
}

/** A signal that was passed on to the container. */
export interface PassedOn {
  /** As the container got it. */
  readonly signal: number;
  /** As we got it. */
  readonly received: number;
  readonly from: string;
  /** The terminal sent it to the container and to us at once; we passed nothing on. */
  readonly direct: boolean;
  /** What the program was about to do with it. */
  readonly reaction: Reaction | undefined;
}

export interface Outcome {
  /** The wait status of PID 1. */
  readonly status: number;
  /** Where the status was read, if we did not wait for PID 1 ourselves. */
  readonly told?: Evidence;
  /**
   * We sent SIGKILL: after the grace window, a second SIGINT or a third Ctrl-C, or when the terminal was closed and PID 1 did not take
   * SIGHUP.
   */
  readonly killedByUs: "grace" | "interrupt" | "keys" | "hangup" | undefined;
  /** The signal that opened the grace window. */
  readonly asked: Sender | undefined;
  /** In state D at the end of the grace window. */
  readonly inD: readonly InD[];
  /** The signals that were passed on to the container. */
  readonly sent: readonly PassedOn[];
  /** `contain restart` asked for its end. */
  readonly again?: boolean;
  /** Ctrl-C came to it from our terminal. */
  readonly interrupted?: boolean;
}

/** How the container ended, without the reason. */
export function describeStatus(status: number): string {
  const signal = endSignal(status);
  const text = `exit status ${shellStatus(status)}`;
  return signal === 0 ? text : `killed by ${signalName(signal)} (${text})`;
}

/** The sender of a signal to us, looked up when it comes (sigaction(2) si_pid, si_code). */
export function senderOf({ pid, code }: Pick<SignalInfo, "pid" | "code">): string {
  if (pid !== 0) return `${printable(commandOf(pid))} (PID ${pid})`;
  return code === SI_KERNEL ? "the terminal (a key, or its hangup)" : "a process outside of contain's PID namespace";
}

/** A signal that was passed on, as evidence. */
export function passedOnEvidence({ received, from }: PassedOn): Evidence {
  return { source: "the supervisor's siginfo", value: `${signalName(received)} from ${from}`, rule: "sigaction(2) si_pid, si_code" };
}
