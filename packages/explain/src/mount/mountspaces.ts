// The mount namespaces of this host, each with its mounts and the processes that keep it alive.
import { type MountInfo, readMountInfo } from "@contain-tools/kernel";
import type { Process } from "../process/processes.ts";

export interface MountSpace {
  /** `mnt:[4026532177]` */
  readonly id: string;
  readonly members: readonly Process[];
  /** undefined if no member's mountinfo can be read. */
  readonly mounts: readonly MountInfo[] | undefined;
  /** Whose mountinfo it is. */
  readonly reader: number;
}

export function readMountSpaces(processes: readonly Process[]): MountSpace[] {
  const spaces = new Map<string, Process[]>();
  for (const process of processes) {
    const id = process.namespaces["mnt"];
    if (id === undefined) continue;
    const members = spaces.get(id);
    if (members === undefined) spaces.set(id, [process]);
    else members.push(process);
  }
  return [...spaces].map(([id, members]) => ({ id, members, ...readOne(members) }));
}

/** A chroot hides the mounts outside it, so of several members the one that sees most counts. */
function readOne(members: readonly Process[]): Pick<MountSpace, "mounts" | "reader"> {
  let best: { mounts: MountInfo[]; reader: number } | undefined;
  for (const { pid } of members.slice(0, 8)) {
    try {
      const mounts = readMountInfo(`/proc/${pid}`);
      if (best === undefined || mounts.length > best.mounts.length) best = { mounts, reader: pid };
    } catch {
      // it has ended meanwhile
    }
  }
  return best ?? { mounts: undefined, reader: members[0]?.pid ?? 0 };
}

/** An unmount here reaches copies of mounts whose parent is in the same peer group, if that is known (mount_namespaces(7)). */
export function receivesFrom(here: MountInfo | undefined, there: MountInfo | undefined): boolean {
  const groups = (here?.propagation ?? []).flatMap((word) => /^shared:(\d+)$/.exec(word)?.[1] ?? []);
  return (there?.propagation ?? []).some((word) => {
    const [kind, id = ""] = word.split(":");
    return (kind === "shared" || kind === "master") && groups.includes(id);
  });
}
