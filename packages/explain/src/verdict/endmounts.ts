// The mounts of a container at its end: a tmpfs or overlay that was full, a volume whose directory had been deleted.
import type { Finding } from "@contain-tools/chain";
import { type MountInfo, statfs } from "@contain-tools/kernel";
import { deletedRoot, isDeleted } from "../mount/mounts.ts";
import { formatBytes } from "../usage.ts";
import type { Case } from "./case.ts";
import { hint } from "./hint.ts";

interface Filling {
  readonly mountPoint: string;
  readonly kind: string;
  /** As statfs(2) has them. */
  readonly bsize: number;
  readonly blocks: number;
  readonly bfree: number;
  readonly files: number;
  readonly ffree: number;
}

export function endOfMounts({ seen: { mounts } }: Case): Finding[] {
  const found = mounts?.inside((all) => ({
    full: all
      .filter(({ type, options }) => !options.includes("ro") && (type === "tmpfs" || type === "overlay"))
      .flatMap(({ mountPoint, type }) => fillingOf(mountPoint, type)),
    deleted: all.filter(isDeleted),
  }));
  return [...(found?.full ?? []).flatMap(judge), ...(found?.deleted ?? []).map(gone)];
}

function gone(mount: MountInfo): Finding {
  const evidence = { source: `mountinfo ${mount.mountPoint}`, value: mount.root, rule: "proc_pid_mountinfo(5)" };
  const text = `what was mounted on ${mount.mountPoint} had been deleted, ${deletedRoot(mount)} of its file system: nothing could be made in it any more (ENOENT)`;
  return hint("volume-deleted", text, [evidence], "make the directory again, and start the container again");
}

const MEMORY = [0x01021994, 0x794c7630]; // TMPFS_MAGIC, OVERLAYFS_SUPER_MAGIC: not what lies over the mount

function fillingOf(mountPoint: string, kind: string): Filling[] {
  try {
    const { type, bsize, blocks, bfree, files, ffree } = statfs(mountPoint);
    return MEMORY.includes(type) ? [{ mountPoint, kind, bsize, blocks, bfree, files, ffree }] : [];
  } catch {
    return [];
  }
}

function judge({ mountPoint, kind, bsize, blocks, bfree, files, ffree }: Filling): Finding[] {
  const evidence = (value: string) => [
    { source: `statfs(${mountPoint})`, value, rule: "tmpfs(5): ENOSPC when size= or nr_inodes= is reached" },
  ];
  if (blocks > 0 && bfree === 0) {
    const text = `the ${kind} on ${mountPoint} was full at the end, ${formatBytes(blocks * bsize)} (ENOSPC)`;
    return [hint("tmpfs-full", text, evidence(`${blocks} blocks, 0 free`), "a larger --tmpfs DST:SIZE")];
  }
  if (files === 0 || ffree > 0) return [];
  return [hint("tmpfs-full", `the ${kind} on ${mountPoint} had no inode left at the end (ENOSPC)`, evidence(`${files} inodes, 0 free`))];
}
