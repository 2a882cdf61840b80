// The last step: this process becomes a program that starts as if no runtime had been here before it.

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

/** How a program is executed, where it is not just its words. */
interface As {
  /** The words as bytes. */
  readonly bytes?: Words;
  /** The file, where argv[0] is another word. */
  readonly file?: string;
}

/**
 * Becomes PROG as execvp(3) does: a bare name is searched in PATH, and a file without `#!` that is not ELF is given to /bin/sh.
 *
 * @throws ExecError 127 when it was not found, 126 when it was found but cannot be executed
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

/** A filter may kill for what would come between two tries, and a limit on memory leave none for it: what is not there is found out before. */
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

/** A file of this root. One in a format that the kernel does not know may be a script. */
function execHere(context: Context, path: string, words: Words, env: Words): never {
  try {
    execve(context, path, words, env);
  } catch (error) {
    if (!failedWith(error, "ENOEXEC")) throw error;
    return execByShell(context, path, words, env, error);
  }
}

/** A script without a #! line: execvp(3) hands it to the shell. A binary for another machine must not go there. */
function execByShell(context: Context, path: string, words: Words, env: Words, error: SyscallError): never {
  if (readBinary(path)?.kind !== "other") throw cannotExecute(context, path, error);
  try {
    execve(context, "/bin/sh", ["/bin/sh", path, ...words.slice(1)], env);
  } catch {
    throw cannotExecute(context, path, error);
  }
}
