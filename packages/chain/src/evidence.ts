// What is said about a container, and what it rests on. Every statement can name its sources; one that has none is not made.
import { readFileSync } from "node:fs";
import { codeOf, type Fact } from "@contain-tools/kernel";

/** One fact: where it was read, what stood there, and the rule that turns it into the conclusion. */
export type Evidence = Fact;

export interface Finding {
  /** A name that does not change, for tools and tests: `oom-kill-own-limit`. */
  readonly code: string;
  /** One or two sentences for a human. */
  readonly text: string;
  /** False for "cannot tell": then the text says what would tell. */
  readonly certain: boolean;
  readonly evidence: readonly Evidence[];
  /** What to do about it, where there is something. */
  readonly fix?: string;
}

/** Reads a file as evidence; one that cannot be read is evidence too, of not knowing. */
export function evidenceFrom(path: string, rule: string): Evidence {
  try {
    return { source: path, value: readFileSync(path, "utf8").trim(), rule };
  } catch (error) {
    return { source: path, value: undefined, problem: codeOf(error) ?? String(error), rule };
  }
}
