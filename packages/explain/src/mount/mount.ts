// `contain explain mount PATH`: why umount(2) fails with EBUSY, and where the file system stays mounted afterwards.
import { realpathSync, statSync } from "node:fs";
import { resolve } from "node:path";
import type { Finding } from "@contain-tools/chain";
import { codeOf, type MountInfo, readMountInfo, UsageError } from "@contain-tools/kernel";
import { cannotTell, clean, count, fact, is, type Section } from "../process/finding.ts";
import { elsewhere, pinned } from "../process/othernamespaces.ts";
import { readProcess, readProcesses } from "../process/processes.ts";
import { busyStatements, type Target } from "./busy.ts";
import { findUses } from "./holders.ts";
import { isBelow } from "./mounts.ts";
import { readMountSpaces, receivesFrom } from "./mountspaces.ts";

const RULE = "proc_pid_mountinfo(5)";

/** @throws UsageError if there is no such file */
export function explainMount(word: string): { readonly path: string; readonly sections: readonly Section[] } {
  const own = readMountInfo();
  const path = placeOf(word, own);
  const device = blockDevice(path);
  const stack = own.filter((mount) => (device === undefined ? mount.mountPoint === path : mount.device === device));
  const mount = stack.at(-1);
  const processes = readProcesses();
  const spaces = readMountSpaces(processes);
  const ownId = readProcess(process.pid)?.namespaces["mnt"];
  const others = spaces.filter(({ id }) => id !== ownId);
  if (mount === undefined) {
    const same = (candidate: MountInfo) => (device === undefined ? candidate.mountPoint === path : candidate.device === device);
    const nothing = notMounted(path, device, own);
    const held = elsewhere(others, same, undefined);
    return {
      path,
      sections: [
        { heading: "Here", findings: [nothing] },
        { heading: "Other mount namespaces", findings: [...held, ...hidden(others)] },
      ],
    };
  }
  const parent = own.find(({ id }) => id === mount.parent);
  const copies = others.flatMap((space) =>
    (space.mounts ?? [])
      .filter((copy) => copy.device === mount.device && copy.root === mount.root)
      .filter((copy) =>
        receivesFrom(
          parent,
          space.mounts?.find(({ id }) => id === copy.parent),
        ),
      )
      .filter((copy) => !(space.mounts ?? []).some(({ parent: above }) => above === copy.id))
      .map((copy) => ({ space, mount: copy })),
  );
  const target: Target = { mount, children: own.filter(({ parent: above }) => above === mount.id), copies, own };
  const scan = findUses(processes, new Set([mount.id, ...copies.map((copy) => copy.mount.id)]), devicesOf(mount));
  const here = [
    is(
      "mount",
      `${clean(mount.mountPoint)} is ${mount.type} from ${clean(mount.source)}${mount.root === "/" ? "" : `, its directory ${clean(mount.root)}`}${stack.length > 1 ? `; ${count(stack.length, "mount")} of it are here, and umount takes the last` : ""}`,
      [fact(`/proc/self/mountinfo ${mount.mountPoint}`, `id ${mount.id}, device ${mount.device}, ${mount.options.join(",")}`, RULE)],
    ),
    ...busyStatements(target, scan),
  ];
  const sameFiles = (candidate: MountInfo) => candidate.device === mount.device;
  const away = [...bindsHere(target), ...elsewhere(others, sameFiles, parent), ...pinned(scan, spaces), ...hidden(others)];
  return {
    path,
    sections: [
      { heading: "Here", findings: here },
      { heading: "Other places of the same file system", findings: away },
    ].filter(({ findings }) => findings.length > 0),
  };
}

/** A mount point is found by its name alone: the file system may not answer any more. */
function placeOf(word: string, own: readonly MountInfo[]): string {
  const path = resolve(word);
  if (own.some(({ mountPoint }) => mountPoint === path)) return path;
  try {
    return realpathSync(path);
  } catch (error) {
    throw new UsageError(`${word}: ${codeOf(error)}`, "name a mount point (`findmnt` lists them), or a block device");
  }
}

/** `major:minor` of a block device's file, as mountinfo has it (makedev(3)). */
function blockDevice(path: string): string | undefined {
  if (!isBelow(path, "/dev")) return undefined;
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (stat === undefined || !stat.isBlockDevice()) return undefined;
  const major = ((stat.rdev >> 8n) & 0xfffn) | ((stat.rdev >> 32n) & ~0xfffn);
  const minor = (stat.rdev & 0xffn) | ((stat.rdev >> 12n) & ~0xffn);
  return `${major}:${minor}`;
}

/** stat(2) may report another device than mountinfo (btrfs, overlay), and mappings show that one. */
function devicesOf(mount: MountInfo): string[] {
  if (mount.type !== "btrfs" && mount.type !== "overlay") return [mount.device];
  const { dev } = statSync(mount.mountPoint);
  return [mount.device, `${(dev >> 8) & 0xfff}:${(dev & 0xff) | ((dev >> 12) & 0xfff00)}`];
}

function notMounted(path: string, device: string | undefined, own: readonly MountInfo[]): Finding {
  if (device !== undefined)
    return is("not-mounted", `${clean(path)} (${device}) is mounted nowhere in this mount namespace`, [
      fact("/proc/self/mountinfo", `no line with device ${device}`, RULE),
    ]);
  const holder = own.findLast(
    ({ mountPoint }) =>
      isBelow(path, mountPoint) && own.every((other) => other.mountPoint.length <= mountPoint.length || !isBelow(path, other.mountPoint)),
  );
  return is(
    "not-a-mount-point",
    `${clean(path)} is no mount point in this mount namespace, but a file of the mount on ${clean(holder?.mountPoint ?? "/")}: umount says EINVAL`,
    [fact("/proc/self/mountinfo", `no line for ${path}`, "umount(2)")],
  );
}

/** A bind mount elsewhere does not block umount, but keeps the device in use. */
function bindsHere({ mount, own }: Target): Finding[] {
  const binds = own.filter(({ id, device }) => id !== mount.id && device === mount.device);
  if (binds.length === 0 || mount.type === "sysfs" || mount.type === "proc" || mount.type === "cgroup2") return [];
  const places = binds.slice(0, 8).map(({ mountPoint }) => clean(mountPoint, 100));
  return [
    is(
      "mounted-here-too",
      `in this mount namespace it is also mounted on ${places.join(", ")}: umount of one leaves the others`,
      binds.slice(0, 4).map((bind) => fact(`/proc/self/mountinfo ${bind.mountPoint}`, `device ${bind.device}`, RULE)),
    ),
  ];
}

function hidden(spaces: readonly { readonly mounts: unknown; readonly reader: number }[]): Finding[] {
  const unread = spaces.find(({ mounts }) => mounts === undefined);
  if (unread === undefined) return [];
  return [
    cannotTell("mounts-unreadable", "whether another mount namespace has it", [
      { source: `/proc/${unread.reader}/mountinfo`, value: undefined, problem: "EACCES", rule: RULE },
    ]),
  ];
}
