// What execve(2) will find at a path inside a container. It is checked first, since after the call nobody is left to explain.
import { close, codeOf, declareSyscall, fstat, openWithoutMagicLinks, SYS, SyscallError, stat, sys, X_OK } from "@contain-tools/kernel";
import { type Binary, readBinary } from "./binary.ts";

const NESTED = 5; // scripts whose interpreter is a script (execve(2), "Interpreter scripts")
const AT_EMPTY_PATH = 0x1000;
const AT_EACCESS = 0x200;
const faccessat2C = declareSyscall(SYS.faccessat2);

export interface Found {
  /** The errno name with which execve(2) would fail; undefined if nothing speaks against the file, or it cannot be checked. */
  readonly code?: string;
  /**
   * A path, or an interpreter's, that leads through a magic link of /proc out of the container: /proc/self/exe is this runtime, a file of
   * the host (CVE-2019-5736), and /proc/self/fd/N is whatever is still open here.
   */
  readonly leadsOut?: string;
  readonly binary?: Binary | undefined;
}

/** Checks a file that is to be executed, and its interpreters. The kernel checks again, and only its answer counts. */
export function lookAt(path: string): Found {
  let binary: Binary | undefined;
  let next = path;
  for (let i = 0; i <= NESTED; i++) {
    const code = whyNot(next);
    if (code === "ELOOP" && !isCircle(next)) return { leadsOut: next };
    if (code !== undefined) return { code };
    const found = readBinary(next);
    binary ??= found;
    if (found?.damaged && found.foreignMachine === undefined) return { code: i === 0 ? "ENOEXEC" : "ELIBBAD", binary };
    if (!found?.interpreter || (i > 0 && found.kind === "elf")) return { binary };
    next = found.interpreter;
  }
  return { code: "ELOOP" };
}

/** What cannot be checked for lack of a system call is left to execve(2). */
const FORESEEN = ["ENOENT", "ENOTDIR", "EACCES", "ELOOP", "ENAMETOOLONG"];

function whyNot(path: string): string | undefined {
  let fd = -1;
  try {
    fd = openWithoutMagicLinks(path);
    if (!fstat(fd).isFile()) return "EACCES";
    sys("faccessat2", () => [`${fd}`, '""', "X_OK", "AT_EACCESS|AT_EMPTY_PATH"], faccessat2C(fd, "", X_OK, AT_EACCESS | AT_EMPTY_PATH));
    return undefined;
  } catch (error) {
    if (error instanceof SyscallError && FORESEEN.includes(error.code)) return error.code;
    return codeOf(tryStat(path)); // a filter may refuse the calls above; only whether the file exists decides which one of PATH is taken
  } finally {
    if (fd !== -1) close(fd);
  }
}

function tryStat(path: string): unknown {
  try {
    return stat(path);
  } catch (error) {
    return error;
  }
}

/** A loop of symbolic links: ELOOP with magic links of /proc as well, so execve(2) will report it. */
function isCircle(path: string): boolean {
  return codeOf(tryStat(path)) === "ELOOP";
}
