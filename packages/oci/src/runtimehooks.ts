// prestart and createRuntime hooks: run in the runtime's own namespaces while the container's first process waits. All signals are blocked
// by then, so that the runtime's own child processes would not do: these are forked as the links of a chain are.
import { type Context, runHook } from "@contain-tools/chain";
import { OciError } from "./failure.ts";
import type { Hooks } from "./spec/spec.ts";

/** @throws OciError for the first one that fails */
export function runCreateHooks(context: Context, hooks: Hooks, state: Readonly<Record<string, unknown>>): void {
  for (const kind of ["prestart", "createRuntime"] as const) {
    for (const [at, hook] of (hooks[kind] ?? []).entries()) {
      const why = runHook(context, hook, JSON.stringify(state));
      if (why !== undefined) throw new OciError(`error running ${kind} hook #${at}: ${hook.path}: ${why}`);
    }
  }
}
