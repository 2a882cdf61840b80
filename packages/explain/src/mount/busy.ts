// Why umount(2) fails with EBUSY: what holds this mount, or a copy of it that the unmount would reach by propagation.
import { readdirSync } from "node:fs";
import type { Evidence, Finding } from "@contain-tools/chain";
import { type MountInfo, readIfThere, unescapeOctal } from "@contain-tools/kernel";
import { cannotTell, clean, count, fact, is, some } from "../process/finding.ts";
import { describe } from "../process/processes.ts";
import type { Scan, Use } from "./holders.ts";
import { isBelow } from "./mounts.ts";
import type { MountSpace } from "./mountspaces.ts";

export interface Target {
  readonly mount: MountInfo;
  /** Mounts on directories of it. */
  readonly children: readonly MountInfo[];
  /** The same directory in other mount namespaces, to which an unmount here propagates. */
  readonly copies: readonly { readonly space: MountSpace; readonly mount: MountInfo }[];
  /** All mounts of this namespace. */
  readonly own: readonly MountInfo[];
}

const RULE = "umount(2), EBUSY";

export function busyStatements(target: Target, scan: Scan): Finding[] {
  if (target.mount.mountPoint === "/") return [rootStays(target.mount)];
  const reasons = [...childMounts(target), ...users(target, scan.uses), ...kernelUsers(target)];
  const unseen = unseenProcesses(scan);
  const { mountPoint } = target.mount;
  if (reasons.length > 0) {
    const summary = is(
      "umount-busy",
      `umount ${clean(mountPoint)} says EBUSY, for ${count(reasons.length, "reason")}`,
      reasons.flatMap(({ evidence }) => evidence.slice(0, 1)),
      "end these uses; `umount -l` only hides the mount until they have ended (umount(8))",
    );
    return [summary, ...reasons, ...unseen];
  }
  const nothing = cannotTell(
    "nothing-holds-it",
    "whether umount works for certain: nothing that /proc shows holds this mount",
    [fact("/proc/*/{cwd,root,exe,fd,maps}", "none on this mount", RULE)],
    "what the kernel itself holds (an NFS export, a loop device of another namespace, a descriptor on its way through a socket) is not shown there; umount would tell",
  );
  return [nothing, ...unseen];
}

/** do_umount in the kernel: the caller's root is made read-only instead. */
function rootStays({ id }: MountInfo): Finding {
  const text =
    "umount of / does not unmount: the kernel makes the root of the caller read-only instead, and says EBUSY while a file is open for writing";
  return is("umount-root", text, [fact("/proc/self/mountinfo /", `id ${id}`, "fs/namespace.c, do_umount")]);
}

const MAX_SHOWN = 20;

function childMounts({ mount, children }: Target): Finding[] {
  if (children.length === 0) return [];
  const proof = children.slice(0, 6).map((child) => fact(`/proc/self/mountinfo ${child.mountPoint}`, `parent ${child.parent}`, RULE));
  return [
    is(
      "busy-child-mounts",
      `${count(children.length, "mount lies", "mounts lie")} on it: ${some(children.map(({ mountPoint }) => clean(mountPoint, 100)))}`,
      proof,
      `umount those first, or all with \`umount -R ${clean(mount.mountPoint)}\``,
    ),
  ];
}

function users({ mount, copies }: Target, uses: readonly Use[]): Finding[] {
  const byProcess = new Map<string, Use[]>();
  for (const use of uses) {
    const key = `${use.process.pid} ${use.mount}`;
    byProcess.set(key, [...(byProcess.get(key) ?? []), use]);
  }
  const shown = [...byProcess.values()].slice(0, MAX_SHOWN).flatMap((list) => {
    const [first] = list;
    if (first === undefined) return [];
    const copy = copies.find((candidate) => candidate.mount.id === first.mount);
    const what = some(list.map(({ how }) => how));
    const proof: Evidence[] = list.slice(0, 4).map(({ source }) => fact(source, `mnt_id ${first.mount}`, RULE));
    if (copy === undefined) return [is("busy-process", `${describe(first.process)} uses it: ${what}`, proof)];
    const why = `the unmount is passed on to ${copy.space.id}, which has it on ${clean(copy.mount.mountPoint)}, and there ${describe(first.process)} uses it: ${what}`;
    return [
      is("busy-copy", why, [
        ...proof,
        fact(
          `/proc/${copy.space.reader}/mountinfo ${copy.mount.mountPoint}`,
          `id ${copy.mount.id}, device ${mount.device}`,
          'mount_namespaces(7), "SHARED SUBTREES"',
        ),
      ]),
    ];
  });
  const more = byProcess.size - MAX_SHOWN;
  return more > 0
    ? [
        ...shown,
        is("busy-more", `${count(more, "more process uses", "more processes use")} it`, [
          fact("/proc/*/{cwd,root,exe,fd,maps}", `${byProcess.size} processes`, RULE),
        ]),
      ]
    : shown;
}

/** The kernel holds swap files and the files behind loop devices; no process shows them. */
function kernelUsers({ mount, own }: Target): Finding[] {
  const lies = (path: string) =>
    path.startsWith("/") &&
    own.findLast(
      ({ mountPoint }) =>
        isBelow(path, mountPoint) && own.every((other) => other.mountPoint.length <= mountPoint.length || !isBelow(path, other.mountPoint)),
    )?.id === mount.id;
  const swaps = (readIfThere("/proc/swaps") ?? "")
    .split("\n")
    .slice(1)
    .flatMap((line) => (/ file /.test(line.replaceAll("\t", " ")) ? [unescapeOctal(line.split(/\s/)[0] ?? "")] : []));
  const loops = list("/sys/block").flatMap((name) => {
    const source = `/sys/block/${name}/loop/backing_file`;
    const path = name.startsWith("loop") ? readIfThere(source)?.trim() : undefined;
    return path === undefined ? [] : [{ name, path, source }];
  });
  return [
    ...swaps
      .filter(lies)
      .map((path) =>
        is("busy-swap", `a swap file lies on it: ${clean(path)}`, [fact("/proc/swaps", path, "swapon(2)")], `swapoff ${clean(path)}`),
      ),
    ...loops
      .filter(({ path }) => lies(path))
      .map(({ name, path, source }) =>
        is(
          "busy-loop",
          `the loop device ${name} has its file on it: ${clean(path)}`,
          [fact(source, path, "loop(4)")],
          `umount /dev/${name}, then losetup -d /dev/${name}`,
        ),
      ),
  ];
}

function list(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch {
    return [];
  }
}

function unseenProcesses({ unseen }: Scan): Finding[] {
  const [first] = unseen;
  if (first === undefined) return [];
  return [
    cannotTell(
      "processes-unseen",
      `whether ${count(unseen.length, "more process", "more processes")} (${describe(first)}${unseen.length > 1 ? ", …" : ""}) use it`,
      [{ source: `/proc/${first.pid}/cwd`, value: undefined, problem: "EACCES", rule: RULE }],
    ),
  ];
}
