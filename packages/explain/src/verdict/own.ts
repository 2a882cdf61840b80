// Signals that `contain kill`, `stop` and `exec` sent: they are noted in the container's folder, since the kernel does not record senders.
import type { Evidence, Finding } from "@contain-tools/chain";
import { signalName } from "@contain-tools/kernel";
import { describeOwnSignal, type notedSignals, type OwnSignal } from "@contain-tools/state";

export type OwnSignals = ReturnType<typeof notedSignals>;

const SOURCE = "the container's folder, signals";
const RULE = "each command of contain that sends a signal notes it there before";

/** The last one of this kind to PID 1. */
export function ownSignal({ sent }: OwnSignals, signal: number): OwnSignal | undefined {
  return sent.findLast((one) => one.target === undefined && one.signal === signal);
}

export function ownEvidence(own: OwnSignal): Evidence {
  return { source: SOURCE, value: describeOwnSignal(own), rule: RULE };
}

/** Evidence that no command of contain sent it. */
export function noneEvidence({ problem }: OwnSignals, signal: number): Evidence {
  if (problem !== undefined) return { source: SOURCE, value: undefined, problem, rule: RULE };
  return { source: SOURCE, value: `no ${signalName(signal)}`, rule: RULE };
}

/** @param status the evidence that the signal ended it */
export function judgeOwn(own: OwnSignal, who: string, status: Evidence): Finding {
  const text = `${who} was killed by contain: ${describeOwnSignal(own)}`;
  return { code: "killed-by-contain", text, certain: true, evidence: [status, ownEvidence(own)] };
}
