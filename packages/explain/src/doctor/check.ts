// What doctor reports about one ability of the host.

import type { Evidence, Finding } from "@contain-tools/chain";
import { codeOf, procOwner, SyscallError, ToolError } from "@contain-tools/kernel";

/**
 * ok: it can be used, and that was tried if trying is harmless. missing: this kernel or host does not have it. limited: it exists, but this
 * caller cannot use it, or not in full. cannot tell: nothing here shows it.
 */
export type Ability = "ok" | "missing" | "limited" | "cannot tell";

export interface Check extends Finding {
  readonly what: string;
  readonly state: Ability;
}

/** The result of a check; `check` adds its name. */
export interface Verdict {
  readonly state: Ability;
  readonly text: string;
  readonly evidence: readonly Evidence[];
  readonly fix?: string | undefined;
}

/** For what only root may do; root is not told to become root. */
export const asRoot = (command: string): string => (process.geteuid?.() === 0 ? command : `as root: ${command}`);

/** Carries out one check. An error in it is a "cannot tell", and the others go on. */
export function check(what: string, look: () => Verdict): Check {
  const { fix, ...verdict } = attempt(look);
  const code = `doctor-${what.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")}`;
  return { what, code, certain: verdict.state !== "cannot tell", ...verdict, ...(fix === undefined ? {} : { fix }) };
}

function attempt(look: () => Verdict): Verdict {
  try {
    return look();
  } catch (error) {
    return cannotTell(error instanceof Error ? error.message : String(error), [], error instanceof ToolError ? error.hint : undefined);
  }
}

export const cannotTell = (text: string, evidence: readonly Evidence[], fix?: string): Verdict => ({
  state: "cannot tell",
  text: `cannot tell: ${text}`,
  evidence,
  fix,
});

/** The result of a system call, as evidence. */
export function answered(call: string, answer: string, rule: string): Evidence {
  return { source: call, value: answer, rule };
}

/** `/proc/sys/user/max_net_namespaces: 31000`, for the text of a verdict. */
export function quoteEvidence({ source, value, problem }: Evidence): string {
  const [line = "", ...more] = (value ?? "").split("\n");
  return `${source}: ${value === undefined ? problem : `${line}${more.length > 0 ? " …" : ""}`}`;
}

/** False if /proc is missing or is something else: a file missing in it then says nothing about the kernel. */
export const hasProc = () => procOwner() !== "none";

/** The errno name of a failed call; other errors are thrown on. */
export function codeOfFailure(error: unknown): string {
  const code = error instanceof SyscallError ? error.code : codeOf(error);
  if (code === undefined) throw error;
  return code;
}
