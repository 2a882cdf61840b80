// The differences between a container's root, which is an overlay, and the directory below it.
import {
  bytesOf,
  close,
  failedWith,
  fdPath,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
  open,
  openAt,
  readdirBytes,
  readlinkAt,
  statAt,
} from "@contain-tools/kernel";
import { outside, type Root } from "./sides.ts";

export interface Change {
  readonly kind: "added" | "changed" | "deleted";
  /** Each byte a character. */
  readonly path: string;
}

type Found = NonNullable<ReturnType<typeof statAt>>;
interface Place {
  readonly dir: number;
  readonly stat: Found;
}

/**
 * The changes, each directory before what is in it.
 *
 * @param mounts mount points inside that are not part of the overlay
 */
export function changes(rootfs: string, root: Root, mounts: ReadonlySet<string>): Change[] {
  const lower = open(rootfs, O_RDONLY | O_DIRECTORY);
  const upper = openAt(root.fd, bytesOf("."), O_RDONLY | O_DIRECTORY);
  try {
    return compareDirectories(lower, upper, "");
  } finally {
    close(lower);
    close(upper);
  }

  function compareDirectories(before: number | undefined, now: number | undefined, path: string): Change[] {
    const names = [...namesIn(before), ...namesIn(now)];
    return [...new Set(names)].toSorted().flatMap((name) => {
      const below = `${path}/${name}`;
      return mounts.has(below) ? [] : compare(find(before, name), find(now, name), name, below);
    });
  }

  function compare(before: Place | undefined, now: Place | undefined, name: string, path: string): Change[] {
    if (now === undefined) return before === undefined ? [] : [{ kind: "deleted", path }];
    const isDirectory = now.stat.isDirectory();
    const above = before?.stat.isDirectory() === true ? before : undefined;
    const below = isDirectory ? inDirectories(above, now, name, (old, fd) => compareDirectories(old, fd, path)) : [];
    if (before === undefined) return [{ kind: "added", path }, ...below];
    return below.length > 0 || differ(before, now, name, root) ? [{ kind: "changed", path }, ...below] : [];
  }
}

const namesIn = (fd: number | undefined) => (fd === undefined ? [] : readdirBytes(fdPath(fd)));

function find(dir: number | undefined, name: string): Place | undefined {
  const stat = dir === undefined ? undefined : statAt(dir, bytesOf(name));
  return dir === undefined || stat === undefined ? undefined : { dir, stat };
}

/** Calls `act` with both directories open; not if one was removed, or replaced by a link, in the meantime. */
function inDirectories(
  before: Place | undefined,
  now: Place,
  name: string,
  act: (before: number | undefined, now: number) => Change[],
): Change[] {
  const old = before === undefined ? undefined : openIfThere(before.dir, name);
  const fd = openIfThere(now.dir, name);
  try {
    return fd === undefined ? [] : act(old, fd);
  } finally {
    if (fd !== undefined) close(fd);
    if (old !== undefined) close(old);
  }
}

function openIfThere(dir: number, name: string): number | undefined {
  try {
    return openAt(dir, bytesOf(name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  } catch (error) {
    if (failedWith(error, "ENOENT", "ENOTDIR", "ELOOP")) return undefined;
    throw error;
  }
}

function linkOf({ dir }: Place, name: string): string | undefined {
  try {
    return readlinkAt(dir, bytesOf(name));
  } catch (error) {
    if (failedWith(error, "ENOENT", "EINVAL")) return undefined;
    throw error;
  }
}

/** A copied-up file has its own times, even if it was only opened for writing. */
function differ(before: Place, now: Place, name: string, { ids }: Root): boolean {
  const { stat } = before;
  const { mode, uid, gid, mtime, rdev, size } = now.stat;
  const isOwner = (mapped: number, own: number, then: number) => own === then || own === mapped;
  if (mode !== stat.mode || mtime !== stat.mtime || rdev !== stat.rdev) return true;
  if (!isOwner(outside(ids?.uid, stat.uid), uid, stat.uid) || !isOwner(outside(ids?.gid, stat.gid), gid, stat.gid)) return true;
  if (stat.isSymbolicLink()) return linkOf(before, name) !== linkOf(now, name);
  return !stat.isDirectory() && size !== stat.size;
}
