// How a container ended, as its supervisor saw it.
import { endSignal, shellStatus, signalName } from "@contain-tools/kernel";

/** A signal to us, and who sent it. */
export interface Sender {
  readonly signal: number;
  /** 0 for the kernel, and for a process outside of our PID namespace (sigaction(2) si_pid). */
  readonly by: number;
  /** The sender's name when it came. */
  readonly name: string;
}

/** A signal that was passed on to the container. */
export interface PassedOn {
  /** As the container got it. */
  readonly signal: number;
  /** As we got it. */
  readonly received: number;
  readonly by: number;
  readonly name: string;
}

export interface Outcome {
  /** The wait status of PID 1. */
  readonly status: number;
  /** We sent SIGKILL: at the end of the grace window, or after a second SIGINT. */
  readonly killedByUs: "grace" | "interrupt" | undefined;
  /** The signal that opened the grace window. */
  readonly asked: Sender | undefined;
  /** What was passed on to the container. */
  readonly sent: readonly PassedOn[];
}

/** How the container ended, without the reason. */
export function describeStatus(status: number): string {
  const signal = endSignal(status);
  const text = `exit status ${shellStatus(status)}`;
  return signal === 0 ? text : `killed by ${signalName(signal)} (${text})`;
}
