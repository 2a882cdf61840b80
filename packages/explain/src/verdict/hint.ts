// A hint: what may be why a program exited. The kernel does not say why a program exits, so none is certain.
import type { Evidence, Finding } from "@contain-tools/chain";

export const hint = (code: string, text: string, evidence: readonly Evidence[], fix?: string): Finding => ({
  ...{ code: `hint-${code}`, text: `a hint: ${text}`, certain: false, evidence },
  ...(fix === undefined ? {} : { fix }),
});
