// The last step: this process becomes a program that starts as if no runtime had been here before it.

import { ERRNO, failedWith, quote, SyscallError, statIfThere, type Words } from "@contain-tools/kernel";
import { readBinary } from "./binary.ts";
import { isOfMemory, startClean } from "./clean.ts";
import { whyNotExecutable } from "./execdiagnosis.ts";
import { cannotExecute } from "./execerrors.ts";
import { execInside } from "./execinside.ts";
import { execve } from "./execve.ts";
import { candidates, payload } from "./payload.ts";
import { wordsFor } from "./rawwords.ts";
import { searchProgram } from "./search.ts";

/**
 * Becomes PROG as execvp(3) does: a bare name is searched in PATH, and a file without `#!` that is not ELF is given to /bin/sh.
 *
 * @param name the file, where argv[0] is another word
 * @throws ExecError 127 when it was not found, 126 when it was found but cannot be executed
 */
export function execProgram(argv: readonly string[], name = argv[0] ?? ""): never {
  const { words, env } = wordsFor(argv);
  const isForeign = payload.inside !== undefined;
  const careful = payload.lastStep !== undefined || payload.limits.some(isOfMemory);
  const paths = isForeign || !careful ? candidates(name) : thoseThere(name);
  if (!isForeign) startClean();
  searchProgram(name, paths, (path) => (isForeign ? execInside(path, words, env) : execHere(path, words, env)));
  throw new Error("execve(2) returned");
}

/** A filter may kill for what would come between two tries, and a limit on memory leave none for it: what is not there is found out before. */
function thoseThere(name: string): string[] {
  const all = candidates(name);
  const paths = all.filter(mayBeThere);
  if (paths.length > 0) return paths;
  const known = all.find((path) => whyNotExecutable(path, "ENOENT") !== undefined) ?? name;
  throw cannotExecute(known, new SyscallError("execve", [quote(known)], ERRNO["ENOENT"] ?? 0), name);
}

function mayBeThere(path: string): boolean {
  try {
    return statIfThere(path) !== undefined;
  } catch {
    return true; // execve tells more
  }
}

/** A file of this root. One in a format that the kernel does not know may be a script. */
function execHere(path: string, words: Words, env: Words): never {
  try {
    execve(path, words, env);
  } catch (error) {
    if (!failedWith(error, "ENOEXEC")) throw error;
    return execByShell(path, words, env, error);
  }
}

/** A script without a #! line: execvp(3) hands it to the shell. A binary for another machine must not go there. */
function execByShell(path: string, words: Words, env: Words, error: SyscallError): never {
  if (readBinary(path)?.kind !== "other") throw cannotExecute(path, error);
  try {
    execve("/bin/sh", ["/bin/sh", path, ...words.slice(1)], env);
  } catch {
    throw cannotExecute(path, error);
  }
}
