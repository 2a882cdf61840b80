// The files that PROG may be, tried in turn as execvp(3) does.

import { ERRNO, failedWith, quote, SyscallError } from "@contain-tools/kernel";
import { type Context, candidates } from "./context.ts";
import { whyNotExecutable } from "./execdiagnosis.ts";
import { cannotExecute, leadingOut, notFound } from "./execerrors.ts";
import { lookAt } from "./magiclinks.ts";

/**
 * Calls `attempt` with each path until one does not throw. After a file that is missing or may not be executed, the next is tried.
 *
 * @throws ExecError 127 if PROG was not found, 126 if it was found but cannot be executed
 */
export function searchProgram(context: Context, name: string, paths: readonly string[], attempt: (path: string) => void): void {
  let failure: SyscallError | undefined;
  let failedPath = name;
  for (const path of paths) {
    try {
      attempt(path);
      return;
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error;
      if (!failedWith(error, "ENOENT", "ENOTDIR", "EACCES", "ENAMETOOLONG") || !name) throw cannotExecute(context, path, error);
      const found = error.code === "EACCES" || whyNotExecutable(path, error.code) !== undefined;
      if (failure === undefined || (found && failure.code !== "EACCES")) {
        failure = error;
        failedPath = path;
      }
      if (found && error.code !== "EACCES") break;
    }
  }
  throw failure === undefined ? notFound(context, name, "ENOENT") : cannotExecute(context, failedPath, failure, name);
}

/**
 * Finds PROG without starting it.
 *
 * @throws ExecError as `execProgram` would, as far as that can be known beforehand
 */
export function findProgram(context: Context, [name = ""]: readonly string[]): void {
  searchProgram(context, name, candidates(context, name), (path) => {
    const { leadsOut, code } = lookAt(path);
    if (leadsOut !== undefined && context.inside !== undefined) throw leadingOut(context, path, leadsOut);
    if (code !== undefined) throw new SyscallError("execve", [quote(path)], ERRNO[code] ?? 0);
  });
}
