// Programs inside a container that are none of its own: a path, or the interpreter of a script, that leads through a link of /proc.
import { closeSync, statSync } from "node:fs";
import { readBinary } from "./binary.ts";
import { codeOf, failedWith } from "./errno.ts";
import { openWithoutMagicLinks } from "./mount.ts";

const NESTED = 5; // scripts whose interpreter is a script (execve(2), "Interpreter scripts")

/**
 * What leads out, if `path` does: /proc/self/exe is this runtime, a file of the host, which a program that has been made from it could
 * open and write to (CVE-2019-5736); /proc/self/fd/N whatever is still open here. A file that is not there leads nowhere.
 */
export function wayOut(path: string): string | undefined {
  let next: string | undefined = path;
  for (let i = 0; i < NESTED && next !== undefined && next !== ""; i++) {
    if (throughProc(next)) return next;
    const binary = readBinary(next);
    next = binary?.kind === "script" ? binary.interpreter : undefined;
  }
  return undefined;
}

function throughProc(path: string): boolean {
  try {
    closeSync(openWithoutMagicLinks(path));
    return false;
  } catch (error) {
    return failedWith(error, "ELOOP") && !isCircle(path);
  }
}

/** Symbolic links that never end: ELOOP with the links of /proc as well, which execve(2) will say. */
function isCircle(path: string): boolean {
  try {
    statSync(path);
    return false;
  } catch (error) {
    return codeOf(error) === "ELOOP";
  }
}
