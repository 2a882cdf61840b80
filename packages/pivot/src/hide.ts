// --hide: a directory of the host that nobody inside may see. It is found by its identity, wherever a mount in the root shows it.
import {
  close,
  codeOf,
  fdPath,
  fstat,
  join,
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSUID,
  MS_RDONLY,
  mountIdOf,
  mountsBeside,
  moveMount,
  newMount,
  O_DIRECTORY,
  O_PATH,
  open,
  openInRootIfThere,
  readlink,
  relative,
  type Stat,
} from "@contain-tools/kernel";
import type { Plan } from "./cli.ts";
import { bindOf } from "./volume.ts";

/**
 * Lays an empty read-only tmpfs over a directory of the host, at each place of the root that shows it. A directory that does not exist is
 * skipped.
 */
export function hideDirectory(plan: Plan, root: number, dir: string): void {
  const fd = openIfThere(dir);
  if (fd === undefined) return;
  const path = readlink(fdPath(fd));
  const given = plan.volumes.flatMap((volume) => (bindOf(volume)?.source === dir ? [volume.target] : []));
  const stat = fstat(fd);
  for (const place of shownAt(fd, path, readlink(fdPath(root)))) if (!given.includes(place)) cover(root, place, stat);
  if (plan.layers !== undefined)
    // An overlay is its own file system: there the directory has another identity.
    for (const layer of [plan.rootfs, ...plan.layers.lowers].map(pathOf))
      if (isBelow(path, layer)) cover(root, join("/", relative(layer, path)));
  close(fd);
}

function openIfThere(dir: string): number | undefined {
  try {
    return open(dir, O_PATH | O_DIRECTORY);
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "EACCES"].includes(codeOf(error) ?? "")) return undefined;
    throw error;
  }
}

/**
 * Where mounts below `top` show `fd`: those of its file system whose own root is at or above it. Paths are relative to `top`. Mounts in a
 * peer group with the host are left out: a mount made there would appear on the host too (mount_namespaces(7)).
 */
function shownAt(fd: number, path: string, top: string): string[] {
  const ownId = mountIdOf(fd);
  const mounts = ownId === undefined ? [] : mountsBeside(ownId);
  const own = mounts.find(({ id }) => id === ownId);
  if (own === undefined) return [];
  const within = join(own.root, relative(own.mountPoint, path));
  const showing = mounts
    .filter(({ root }) => isBelow(within, root))
    .map(({ mountPoint, root, propagation }) => ({ place: join(mountPoint, relative(root, within)), propagation }));
  const shared = showing.filter(({ propagation }) => propagation.some((word) => word.startsWith("shared:")));
  return showing
    .map(({ place }) => place)
    .filter((place) => isBelow(place, top) && !shared.some((other) => other.place === place))
    .map((place) => join("/", relative(top, place)));
}

/** The path without symbolic links. */
function pathOf(dir: string): string {
  const fd = open(dir, O_PATH | O_DIRECTORY);
  const path = readlink(fdPath(fd));
  close(fd);
  return path;
}

const isBelow = (path: string, top: string) => path === top || path.startsWith(top.endsWith("/") ? top : `${top}/`);

/** @param wanted what must be there; something else may have been mounted over it */
function cover(root: number, place: string, wanted?: Stat): void {
  const target = openInRootIfThere(root, place);
  if (target === undefined) return;
  const { dev, ino } = fstat(target);
  if (wanted === undefined || (dev === wanted.dev && ino === wanted.ino)) {
    const mount = newMount("tmpfs", { source: "tmpfs", mode: "755", size: "4k" }, MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC);
    moveMount(mount, target);
    close(mount);
  }
  close(target);
}
