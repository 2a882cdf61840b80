// How the parts of `contain explain` make their statements: foreign text is cleaned, and unreadable files are reported.

import { type Evidence, evidenceFrom, type Finding } from "@contain-tools/chain";
import { shortened } from "@contain-tools/kernel";

/** Statements of one subject, under its heading. */
export interface Section {
  readonly heading: string;
  readonly findings: readonly Finding[];
}

/** Foreign text without control characters; line ends of a file become `; `. */
export function clean(text: string, most = 4000): string {
  return shortened(text.trimEnd().replace(/\n/g, "; ").replaceAll("\t", " "), most);
}

/** A value that has been read already. */
export function fact(source: string, value: string, rule: string): Evidence {
  return { source, value: clean(value), rule };
}

/** `evidenceFrom` with the text unchanged: to be parsed, not shown. */
export function look(path: string, rule: string): Evidence {
  return evidenceFrom(path, rule);
}

/** A statement of fact. Evidence that could not be read belongs to `cannotTell` instead. */
export function is(code: string, text: string, evidence: readonly Evidence[], fix?: string): Finding {
  const shown = evidence.map((item) => (item.value === undefined ? item : { ...item, value: clean(item.value) }));
  return { code, text: clean(text), certain: true, evidence: shown, ...(fix === undefined ? {} : { fix }) };
}

/** What cannot be known; `would` is what would tell. */
export function cannotTell(code: string, what: string, evidence: readonly Evidence[], would?: string): Finding {
  const { problem, source = "" } = evidence.find((item) => item.problem !== undefined) ?? {};
  const why = problem === undefined ? "" : `: ${source.split(" ")[0]} cannot be read (${problem}${REASON[problem] ?? ""})`;
  return { ...is(code, `cannot tell ${what}${why}${would === undefined ? "" : `; ${would}`}`, evidence), certain: false };
}

const PRIVILEGE =
  ": it is another user's process, a more privileged one, or not dumpable; CAP_SYS_PTRACE is needed, and each capability that it has (ptrace(2), access modes)";
const REASON: Readonly<Record<string, string>> = {
  EACCES: PRIVILEGE,
  EPERM: PRIVILEGE,
  ENOENT: ": the process has ended, or this kernel has no such file",
  ESRCH: ": the process has ended",
  EINVAL: ": the process is ending, or this kernel was built without it",
};

/** `one process`, `3 processes`. */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}

/** A list short enough to read. */
export function some(items: readonly string[], most = 6): string {
  return items.length <= most ? items.join(", ") : `${items.slice(0, most).join(", ")} and ${items.length - most} more`;
}
