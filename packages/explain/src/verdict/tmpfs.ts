// How full the tmpfs mounts of a container are. They are not held open between two looks: umount inside would say EBUSY.
import {
  close,
  monotonic,
  O_DIRECTORY,
  O_RDONLY,
  open,
  openInRoot,
  procDirectory,
  readMountInfo,
  type StatFs,
  statfs,
} from "@contain-tools/kernel";

export interface Filling {
  readonly mountPoint: string;
  /** Milliseconds, as `monotonic` counts them. */
  readonly at: number;
  readonly stat: StatFs;
}

/** Asks the tmpfs mounts at these places; none when the container has ended, or we may not look. */
export function readTmpfs(pid: number, places: readonly string[]): Filling[] {
  if (places.length === 0) return [];
  const opened: number[] = [];
  try {
    const root = open(`${procDirectory(pid)}/root`, O_RDONLY | O_DIRECTORY);
    opened.push(root);
    const wanted = readMountInfo(procDirectory(pid)).filter(
      ({ mountPoint, type }) => places.includes(mountPoint) && (type === "tmpfs" || type === "overlay"),
    );
    return wanted.map(({ mountPoint }) => {
      const fd = openInRoot(root, mountPoint);
      opened.push(fd);
      return { mountPoint, at: monotonic(), stat: statfs(`/proc/self/fd/${fd}`) };
    });
  } catch {
    return [];
  } finally {
    for (const fd of opened) close(fd);
  }
}
