// Mount namespaces that hold a file system after it was unmounted here, and what keeps them alive.

import type { Finding } from "@contain-tools/chain";
import type { MountInfo } from "@contain-tools/kernel";
import type { Scan } from "../mount/holders.ts";
import { isKernelInterface, isWritable } from "../mount/mounts.ts";
import { type MountSpace, receivesFrom } from "../mount/mountspaces.ts";
import { cannotTell, clean, fact, is, some } from "./finding.ts";
import { list } from "./processes.ts";

const RULE = "mount_namespaces(7)";
const MAX_SHOWN = 12;

/** @param parent the mount under it here, to see whether an unmount propagates */
export function elsewhere(spaces: readonly MountSpace[], same: (mount: MountInfo) => boolean, parent: MountInfo | undefined): Finding[] {
  const holding = spaces.flatMap((space) => {
    const mounts = (space.mounts ?? []).filter((mount) => same(mount) && !(parent === undefined && isKernelInterface(mount)));
    return mounts.length === 0 ? [] : [{ space, mounts }];
  });
  if (holding.length === 0)
    return [
      is("nowhere-else", "no other mount namespace of a process has it mounted", [
        fact("/proc/*/mountinfo", `${spaces.length} other namespaces, none has it`, RULE),
      ]),
    ];
  const shown = holding.slice(0, MAX_SHOWN).map(({ space, mounts }) => {
    const places = some(
      mounts.map(
        (mount) =>
          `${clean(mount.mountPoint, 100)}${mount.root === "/" ? "" : ` (its ${clean(mount.root, 60)})`}${isWritable(mount) ? "" : " read-only"}`,
      ),
    );
    const passed = mounts.some((mount) =>
      receivesFrom(
        parent,
        space.mounts?.find(({ id }) => id === mount.parent),
      ),
    );
    const effect = passed ? "an umount here is passed on to it" : "it stays there after an umount here, and keeps the device in use";
    const proof = mounts
      .slice(0, 3)
      .map((mount) => fact(`/proc/${space.reader}/mountinfo ${mount.mountPoint}`, `id ${mount.id}, device ${mount.device}`, RULE));
    return is(
      "held-by-namespace",
      `${space.id} has it on ${places}: ${effect}. Kept alive by ${list(space.members)}`,
      [...proof, fact(`/proc/${space.reader}/ns/mnt`, space.id, RULE)],
      passed
        ? undefined
        : `end those processes, or nsenter --target ${space.reader} --mount umount ${clean(mounts[0]?.mountPoint ?? "", 100)}`,
    );
  });
  const rest = holding.length - shown.length;
  return rest > 0
    ? [
        ...shown,
        is("held-by-more", `${rest} more mount namespaces have it`, [fact("/proc/*/mountinfo", `${holding.length} namespaces`, RULE)]),
      ]
    : shown;
}

/** A namespace without processes, kept by a bind mount of its file or by a descriptor: no mountinfo shows its mounts. */
export function pinned({ pins }: Scan, spaces: readonly MountSpace[]): Finding[] {
  const lived = new Set(spaces.map(({ id }) => id));
  const files = spaces.flatMap(({ mounts, reader }) =>
    (mounts ?? [])
      .filter(({ type, root }) => type === "nsfs" && root.startsWith("mnt:["))
      .map((mount) => ({
        id: mount.root,
        by: `bound on ${clean(mount.mountPoint)}`,
        source: `/proc/${reader}/mountinfo ${mount.mountPoint}`,
        enter: mount.mountPoint,
      })),
  );
  const fds = pins.map(({ process, namespace, source }) => ({
    id: namespace,
    by: `held open by PID ${process.pid} (${process.name})`,
    source,
    enter: source,
  }));
  const empty = [...files, ...fds].filter(({ id }) => !lived.has(id));
  const one = [...new Map(empty.map((pin) => [pin.id, pin])).values()];
  return one.map(({ id, by, source, enter }) =>
    cannotTell(
      "namespace-without-process",
      `whether ${id} has it mounted: no process is in it, it is ${by}`,
      [fact(source, id, RULE)],
      `nsenter --mount=${clean(enter)} cat /proc/self/mountinfo would tell`,
    ),
  );
}
