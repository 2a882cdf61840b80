// Hooks that create and run call in the runtime's own namespaces. All signals are blocked by then, and Node would wait for ever for SIGCHLD of
// a child process of its own: these are forked as the links of a chain are.
import { type Context, runHook } from "@contain-tools/chain";
import { hooksBy, type RunHooks } from "./hooks.ts";

export const runForked = (context: Context): RunHooks => hooksBy((hook, input) => runHook(context, hook, input));
