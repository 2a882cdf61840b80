// A hint: a possible reason for a program's exit. The kernel does not say why a program exits, so no hint is certain.
import type { Evidence, Finding } from "@contain-tools/chain";

export const hint = (code: string, text: string, evidence: readonly Evidence[], fix?: string): Finding => ({
  ...{ code: `hint-${code}`, text: `a hint: ${text}`, certain: false, evidence },
  ...(fix === undefined ? {} : { fix }),
});
