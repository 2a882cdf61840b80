// The root of a process: read-only or not, which mounts are writable, and which of them are the host's.
import { readlinkSync } from "node:fs";
import type { Finding } from "@contain-tools/chain";
import { codeOf, type MountInfo } from "@contain-tools/kernel";
import { shared } from "../mount/hostmounts.ts";
import { deletedRoot, isDeleted, isKernelInterface, isWritable, mountEvidence, mountsOf } from "../mount/mounts.ts";
import { cannotTell, clean, count, fact, is, some } from "./finding.ts";
import type { Subject } from "./subject.ts";

const RULE = "proc_pid_mountinfo(5)";

export function explainRoot(subject: Subject): Finding[] {
  const { pid, exiting, state, kernelThread } = subject;
  if (kernelThread) return [];
  if (exiting || state === "Z")
    return [
      is("root-given-up", "it is ending, and has left its root and mounts already", [
        fact(`/proc/${pid}/stat flags`, "PF_EXITING", "proc_pid_stat(5)"),
      ]),
    ];
  const mounts = mountsOf(pid);
  if (!Array.isArray(mounts)) return [cannotTell("root-unknown", "what its root is", [mounts])];
  const chroot = chrootOf(subject);
  const root = mounts.findLast(({ mountPoint }) => mountPoint === "/");
  const first = chroot === undefined ? [] : [chroot];
  if (root === undefined)
    return [
      ...first,
      cannotTell(
        "root-unknown",
        "whether its root is read-only: no mount of its mountinfo is on /, as in a chroot into a plain directory",
        [{ source: `/proc/${pid}/mountinfo`, value: `${mounts.length} lines, none for /`, rule: RULE }],
      ),
    ];
  return [
    ...first,
    rootState(pid, root),
    ...overlay(pid, root),
    ...shifted(pid, mounts),
    ...writable(pid, mounts),
    ...deleted(pid, mounts),
    ...shared(subject, mounts),
  ];
}

/** mountinfo is relative to the root of the process; /proc/PID/root says whether that is another directory (chroot(2)). */
function chrootOf({ pid }: Subject): Finding | undefined {
  const source = `/proc/${pid}/root`;
  const rule = "chroot(2), proc_pid_root(5)";
  try {
    const path = readlinkSync(source);
    return path === "/"
      ? undefined
      : is("chroot", `its root is the directory ${clean(path)} of its mount namespace (chroot)`, [fact(source, path, rule)]);
  } catch (error) {
    return cannotTell("chroot-unknown", "whether it is in a chroot", [{ source, value: undefined, problem: codeOf(error) ?? "", rule }]);
  }
}

function rootState(pid: number, root: MountInfo): Finding {
  const proof = [mountEvidence(pid, root)];
  if (isWritable(root)) return is("root-writable", `its root is mounted read-write (${root.type})`, proof);
  const why = root.options.includes("ro") ? "the mount is read-only" : "the whole file system is";
  return is("root-read-only", `its root is read-only (${root.type}): ${why}, and writing fails with EROFS`, proof);
}

/** lowerdir is a list with `:`, or since Linux 6.8 one lowerdir+ a layer (overlayfs.rst). */
function overlay(pid: number, root: MountInfo): Finding[] {
  if (root.type !== "overlay") return [];
  const values = (name: string) =>
    root.superOptions.filter((option) => option.startsWith(`${name}=`)).map((option) => option.slice(name.length + 1));
  const lower = [...values("lowerdir").flatMap((text) => text.split(/(?<!\\):/)), ...values("lowerdir+")].filter(Boolean);
  const [upper] = values("upperdir");
  const where = upper === undefined ? "it has no upper one and cannot be written to" : `writes go to ${clean(upper, 200)}`;
  return [
    is(
      "root-overlay",
      `its root is an overlay of ${count(lower.length, "lower layer")}, the topmost ${clean(lower[0] ?? "?", 200)}; ${where}`,
      [{ ...mountEvidence(pid, root), rule: "overlayfs.rst" }],
    ),
  ];
}

/** mountinfo does not show which map a mount has. */
function shifted(pid: number, mounts: readonly MountInfo[]): Finding[] {
  const found = mounts.filter(({ options }) => options.includes("idmapped"));
  if (found.length === 0) return [];
  const names = some(
    found.map(({ mountPoint }) => clean(mountPoint, 100)),
    20,
  );
  return [
    is(
      "mounts-idmapped",
      `idmapped: ${names}; on disk, the owners of files there are other ids than its uid_map and gid_map say`,
      found.slice(0, 6).map((mount) => ({ ...mountEvidence(pid, mount), rule: "mount_setattr(2), ID-mapped mounts" })),
    ),
  ];
}

/** An open file can still be read and written; a removed directory is empty, and takes no new file. */
function deleted(pid: number, mounts: readonly MountInfo[]): Finding[] {
  return mounts.filter(isDeleted).map((mount) => {
    const text = `what is mounted on ${clean(mount.mountPoint, 100)} was deleted, ${clean(deletedRoot(mount), 200)} of its file system: nothing can be made in a deleted directory (ENOENT), and a new one of that name does not appear here`;
    return is(
      "mount-deleted",
      text,
      [{ ...mountEvidence(pid, mount), value: mount.root }],
      "make the directory again, and the mount (start the container again)",
    );
  });
}

function writable(pid: number, mounts: readonly MountInfo[]): Finding[] {
  const all = mounts.filter(isWritable);
  const files = all.filter((mount) => !isKernelInterface(mount));
  const kernel = all.filter(isKernelInterface);
  const names = (list: readonly MountInfo[]) =>
    some(
      list.map(({ mountPoint, type }) => `${clean(mountPoint, 100)} (${type})`),
      20,
    );
  const findings = [
    files.length === 0
      ? is("mounts-writable-none", "none of its mounts of files is read-write", [
          fact(`/proc/${pid}/mountinfo`, `${mounts.length} mounts`, RULE),
        ])
      : is(
          "mounts-writable",
          `mounted read-write: ${names(files)}`,
          files.slice(0, 20).map((mount) => mountEvidence(pid, mount)),
        ),
  ];
  if (kernel.length > 0)
    findings.push(
      is(
        "mounts-kernel",
        `kernel interfaces mounted read-write: ${names(kernel)}`,
        kernel.slice(0, 6).map((mount) => mountEvidence(pid, mount)),
      ),
    );
  return findings;
}
