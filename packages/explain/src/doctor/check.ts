// What doctor says of one ability of the host.

import type { Evidence, Finding } from "@contain-tools/chain";
import { codeOf, procOwner, SyscallError, ToolError } from "@contain-tools/kernel";

/**
 * ok: it can be used, and that was tried where trying is harmless. missing: this kernel or host does not have it. limited: it is there,
 * and cannot be used by this caller, or not in full. cannot tell: nothing here shows it.
 */
export type Ability = "ok" | "missing" | "limited" | "cannot tell";

export interface Check extends Finding {
  readonly what: string;
  readonly state: Ability;
}

/** What a check found; its name is added by `check`. */
export interface Verdict {
  readonly state: Ability;
  readonly text: string;
  readonly evidence: readonly Evidence[];
  readonly fix?: string | undefined;
}

/** What only root may do; root itself is not told to be root. */
export const asRoot = (command: string): string => (process.geteuid?.() === 0 ? command : `as root: ${command}`);

/** Carries out one check. An error in it is a "cannot tell", never the end of the others. */
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

/** What a system call answered, as evidence. */
export function answered(call: string, answer: string, rule: string): Evidence {
  return { source: call, value: answer, rule };
}

/** `/proc/sys/user/max_net_namespaces: 31000`, for the text of a verdict. */
export function quoteEvidence({ source, value, problem }: Evidence): string {
  const [line = "", ...more] = (value ?? "").split("\n");
  return `${source}: ${value === undefined ? problem : `${line}${more.length > 0 ? " …" : ""}`}`;
}

/** False where /proc is not there or is something else: what is not in it then says nothing of the kernel. */
export const hasProc = () => procOwner() !== "none";

/** The errno name of a failed call; any other error is thrown on. */
export function codeOfFailure(error: unknown): string {
  const code = error instanceof SyscallError ? error.code : codeOf(error);
  if (code === undefined) throw error;
  return code;
}
