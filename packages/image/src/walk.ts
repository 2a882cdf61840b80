// The files below a directory, as entries. Others may change them meanwhile, and no symbolic link is followed.
import {
  bytesOf,
  close,
  fdPath,
  fstat,
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
/** proc, sysfs, cgroup2, cgroup, devpts, debugfs, tracefs, securityfs, mqueue: what the kernel shows is no file to copy (statfs(2)). */
const OF_KERNEL = [0x9fa0, 0x62656572, 0x63677270, 0x27e0eb, 0x1cd1, 0x64626720, 0x74726163, 0x73636673, 0x19800202];

/**
 * What `name` is in an open directory (an empty name: what is open itself), and all below it; without what the kernel shows in files of its own.
 *
 * @param as the name of the first entry
 * @throws SyscallError ENOENT
 */
export function* walk(dir: number, name: string, as: string, device?: number): Generator<Entry> {
  const bytes = bytesOf(name);
  const stat = statAt(dir, bytes);
  if (stat === undefined || stat.isSocket()) return; // it went while we looked
  const entry = describe(stat, as, dir, bytes);
  if (!stat.isDirectory()) return yield entry;
  const fd = openAt(dir, bytes, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    if (stat.dev !== device && OF_KERNEL.includes(statfs(fdPath(fd)).type)) return;
    yield entry;
    for (const child of readdirBytes(fdPath(fd)).toSorted()) yield* walk(fd, child, `${as}/${child}`, stat.dev);
  } finally {
    close(fd);
  }
}

function describe(stat: Found, name: string, dir: number, bytes: Uint8Array): Entry {
  const { mode, uid, gid, mtime, rdev } = stat;
  const type = typeOf(stat);
  return {
    ...{ name, type, mode: mode & 0o7777, uid, gid, mtime, attributes: new Map(), at: 0 },
    size: type === "file" ? stat.size : 0,
    link: type === "symlink" ? readlinkAt(dir, bytes) : "",
    major: (rdev >> 8) & 0xfff,
    minor: (rdev & 0xff) | ((rdev >>> 12) & 0xfff00),
    data: contentOf(dir, bytes, type),
  };
}

function typeOf(stat: Found): Entry["type"] {
  if (stat.isDirectory()) return "directory";
  if (stat.isSymbolicLink()) return "symlink";
  if (stat.isFIFO()) return "fifo";
  if (stat.isCharacterDevice()) return "character-device";
  return stat.isBlockDevice() ? "block-device" : "file";
}

/** Opened when it is read. What is no file any more is not opened: a device may act on that. */
async function* contentOf(dir: number, name: Uint8Array, type: Entry["type"]): AsyncGenerator<Uint8Array> {
  if (type !== "file") return;
  const found = name.length === 1 ? open(fdPath(dir), O_PATH) : openAt(dir, name, O_PATH | O_NOFOLLOW);
  try {
    if (!fstat(found).isFile()) return;
    const fd = open(fdPath(found));
    try {
      for (;;) {
        const chunk = Buffer.allocUnsafe(1 << 18);
        const length = read(fd, chunk);
        if (length === 0) return;
        yield chunk.subarray(0, length);
      }
    } finally {
      close(fd);
    }
  } finally {
    close(found);
  }
}
