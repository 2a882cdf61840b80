// The tmpfs mounts of a container, held open so that they can be asked when the container has gone.
import { closeSync, constants, openSync } from "node:fs";
import { openInRoot, readMountInfo } from "@contain-tools/kernel";

export interface Held {
  readonly mountPoint: string;
  readonly fd: number;
}

/** Opens the tmpfs mounts at these places; one that cannot be opened is left out. */
export function holdTmpfs(pid: number, places: readonly string[]): Held[] {
  if (places.length === 0) return [];
  const held: Held[] = [];
  let root = -1;
  try {
    root = openSync(`/proc/${pid}/root`, constants.O_RDONLY | constants.O_DIRECTORY);
    for (const { mountPoint, type } of readMountInfo(pid)) {
      if (places.includes(mountPoint) && (type === "tmpfs" || type === "overlay"))
        held.push({ mountPoint, fd: openInRoot(root, mountPoint) });
    }
  } catch {
    // it has ended, or we may not look
  }
  if (root !== -1) closeSync(root);
  return held;
}

export function letGo(held: readonly Held[]): void {
  for (const { fd } of held) closeSync(fd);
}
