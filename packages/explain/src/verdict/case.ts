// An ended container: everything on which a verdict may rest.
import type { Evidence, Failure } from "@contain-tools/chain";
import { type KernelLog, monotonic, namespaceId, type Reading, readKernelLog, tryRead } from "@contain-tools/kernel";
import { notedSignals } from "@contain-tools/state";
import { type Chain, type Growth, growth, readChainAgain } from "./chain.ts";
import type { Outcome } from "./outcome.ts";
import type { OwnSignals } from "./own.ts";
import type { Watched } from "./program.ts";
import { readVmstat } from "./vmstat.ts";
import type { Seen, Witness } from "./witness.ts";

export interface Case {
  readonly outcome: Outcome;
  /** Why the program was not started; undefined if it was. */
  readonly failure: Failure | undefined;
  readonly watched: Watched;
  readonly seen: Seen;
  readonly chain: Chain;
  /** Victims of the OOM killer: by the group's own count, otherwise the whole machine's. */
  readonly oomKills: Growth;
  /** Read at its first use. */
  readonly log: () => KernelLog;
  /** Reads a file of the groups, which still exist. */
  readonly read: (path: string) => Reading;
  /** The last lines of its output, if kept. */
  readonly output: string | undefined;
  /** Signals from commands of ours, other than the supervisor's. */
  readonly own: OwnSignals;
  /** The program as given, and PATH in its environment. */
  readonly argv: readonly string[];
  readonly path: string | undefined;
  /** The kinds of namespaces that were made for it: `net`, `user`. */
  readonly made: readonly string[];
  /** Milliseconds from its start, or from when the watching began, to its end. */
  readonly ran: number;
}

export interface Ending extends Pick<Case, "failure" | "output" | "argv" | "path" | "made"> {
  /** The container's. */
  readonly id: string;
}

/** Reads what will be gone with the group. */
export function closeCase(w: Witness, outcome: Outcome, { failure, output, id, argv, path, made }: Ending): Case {
  const { watched, baseline, seen } = w;
  const { group } = watched;
  const chain = { before: baseline.ancestors, after: group === undefined ? [] : readChainAgain(group, baseline.ancestors) };
  let log: KernelLog | undefined;
  return {
    ...{ outcome, failure, watched, seen, chain, output, argv, path, made, own: notedSignals(id) },
    ran: monotonic() - seen.began,
    oomKills: countOomKills(chain, baseline.vmstat),
    read: tryRead,
    log: () => {
      log ??= countedAsOurs(readKernelLog(w.log));
      return log;
    },
  };
}

/** @param before the machine's count, if the group has none */
export function countOomKills(chain: Chain, before: Evidence | undefined): Growth {
  if (before === undefined)
    return growth(
      chain,
      0,
      "memory.events",
      "oom_kill",
      "cgroup-v2.rst memory.events: oom_kill counts its processes that the OOM killer took",
    );
  const after = readVmstat();
  const unreadable = [before, after].find(({ value }) => value === undefined);
  if (unreadable !== undefined) return { by: undefined, absent: false, evidence: unreadable };
  return {
    by: Number(after.value) - Number(before.value),
    absent: false,
    evidence: { ...after, value: `${before.value} → ${after.value}` },
  };
}

const FIRST = "pid:[4026531836]"; // PROC_PID_INIT_INO of the kernel's proc_ns.h

/** Why PIDs of the kernel's log and tracing mean nothing to us, if so: they are those of the first PID namespace. */
export function strangePids(): string | undefined {
  return namespaceId("self", "pid") === FIRST ? undefined : "it counts PIDs as the first PID namespace does, and we are in another one";
}

export const countedAsOurs = (log: KernelLog): KernelLog => ({ ...log, problem: log.problem ?? strangePids() });

/** Why the log cannot be trusted, or undefined. */
export function problemOfLog({ problem, lost }: KernelLog): string | undefined {
  return problem ?? (lost ? "records were overwritten before they were read" : undefined);
}

/** What has ended: `PID 1 (sh)`, `the program (sh)`. @param told its last name, from the kernel's log */
export function subjectOf({ seen: { zombie, program }, watched: { init, indirect } }: Case, told?: string): string {
  const name = told ?? (init || indirect ? program?.name : (zombie?.().name ?? program?.name));
  const who = init || program?.isInit === false ? "the program" : "PID 1";
  return name === undefined ? who : `${who} (${name})`;
}
