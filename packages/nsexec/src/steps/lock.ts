// --lock: mounts that nobody inside can make writable. They are made read-only in a mount namespace in between: a mount namespace owned by
// another user namespace cannot clear the flags that it inherits (mount_namespaces(7), locked mounts).
import type { Values } from "@contain-tools/chain";
import {
  chdir,
  close,
  exists,
  fdPath,
  type MountInfo,
  MS_BIND,
  MS_RDONLY,
  MS_REC,
  mount,
  mountIdOf,
  O_NOFOLLOW,
  O_PATH,
  open,
  quote,
  readlink,
  readMountInfo,
  restrictMount,
  setPropagation,
  UsageError,
} from "@contain-tools/kernel";
import { isKernelsOwn } from "../shift.ts";

/** A path, with the mounts at and below it. */
export interface Place {
  readonly path: string;
  readonly locked: boolean;
}

/** Empty without --lock. @throws UsageError */
export function readLock(given: Values<"lock" | "unlocked" | "shift" | "ro-shift" | "unshifted">, names: ReadonlySet<string>): Place[] {
  if (!given.has("lock")) {
    if (given.has("unlocked")) throw new UsageError("--unlocked is an exception to --lock, which is not given");
    return [];
  }
  if (!names.has("user"))
    throw new UsageError("--lock: without a new user namespace nothing is locked for root inside", "add --user and a map: --map-root-user");
  if (given.has("shift") || given.has("ro-shift") || given.has("unshifted"))
    throw new UsageError("--lock and --shift exclude each other", "--ro-shift locks, too");
  return (["lock", "unlocked"] as const).flatMap((name) =>
    given.all(name).map((path) => {
      if (!exists(path)) throw new UsageError(`no such file: --${name} ${quote(path)}`);
      return { path, locked: name === "lock" };
    }),
  );
}

/** Makes the locked paths read-only in this mount namespace, which must be our own. @throws SyscallError */
export function lockMounts(list: readonly Place[]): void {
  setPropagation("slave"); // no mount made here reaches the host
  // Each path follows its parents; if a path is given twice, the exception counts.
  const places = list.map(({ path, locked }) => ({ path: realPath(path), locked })).sort((a, b) => a.path.length - b.path.length);
  for (const { path } of places) if (path !== "/") mount(path, path, null, MS_BIND | MS_REC);
  for (const entry of readMountInfo()) {
    const place = places.findLast(({ path }) => isAtOrBelow(entry.mountPoint, path));
    if (place?.locked && !isKernelsOwn(entry.type)) makeEntryReadOnly(entry);
  }
  returnToDirectory();
}

/** The caller's directory, on the mounts made since. */
function returnToDirectory(): void {
  let cwd: string;
  try {
    cwd = process.cwd();
  } catch {
    return; // it has been removed, so nothing was mounted there
  }
  chdir(cwd);
}

function realPath(path: string): string {
  const fd = open(path, O_PATH);
  const real = readlink(fdPath(fd));
  close(fd);
  return real;
}

const isAtOrBelow = (path: string, top: string) => top === "/" || path === top || path.startsWith(`${top}/`);

function makeEntryReadOnly({ id, mountPoint }: MountInfo): void {
  let fd: number;
  try {
    fd = open(mountPoint, O_PATH | O_NOFOLLOW);
  } catch {
    return; // covered by another mount, or not ours to reach
  }
  if (mountIdOf(fd) === id) restrictMount(fd, MS_RDONLY, false);
  close(fd);
}
