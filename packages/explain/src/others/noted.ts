// A container of another program: what was noted when it started, and what can be read at its end, as a case for the verdict.
import type { Evidence } from "@contain-tools/chain";
import { kernelLogSince, monotonic, type Reading, signalName, tryRead } from "@contain-tools/kernel";
import type { OwnSignal } from "@contain-tools/state";
import { type Case, countedAsOurs, countOomKills } from "../verdict/case.ts";
import { type Chain, type CounterFile, type Level, readChainAgain } from "../verdict/chain.ts";
import { cpuLimitIn } from "../verdict/field.ts";
import { describeStatus } from "../verdict/outcome.ts";
import type { Program } from "../verdict/program.ts";
import { judgeOthers, type KnownEnd } from "./judge.ts";

/** What was noted before the program ran. It is stored as JSON. */
export interface Noted {
  readonly pid: number;
  readonly argv: readonly string[];
  /** PATH of its environment. */
  readonly path: string | undefined;
  /** It is PID 1 of a PID namespace of its own. */
  readonly isInit: boolean;
  /** Microseconds of CLOCK_MONOTONIC. */
  readonly since: number;
  /** The groups above its own, from the bottom up, with the texts of their counters. */
  readonly levels: readonly { readonly dir: string; readonly files: Readonly<Record<string, Reading>> }[];
  /** oom_kill of /proc/vmstat, if its group does not count. */
  readonly vmstat: string | undefined;
}

const CLOCKS = 2_000_000; // microseconds by which the kernel log's clock may be off

/** The findings at its end; its group must still exist. @param own signals sent by the program that keeps it */
export function judgeNoted(noted: Noted, group: string | undefined, end: KnownEnd, own: readonly OwnSignal[]) {
  const { pid, argv, path, isInit, since } = noted;
  const before: Level[] = noted.levels.map(({ dir, files }) => ({
    dir,
    files: new Map(Object.entries(files) as [CounterFile, Reading][]),
  }));
  const chain = { before, after: group === undefined ? [] : readChainAgain(group, before) };
  const machine = noted.vmstat === undefined ? undefined : { source: "/proc/vmstat oom_kill", value: noted.vmstat, rule: "mm/vmstat.c" };
  const name = argv[0]?.slice(argv[0].lastIndexOf("/") + 1).slice(0, 15) ?? "?"; // TASK_COMM_LEN
  const program = {
    pid,
    name,
    isInit,
    status: "",
    limits: "",
    cpuLimit: cpuLimitIn(pid, { problem: "ESRCH" }),
  };
  return judgeOthers({ ...caseOf({ program, group, chain, machine, since, argv, path }), own: { sent: own, problem: undefined } }, end);
}

/** What is known about a container that is not ours. */
export interface Known extends Pick<Noted, "argv" | "path" | "since"> {
  readonly program: Program;
  readonly group: string | undefined;
  readonly chain: Chain;
  /** How many processes the OOM killer had killed on the machine, if the group does not count. */
  readonly machine: Evidence | undefined;
}

export function caseOf({ program, group, chain, machine, since, argv, path }: Known): Omit<Case, "outcome"> {
  return {
    failure: undefined,
    watched: { pid: program.pid, group, init: false, indirect: false },
    seen: { began: since / 1000, program, look: undefined, zombie: undefined, mounts: undefined, refusal: undefined, reached: [] },
    chain,
    oomKills: countOomKills(chain, machine),
    log: once(() => countedAsOurs(kernelLogSince(since - CLOCKS))),
    read: tryRead,
    output: undefined,
    own: { sent: [], problem: undefined },
    argv,
    path,
    made: [],
    ran: monotonic() - since / 1000,
  };
}

/** `exit status 1`, `killed by SIGKILL (exit status 137)`, `exit status 137, or killed by SIGKILL`. */
export function describeEnd({ status, either }: KnownEnd): string {
  if (either !== undefined) return `exit status ${either}, or killed by ${signalName(either - 128)}`;
  return status === undefined ? "exit status not known" : describeStatus(status);
}

function once<T>(read: () => T): () => T {
  let value: { readonly it: T } | undefined;
  return () => {
    value ??= { it: read() };
    return value.it;
  };
}
