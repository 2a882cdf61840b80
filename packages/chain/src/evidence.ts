// Statements about a container, and their evidence. Every statement names its sources; without one it is not made.
import { readFileSync } from "node:fs";
import { codeOf, type Fact } from "@contain-tools/kernel";

/** One fact: where it was read, its value, and the rule that leads to the conclusion. */
export type Evidence = Fact;

export interface Finding {
  /** A stable name for tools and tests: `oom-kill-own-limit`. */
  readonly code: string;
  /** One or two sentences for a human. */
  readonly text: string;
  /** False for "cannot tell": the text then says what would tell. */
  readonly certain: boolean;
  readonly evidence: readonly Evidence[];
  /** What to do about it, if anything. */
  readonly fix?: string;
}

/** Reads a file as evidence. One that cannot be read is evidence too: of not knowing. */
export function evidenceFrom(path: string, rule: string): Evidence {
  try {
    return { source: path, value: readFileSync(path, "utf8").trim(), rule };
  } catch (error) {
    return { source: path, value: undefined, problem: codeOf(error) ?? String(error), rule };
  }
}
