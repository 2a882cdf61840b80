// What is said about a container, and what it rests on. Every statement can name its sources; one that has none is not made.
import { readFileSync } from "node:fs";
import { codeOf } from "@contain-tools/kernel";

/** One fact: where it was read, what stood there, and the rule that turns it into the conclusion. */
export interface Evidence {
  /** A file, with the field where it has several: `/proc/12/status SigCgt`. */
  readonly source: string;
  /** As it stood there; undefined when it could not be read, and then `problem` says why. */
  readonly value: string | undefined;
  readonly problem?: string;
  /** The man page or kernel document that gives the value its meaning: `pid_namespaces(7)`. */
  readonly rule: string;
}

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
