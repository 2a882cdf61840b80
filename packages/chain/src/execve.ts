// execve(2), and what comes immediately before it.

import {
  declare,
  errno,
  ignoreWriteSignals,
  prepareLimit,
  quote,
  resetWriteSignals,
  setErrno,
  stringArray,
  sys,
  trace,
  tracer,
  type Words,
} from "@contain-tools/kernel";
import { isOfMemory } from "./clean.ts";
import type { Context } from "./context.ts";

const execveC = declare("execve");

/** The arguments of execve(2) as strace decodes them. */
export function describeExec(path: string, argv: Words, env: Words): string[] {
  return [quote(path), `[${argv.map((word) => quote(word.toString())).join(", ")}]`, `0x… /* ${env.length} vars */`];
}

/**
 * execve(2). Does not return on success, so it is traced before the call.
 *
 * @throws SyscallError ENOENT, EACCES, ENOEXEC, E2BIG, …
 */
export function execve(context: Context, path: string, argv: Words, env: Words): never {
  if (context.inside !== undefined) throw new Error("execve(2) in another root: only the trampoline may");
  const words = stringArray(argv);
  const vars = stringArray(env);
  const { text: file } = stringArray([path]);
  return replace(context, [["execve", () => describeExec(path, argv, env)]], () => execveC(file, words.pointers, vars.pointers));
}

/** A call by its name and its arguments. */
type Described = readonly [syscall: string, args: () => string[]];

/**
 * Makes the call that replaces this program, with the steps that must come directly before it; `after` builds its arguments. @throws
 * SyscallError
 */
export function replace(context: Context, [[syscall, args], ...after]: readonly [Described, ...Described[]], call: () => number): never {
  if (tracer.mode !== "off") for (const [name, words] of [[syscall, args] as const, ...after]) trace(name, words());
  const late = context.lastStep === undefined ? context.limits.filter(isOfMemory).map(prepareLimit) : [];
  if (late.length > 0) execveC(null, null, null); // EFAULT; the first call allocates what later ones need
  resetWriteSignals(context.launch.ignored);
  for (const set of late) set();
  const result = call();
  const code = errno();
  ignoreWriteSignals();
  setErrno(code);
  sys(syscall, args, result);
  throw new Error(`${syscall} returned`);
}
