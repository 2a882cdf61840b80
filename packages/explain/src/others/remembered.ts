// How an ended container ended, from its state, or from what contain-oci or `contain watch` kept.
import type { Finding } from "@contain-tools/chain";
import { UsageError } from "@contain-tools/kernel";
import { endedOther, findContainer } from "@contain-tools/state";
import type { Section } from "../process/finding.ts";
import { isPid } from "../process/target.ts";
import { WOULD } from "./judge.ts";

interface Remembered {
  readonly title: string;
  readonly container: Readonly<Record<string, unknown>>;
  readonly sections: readonly Section[];
}

/** By its id, name or PID; undefined if nothing was kept. */
export function explainEnded(word: string): Remembered | undefined {
  const ended = (isPid(word) ? undefined : endedOwn(word)) ?? endedOther(word);
  if (ended === undefined) return undefined;
  const { id, name, pid, argv, status, reason, told, verdict, at, by } = ended;
  const when = new Date(at).toISOString();
  const kept = { source: `what ${by} keeps of it`, value: when, rule: "it was written when the container ended" };
  const evidence = told === undefined ? [kept] : [kept, told];
  const end: Finding[] =
    status !== undefined
      ? [{ code: "ended", text: `it has ended: ${reason}`, certain: true, evidence }]
      : verdict.length > 0
        ? []
        : [{ code: "end-cannot-tell", text: `it has ended. With which status: cannot tell; ${WOULD}`, certain: false, evidence }];
  return {
    title: `${name ?? id}, which ended at ${when}`,
    container: { id, name, pid, argv, status, by, at },
    sections: [{ heading: "How it ended", findings: [...end, ...verdict] }],
  };
}

function endedOwn(word: string): ReturnType<typeof endedOther> {
  try {
    const { id, name, argv, ended } = findContainer(word);
    return ended && { ...ended, id, name, pid: undefined, argv, by: "its supervisor" };
  } catch (error) {
    if (error instanceof UsageError) return undefined;
    throw error;
  }
}
