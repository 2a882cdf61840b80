// Files named on the command line: env files, seccomp profiles.

import { codeOf, declare, errno, errnoName, fstat, O_CLOEXEC, POLLIN, pollOnce, stat, UsageError } from "@contain-tools/kernel";
import type { Context } from "./context.ts";

const openC = declare("open");
const readC = declare("read", "long");
const closeC = declare("close");
const MAX_GIVEN = 16 << 20; // bytes; /dev/zero has no end

/**
 * The bytes of a file that the caller named, `-` for standard input. It is read once, however often it is asked for: a pipe can be read
 * only once.
 *
 * @param what the option, for the message
 * @param hint what to give instead
 * @throws UsageError if it cannot be read, or is larger than 16 MiB
 */
export function readGiven({ given, inside }: Context, what: string, named: string, hint?: string): Buffer {
  const path = named === "-" ? "/dev/stdin" : named;
  const key = `${inside ?? ""}\0${path}`; // after pivot_root the path means another file
  const known = given.get(key);
  if (known !== undefined) return known;
  const bad = (why: string) => new UsageError(`${what} ${path}: cannot be read: ${why}`, hint);
  const own = callersDescriptor(path);
  const fd = own ?? openC(path, O_CLOEXEC);
  if (fd === -1) throw bad(errnoName(errno()));
  try {
    const bytes = readAll(fd, bad);
    given.set(key, bytes);
    return bytes;
  } finally {
    if (own === undefined) closeC(fd);
  }
}

/** True for a regular file with a name of its own: it can be opened again with the same contents. */
export function canBeReadAgain(path: string): boolean {
  if (path === "-" || /^\/(dev|proc)\//.test(path)) return false;
  try {
    return stat(path).isFile();
  } catch {
    return true; // the reader reports why it cannot be read
  }
}

/**
 * @param again the settings of the link that names it: an execve will plan its words again
 * @throws UsageError for a file that can be read only once
 */
export function checkReadAgain(what: string, path: string, { replanned }: { readonly replanned: boolean }): void {
  if (replanned && !canBeReadAgain(path))
    throw new UsageError(
      `${what} ${path}: it can be read only once`,
      "with --chain exec each link reads its own words again: give a regular file",
    );
}

/** A socket cannot be opened by its name in /proc (ENXIO, unix(7)), nor can another user's pipe; the open descriptor can be read. */
function callersDescriptor(path: string): number | undefined {
  const [, number] = /^\/(?:dev|proc\/self)\/fd\/(\d+)$/.exec(path) ?? [];
  const fd = path === "/dev/stdin" ? 0 : number === undefined ? undefined : Number(number);
  if (fd === undefined) return undefined;
  try {
    return fstat(fd).isFile() ? undefined : fd; // opened again, a file is read from its beginning
  } catch (error) {
    if (codeOf(error) === "EBADF") return undefined;
    throw error;
  }
}

function readAll(fd: number, bad: (why: string) => UsageError): Buffer {
  const chunks: Buffer[] = [];
  for (let size = 0; ; ) {
    const chunk = Buffer.allocUnsafe(0x10000);
    const length = readC(fd, chunk, chunk.length);
    const code = length === -1 ? errnoName(errno()) : "";
    if (length === 0) return Buffer.concat(chunks);
    if (length > 0) {
      chunks.push(chunk.subarray(0, length));
      size += length;
    } else if (code === "EAGAIN") pollOnce(fd, POLLIN, -1);
    else if (code !== "EINTR") throw bad(code);
    if (size > MAX_GIVEN) throw bad("it has more than 16 MiB");
  }
}
