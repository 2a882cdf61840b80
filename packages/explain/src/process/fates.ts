// What happens to a signal that is sent to a process, in words.
import type { Evidence } from "@contain-tools/chain";
import { childrenOf, type Fate, printable, procDirectory, readIfThere, receptionOf, signalName, statusField } from "@contain-tools/kernel";

export const FATES: Readonly<Record<Fate, string>> = {
  handled: "it has a handler",
  waits: "it waits for the signal in sigtimedwait(2)",
  signalfd: "it is blocked, and queued for a signalfd",
  blocked: "it has it blocked: it is queued, and may be read by sigwait(3) or signalfd(2)",
  ignored: "it ignores it",
  default: "it has no handler, and the signal ends it",
  dropped: "it has no handler for it: the kernel discards it for PID 1 of a PID namespace",
  unknown: "what becomes of it: cannot tell, /proc does not show whether it waits for the signal",
};

/** A signal to a container, and what its program would do with it. */
export interface Reaction {
  /** Of PID 1, or of the program behind `pid1`; undefined if it has ended. */
  readonly fate: Fate | undefined;
  /** `PID 1 (sh)`. */
  readonly who: string;
  readonly proof: readonly Evidence[];
}

/** @param pid the first process of a container @param init it is `pid1`, which forwards signals to its child */
export function reactionOf(pid: number, signal: number, init: boolean): Reaction {
  const program = init ? (childrenOf(pid)[0] ?? pid) : pid;
  const status = readIfThere(`${procDirectory(program)}/status`);
  const name = printable(statusField(status ?? "", "Name") ?? "?");
  const isInit = /\s1$/.test(statusField(status ?? "", "NSpid") ?? "");
  const found = receptionOf(program, signal, status);
  const who = isInit ? `PID 1 (${name})` : program === pid ? name : `the program (${name})`;
  return { fate: found?.fate, who, proof: found?.proof ?? [] };
}

/** One or two sentences, for when a signal is sent. */
export function describeReaction({ fate, who }: Reaction, signal: number): string {
  const sent = `${signalName(signal)} sent`;
  if (fate === undefined) return `${sent}.`;
  return fate === "handled" || fate === "default" ? `${sent} to ${who}.` : `${sent}. ${who}: ${FATES[fate]}.`;
}
