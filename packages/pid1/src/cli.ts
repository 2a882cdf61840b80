// Words to plan. Option letters are tini's; --rewrite and --single-child are dumb-init's.

import { type Chain, type Next, type Options, withCommon } from "@contain-tools/chain";
import {
  type Areas,
  holdsTerminal,
  isOrphaned,
  parseCount,
  parseSignal,
  parseTime,
  prepareFork,
  quote,
  readAreas,
  runtimeEvents,
  UsageError,
} from "@contain-tools/kernel";

export const options = withCommon({
  group: { type: "boolean", alias: "g", description: "send signals to the child's whole process group" },
  subreaper: {
    type: "boolean",
    alias: "s",
    description: "require being child subreaper; otherwise pid1 becomes one only if it is not PID 1",
  },
  pdeathsig: { type: "string", alias: "p", valueHint: "SIG", description: "the signal pid1 gets when its parent dies" },
  "warn-reaped": { type: "boolean", alias: "w", description: "report reaped orphans" },
  "expect-exit": { type: "string", alias: "e", valueHint: "N", repeat: true, description: "exit with 0 when the child's status is N" },
  rewrite: { type: "string", alias: "r", valueHint: "A:B", repeat: true, description: "send B when signal A comes; B = 0 drops it" },
  "single-child": { type: "boolean", alias: "c", description: "leave the child in the caller's process group" },
  linger: {
    type: "string",
    valueHint: "TIME",
    description: "after the child's end, send SIGTERM to all others and wait that long (0)",
  },
});
type Name = keyof typeof options;

export interface Plan {
  readonly group: boolean;
  readonly subreaper: boolean;
  /** 0 for none. */
  readonly deathSignal: number;
  readonly warnReaped: boolean;
  readonly expected: ReadonlySet<number>;
  readonly rewrites: ReadonlyMap<number, number>;
  readonly singleChild: boolean;
  /** Milliseconds. */
  readonly linger: number;
  readonly verbose: boolean;
  /** Our group is the terminal's foreground group, so the terminal may be given to the child. */
  readonly foreground: boolean;
  /** Our process group must not be stopped: no shell could continue it. */
  readonly orphaned: boolean;
  readonly areas: Areas | undefined;
  /** Descriptors that the resident init keeps. */
  readonly runtimeEvents: readonly number[];
  readonly title: string;
  readonly next: Next;
}

/** Reads pid1's words. Nothing is changed. @throws UsageError */
export function readPlan(given: Options<Name>, chain: Chain): Plan {
  if (given.rest.length === 0) throw new UsageError("missing program", "pid1 [options] [--] PROG [ARG…]");
  prepareFork();
  const deathSignal = given.value("pdeathsig");
  const linger = given.value("linger");
  return {
    group: given.has("group"),
    subreaper: given.has("subreaper"),
    deathSignal: deathSignal === undefined ? 0 : parseSignal(deathSignal),
    warnReaped: given.has("warn-reaped"),
    expected: new Set(given.all("expect-exit").map((text) => parseCount("--expect-exit", text, 0, 255))),
    rewrites: new Map(given.all("rewrite").map(readRewrite)),
    singleChild: given.has("single-child"),
    linger: linger === undefined ? 0 : parseTime("--linger", linger),
    verbose: given.has("verbose"),
    foreground: holdsTerminal(),
    orphaned: isOrphaned(),
    areas: readAreas(),
    runtimeEvents: runtimeEvents(),
    title: ["pid1", ...given.rest].join("\0"),
    next: chain.next(given.rest),
  };
}

function readRewrite(text: string): [number, number] {
  const [from, to, more] = text.split(":");
  if (!from || !to || more !== undefined)
    throw new UsageError(`--rewrite ${quote(text)}: must be A:B`, "for example TERM:QUIT; 15:0 drops SIGTERM");
  return [parseSignal(from), to === "0" ? 0 : parseSignal(to)];
}
