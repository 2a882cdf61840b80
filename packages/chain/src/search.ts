// The files that PROG may be, tried one after the other as execvp(3) does.
import { ERRNO, failedWith, quote, SyscallError } from "@contain-tools/kernel";
import { whyNotExecutable } from "./execdiagnosis.ts";
import { cannotExecute, leadingOut, notFound } from "./execerrors.ts";
import { lookAt } from "./magiclinks.ts";
import { candidates, payload } from "./payload.ts";

/**
 * Calls `attempt` with each path until one does not throw. A file that is not there, or may not be executed, leaves the next one its chance.
 *
 * @throws ExecError 127 when PROG was not found, 126 when it was found but cannot be executed
 */
export function searchProgram(name: string, paths: readonly string[], attempt: (path: string) => void): void {
  let failure: SyscallError | undefined;
  let failedPath = name;
  for (const path of paths) {
    try {
      attempt(path);
      return;
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error;
      if (!failedWith(error, "ENOENT", "ENOTDIR", "EACCES", "ENAMETOOLONG") || !name) throw cannotExecute(path, error);
      const found = error.code === "EACCES" || whyNotExecutable(path, error.code) !== undefined;
      if (failure === undefined || (found && failure.code !== "EACCES")) {
        failure = error;
        failedPath = path;
      }
      if (found && error.code !== "EACCES") break;
    }
  }
  throw failure === undefined ? notFound(name, "ENOENT") : cannotExecute(failedPath, failure, name);
}

/**
 * Looks PROG up without starting it.
 *
 * @throws ExecError as `execProgram` would, as far as it can be foreseen
 */
export function findProgram([name = ""]: readonly string[]): void {
  searchProgram(name, candidates(name), (path) => {
    const { leadsOut, code } = lookAt(path);
    if (leadsOut !== undefined && payload.inside !== undefined) throw leadingOut(path, leadsOut);
    if (code !== undefined) throw new SyscallError("execve", [quote(path)], ERRNO[code] ?? 0);
  });
}
