// What a verdict rests on, with one piece of it after the other taken away: unreadable files, lost records, a look that was not taken.
import type { Case } from "../../packages/explain/src/verdict/case.ts";

export interface Lost {
  /** `seen.program.cpuLimit` */
  readonly what: string;
  readonly case: Case;
}

type Tree = Record<string, unknown>;
const isTree = (value: unknown): value is Tree => typeof value === "object" && value !== null;

/** Every case that has one piece less. */
export function losses(whole: Case): Lost[] {
  return [...without("", whole)].map(([what, value]) => ({ what, case: value as Case }));
}

/** What the supervisor looks at, if there is time for it. */
const LOOKS = new Set(["program", "look", "zombie"]);

/** Copies of a value that lack something, however deep it lies. */
function* without(path: string, value: unknown): Generator<readonly [string, unknown]> {
  if (typeof value === "function") yield* withoutResult(path, value as (...words: unknown[]) => unknown);
  else if (value instanceof Map)
    for (const [key, one] of value)
      for (const [what, less] of without(`${path}[${String(key)}]`, one)) yield [what, new Map(value).set(key, less)];
  else if (Array.isArray(value)) {
    for (const [i, one] of value.entries()) {
      if (typeof one === "string" || path === "outcome.sent") yield [`${path}[${i}]`, value.toSpliced(i, 1)];
      for (const [what, less] of without(`${path}[${i}]`, one)) yield [what, value.with(i, less)];
    }
  } else if (isTree(value)) yield* withoutPart(path, value);
}

function* withoutPart(path: string, value: Tree): Generator<readonly [string, unknown]> {
  const { source, rule, text, by, records, sent, evidence } = value;
  if (typeof source === "string" && typeof rule === "string") {
    if (value["value"] !== undefined) yield [path, { ...value, value: undefined, problem: "EACCES" }];
    return;
  }
  if (typeof text === "string" && Object.keys(value).length === 1) return yield [path, { problem: "EACCES" }];
  if ("by" in value && isTree(evidence)) {
    if (by !== undefined) yield [path, { by: undefined, absent: false, evidence: { ...evidence, value: undefined, problem: "EACCES" } }];
    return;
  }
  if (Array.isArray(records)) {
    yield [path, { ...value, records: [], problem: "EPERM" }];
    yield [path, { ...value, lost: true }];
  }
  if (Array.isArray(sent) && "problem" in value) return yield [path, { ...value, sent: [], problem: "EIO" }];
  for (const [key, one] of Object.entries(value)) {
    const at = path === "" ? key : `${path}.${key}`;
    if (path === "seen" && LOOKS.has(key) && one !== undefined) yield [at, { ...value, [key]: undefined }];
    for (const [what, less] of without(at, one)) yield [what, { ...value, [key]: less }];
  }
}

/** A function without words hands out what was noted; one with a word reads a file. */
function* withoutResult(path: string, read: (...words: unknown[]) => unknown): Generator<readonly [string, unknown]> {
  if (read.length > 0) return yield [path, () => ({ problem: "EACCES" })];
  for (const [what, less] of without(`${path}()`, read())) yield [what, () => less];
}
