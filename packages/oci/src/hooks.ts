// Hooks that the runtime itself runs: it passes the state on standard input, waits for the end, and reports the output of the first that
// fails. They are for start and delete, which load no koffi. chain's hooks.ts forks, and runs those of create and of the tools.
import { codeOf, messageOf, OciError } from "./failure.ts";
import type { Hook, HookKind } from "./spec/spec.ts";

/** Runs hooks one after the other. @throws OciError for the first one that fails */
export type RunHooks = (kind: HookKind, hooks: readonly Hook[], state: Readonly<Record<string, unknown>>) => void;

/** @param failureOf runs one of them; undefined if it succeeded */
export const hooksBy =
  (failureOf: (hook: Hook, input: string) => string | undefined): RunHooks =>
  (kind, hooks, state) => {
    for (const [at, hook] of hooks.entries()) {
      const why = failureOf(hook, JSON.stringify(state));
      if (why !== undefined) throw new OciError(`error running ${kind} hook #${at}: ${hook.path}: ${why}`);
    }
  };

export const runHooks: RunHooks = hooksBy(failureOf);

function failureOf({ path, args = [path], env = [], timeout }: Hook, input: string): string | undefined {
  const { spawnSync } = process.getBuiltinModule("node:child_process"); // loading it takes a millisecond, and few containers have hooks
  const limit = timeout ? { timeout: timeout * 1000, killSignal: "SIGKILL" as const } : {};
  const variables = Object.fromEntries(env.map((text) => [text.slice(0, text.indexOf("=")), text.slice(text.indexOf("=") + 1)]));
  const { error, status, signal, stderr } = spawnSync(path, args.slice(1), {
    argv0: args[0] ?? path,
    env: variables,
    input,
    stdio: ["pipe", "ignore", "pipe"],
    encoding: "utf8",
    ...limit,
  });
  // A hook need not read the state: EPIPE.
  if (error !== undefined && codeOf(error) !== "EPIPE")
    return messageOf(error).includes("ETIMEDOUT") ? `it took longer than ${timeout} s` : messageOf(error);
  if (status === 0) return undefined;
  return `${signal === null ? `exit status ${status}` : `signal ${signal}`}: ${(stderr ?? "").trim()}`;
}
