// The files below a directory, as entries. Others may change them meanwhile; no symbolic link is followed.
import {
  bytesOf,
  close,
  failedWith,
  fdPath,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  open,
  openAt,
  read,
  readdirBytes,
  readlinkAt,
  statAt,
  statfs,
} from "@contain-tools/kernel";
import type { Entry } from "./tar.ts";

type Found = NonNullable<ReturnType<typeof statAt>>;
/** proc, sysfs, cgroup2, cgroup, devpts, debugfs, tracefs, securityfs, mqueue: kernel files are not copied (statfs(2)). */
const OF_KERNEL = [0x9fa0, 0x62656572, 0x63677270, 0x27e0eb, 0x1cd1, 0x64626720, 0x74726163, 0x73636673, 0x19800202];

const HERE = bytesOf(".");
const SELF = bytesOf("");
const MOST_UNSIZED = 64 << 20; // for files with a reported size of 0, as in the kernel's file systems

/**
 * `name` in an open directory (an empty name: the open directory itself), and everything below it, except kernel file systems.
 *
 * @param as the name of the first entry
 * @throws SyscallError EACCES, EMFILE, …
 */
export function* walk(dir: number, name: string, as: string, device?: number): Generator<Entry> {
  const found = find(dir, name);
  if (found === undefined) return; // it went while we looked
  let fd: number | undefined;
  try {
    const stat = statAt(found, SELF);
    if (stat === undefined || stat.isSocket()) return;
    const entry = describe(stat, as, found);
    if (!stat.isDirectory()) return yield entry;
    fd = openAt(found, HERE, O_RDONLY | O_DIRECTORY);
    if (stat.dev !== device && OF_KERNEL.includes(statfs(fdPath(fd)).type)) return;
    yield entry;
    for (const child of readdirBytes(fdPath(fd)).toSorted()) yield* walk(fd, child, `${as}/${child}`, stat.dev);
  } finally {
    if (fd !== undefined) close(fd);
    close(found);
  }
}

/** Opened before it is checked, so that the check and the contents are of the same file, whoever changes the names. */
function find(dir: number, name: string): number | undefined {
  if (name === "") return open(fdPath(dir), O_PATH);
  try {
    return openAt(dir, bytesOf(name), O_PATH | O_NOFOLLOW);
  } catch (error) {
    if (failedWith(error, "ENOENT")) return undefined;
    throw error;
  }
}

function describe(stat: Found, name: string, found: number): Entry {
  const { mode, uid, gid, mtime, rdev } = stat;
  const type = typeOf(stat);
  return {
    ...{ name, type, mode: mode & 0o7777, uid, gid, mtime, attributes: new Map(), at: 0 },
    size: type === "file" ? stat.size : 0,
    link: type === "symlink" ? readlinkAt(found, SELF) : "",
    major: (rdev >> 8) & 0xfff,
    minor: (rdev & 0xff) | ((rdev >>> 12) & 0xfff00),
    data: contentOf(found, type, stat.size || MOST_UNSIZED),
  };
}

function typeOf(stat: Found): Entry["type"] {
  if (stat.isDirectory()) return "directory";
  if (stat.isSymbolicLink()) return "symlink";
  if (stat.isFIFO()) return "fifo";
  if (stat.isCharacterDevice()) return "character-device";
  return stat.isBlockDevice() ? "block-device" : "file";
}

/**
 * Opened when it is read; never for a device, where opening may act. Reads at most the size at the check: a writer could go on for ever.
 */
async function* contentOf(found: number, type: Entry["type"], most: number): AsyncGenerator<Uint8Array> {
  if (type !== "file") return;
  const fd = open(fdPath(found));
  try {
    for (let left = most; left > 0; ) {
      const chunk = Buffer.allocUnsafe(Math.min(left, 1 << 18));
      const length = read(fd, chunk);
      if (length === 0) return;
      yield chunk.subarray(0, length);
      left -= length;
    }
  } finally {
    close(fd);
  }
}
