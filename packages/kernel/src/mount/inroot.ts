// Paths inside a root that somebody else has laid out: openat2(2) never leaves it.

import { codeOf, SyscallError, ToolError } from "../ffi/errno.ts";
import { declareSyscall, errno, SYS } from "../ffi/libc.ts";
import { quote, sys, trace, tracer } from "../ffi/trace.ts";
import { mkdir, readlink } from "../file/directory.ts";
import { close, O_CLOEXEC, O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_PATH, O_WRONLY, open } from "../file/open.ts";
import { basename, dirname } from "../file/path.ts";
import { lstatIfThere } from "../file/stat.ts";
import { fchdir } from "./mount.ts";

const RESOLVE_NO_MAGICLINKS = 2;
const RESOLVE_IN_ROOT = 16;
const ENOENT = 2;
const EAGAIN = 11;
const EACCES = 13;
const ENOTDIR = 20;
const openat2C = declareSyscall(SYS.openat2);

/**
 * openat2(2) with RESOLVE_IN_ROOT: `path` is looked up as if `root` were `/`, so that neither `..` nor a symbolic link in a
 * hostile rootfs leads out of it (CVE-2021-30465).
 *
 * @param path as text, or as bytes with a NUL behind them
 * @returns an O_PATH descriptor
 * @throws SyscallError ENOENT, ENOTDIR, ELOOP; ENOSYS before Linux 5.6
 */
export function openInRoot(root: number, path: string | Uint8Array): number {
  const fd = lookUp(root, path);
  if (fd < 0) throw notOpened(root, path, -fd);
  return fd;
}

/** The same; undefined if it does not exist or cannot be reached. */
export function openInRootIfThere(root: number, path: string): number | undefined {
  const fd = lookUp(root, path);
  if (fd >= 0) return fd;
  if (fd === -ENOENT || fd === -ENOTDIR || fd === -EACCES) return undefined;
  throw notOpened(root, path, -fd);
}

/** The descriptor, or the errno as a negative number: a path to be made is often missing, and an exception costs half a millisecond. */
function lookUp(root: number, path: string | Uint8Array): number {
  const how = new BigUint64Array([BigInt(O_PATH | O_CLOEXEC), 0n, BigInt(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)]);
  for (let tries = 0; ; tries++) {
    const fd = openat2C(root, path, new Uint8Array(how.buffer), 24);
    const code = fd === -1 ? errno() : 0;
    if (tracer.mode !== "off") trace("openat2", describe(root, path), fd, code);
    if (code === 0) return fd;
    if (code !== EAGAIN || tries > 100) return -code; // EAGAIN: a rename crossed the lookup
  }
}

function describe(root: number, path: string | Uint8Array): string[] {
  const text = typeof path === "string" ? path : Buffer.from(path.subarray(0, -1)).toString();
  return [`${root}`, quote(text), "{flags=O_PATH|O_CLOEXEC, resolve=RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS}", "24"];
}

function notOpened(root: number, path: string | Uint8Array, code: number): SyscallError {
  return new SyscallError("openat2", describe(root, path), code);
}

const AT_FDCWD = -100;

/**
 * openat2(2) with RESOLVE_NO_MAGICLINKS, from the kernel's working directory and root of this process. A runtime may remember the working
 * directory from before pivot_root (Bun does).
 *
 * @returns an O_PATH descriptor
 * @throws SyscallError ELOOP for a path through a magic link such as /proc/PID/exe
 */
export function openWithoutMagicLinks(path: string): number {
  const how = new BigUint64Array([BigInt(O_PATH | O_CLOEXEC), 0n, BigInt(RESOLVE_NO_MAGICLINKS)]);
  return sys(
    "openat2",
    () => ["AT_FDCWD", quote(path), "{flags=O_PATH|O_CLOEXEC, resolve=RESOLVE_NO_MAGICLINKS}", "24"],
    openat2C(AT_FDCWD, path, new Uint8Array(how.buffer), 24),
  );
}

/** A path that leads to exactly what the descriptor stands for, for calls that take a path. */
export function fdPath(fd: number): string {
  return `/proc/self/fd/${fd}`;
}

/**
 * chdir(2) to a path that others may have laid out. Magic links of /proc are not followed: /proc/self/fd/N could be a directory of the host
 * that is still open here (CVE-2024-21626).
 *
 * @throws SyscallError ENOENT, ENOTDIR, EACCES; ELOOP for such a link
 */
export function chdirInRoot(path: string): void {
  const root = open("/", O_PATH | O_DIRECTORY);
  try {
    const fd = openInRoot(root, path);
    try {
      fchdir(fd);
    } finally {
      close(fd);
    }
  } finally {
    close(root);
  }
}

/**
 * `openInRoot`, creating what is missing: a directory, or a file's directories and an empty file.
 *
 * @param links how many dangling symbolic links may be followed to create their targets, all within the root
 */
export function makeInRoot(root: number, path: string, kind: "directory" | "file", links = 0): number {
  const there = lookUp(root, path);
  if (there >= 0) return there;
  if (there !== -ENOENT) throw notOpened(root, path, -there);
  const parent = dirname(path) === path ? "/" : dirname(path);
  const above = makeInRoot(root, parent, "directory", links);
  let link: string | undefined;
  try {
    const name = basename(path);
    if (name === ".." || name === "." || name === "") throw new ToolError(`${path}: not a place to make a ${kind}`);
    const target = `${fdPath(above)}/${name}`;
    if (kind === "directory") mkdir(target, 0o755);
    else close(open(target, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o644));
  } catch (error) {
    // EEXIST: somebody was faster, or a dangling symbolic link has the name; the lookup below decides
    if (codeOf(error) !== "EEXIST") throw error;
    if (links > 0) link = readlinkIfLink(`${fdPath(above)}/${basename(path)}`);
  } finally {
    close(above);
  }
  return link === undefined ? openInRoot(root, path) : makeInRoot(root, link.startsWith("/") ? link : `${parent}/${link}`, kind, links - 1);
}

function readlinkIfLink(path: string): string | undefined {
  return lstatIfThere(path)?.isSymbolicLink() ? readlink(path) : undefined;
}
