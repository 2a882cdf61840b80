// The last step: this process becomes a program that starts as if there had been no runtime.

import { ERRNO, failedWith, quote, SyscallError, statIfThere, type Words } from "@contain-tools/kernel";
import { readBinary } from "./binary.ts";
import { isOfMemory, startClean } from "./clean.ts";
import { type Context, candidates } from "./context.ts";
import { whyNotExecutable } from "./execdiagnosis.ts";
import { cannotExecute } from "./execerrors.ts";
import { execInside } from "./execinside.ts";
import { execve } from "./execve.ts";
import { environmentOf } from "./rawwords.ts";
import { searchProgram } from "./search.ts";

/** How to execute a program, where its words do not say it. */
interface As {
  /** The words as bytes. */
  readonly bytes?: Words;
  /** The file, if argv[0] is another word. */
  readonly file?: string;
}

/**
 * Becomes PROG as execvp(3) does: a bare name is searched for in PATH, and a file that is neither `#!` nor ELF is given to /bin/sh.
 *
 * @throws ExecError 127 if it was not found, 126 if it was found but cannot be executed
 */
export function execProgram(
  context: Context,
  argv: readonly string[],
  { bytes: words = argv, file: name = argv[0] ?? "" }: As = {},
): never {
  const env = environmentOf(context);
  const isForeign = context.inside !== undefined;
  const careful = context.lastStep !== undefined || context.limits.some(isOfMemory);
  const paths = isForeign || !careful ? candidates(context, name) : thoseThere(context, name);
  if (!isForeign) startClean(context);
  searchProgram(context, name, paths, (path) => (isForeign ? execInside(context, path, words, env) : execHere(context, path, words, env)));
  throw new Error("execve(2) returned");
}

/** Missing files are found beforehand: between two attempts a filter might kill us, and a memory limit might leave us nothing. */
function thoseThere(context: Context, name: string): string[] {
  const all = candidates(context, name);
  const paths = all.filter(mayBeThere);
  if (paths.length > 0) return paths;
  const known = all.find((path) => whyNotExecutable(path, "ENOENT") !== undefined) ?? name;
  throw cannotExecute(context, known, new SyscallError("execve", [quote(known)], ERRNO["ENOENT"] ?? 0), name);
}

function mayBeThere(path: string): boolean {
  try {
    return statIfThere(path) !== undefined;
  } catch {
    return true; // execve tells more
  }
}

/** A file in this root. If the kernel does not know its format, it may be a script. */
function execHere(context: Context, path: string, words: Words, env: Words): never {
  try {
    execve(context, path, words, env);
  } catch (error) {
    if (!failedWith(error, "ENOEXEC")) throw error;
    return execByShell(context, path, words, env, error);
  }
}

/** A script without a #! line: execvp(3) gives it to the shell. A binary for another machine must not go there. */
function execByShell(context: Context, path: string, words: Words, env: Words, error: SyscallError): never {
  if (readBinary(path)?.kind !== "other") throw cannotExecute(context, path, error);
  try {
    execve(context, "/bin/sh", ["/bin/sh", path, ...words.slice(1)], env);
  } catch {
    throw cannotExecute(context, path, error);
  }
}
