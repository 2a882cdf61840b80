// Which mounts of a process are the host's: the same files, or the same peer group.

import type { Evidence, Finding } from "@contain-tools/chain";
import type { MountInfo } from "@contain-tools/kernel";
import { cannotTell, clean, fact, is, some } from "../process/finding.ts";
import type { Subject } from "../process/subject.ts";
import { hostPath, isDeleted, isKernelInterface, isWritable, mountEvidence, mountsOf } from "./mounts.ts";

const RULE = "proc_pid_mountinfo(5)";

/** What it shares with PID 1 of this /proc: files (same device, in a part of the tree) and propagation (peer groups). */
export function shared({ pid, namespaces, host: whose }: Subject, mounts: readonly MountInfo[]): Finding[] {
  const [own, hosts] = [namespaces["mnt"], whose.namespaces["mnt"]];
  const proof = [
    fact(`/proc/${pid}/ns/mnt`, own ?? "", "mount_namespaces(7)"),
    fact(`/proc/${whose.pid}/ns/mnt`, hosts ?? "", "mount_namespaces(7)"),
  ];
  const host = mountsOf(whose.pid);
  if (own === undefined || hosts === undefined || !Array.isArray(host)) {
    const missing: Evidence = !Array.isArray(host)
      ? host
      : { source: `/proc/${own === undefined ? pid : whose.pid}/ns/mnt`, value: undefined, problem: "EACCES", rule: RULE };
    return [cannotTell("mounts-shared-unknown", "which mounts it shares with the host", [missing])];
  }
  if (own === hosts) return [is("mounts-are-hosts", "it is in the host's mount namespace: every mount here is the host's", proof)];
  const files = mounts
    .filter((mount) => !isKernelInterface(mount))
    .flatMap((mount) => {
      const path = hostPath(mount, host);
      return path === undefined ? [] : [{ mount, path }];
    });
  const findings: Finding[] = [];
  if (files.length === 0) findings.push(is("mounts-none-of-hosts", "no file system of the host's is mounted in it", proof));
  for (const { mount, path } of files.slice(0, 20).filter(({ mount }) => !isDeleted(mount)))
    findings.push(
      is("mount-of-hosts", `${clean(mount.mountPoint)} is the host's ${clean(path)}, ${isWritable(mount) ? "read-write" : "read-only"}`, [
        mountEvidence(pid, mount),
        fact(`/proc/${whose.pid}/mountinfo device`, mount.device, RULE),
      ]),
    );
  return [...findings, ...propagation(pid, mounts, host)];
}

/** Peers get each other's mounts and unmounts; a slave only receives (mount_namespaces(7), "SHARED SUBTREES"). */
function propagation(pid: number, mounts: readonly MountInfo[], host: readonly MountInfo[]): Finding[] {
  const rule = 'mount_namespaces(7), "SHARED SUBTREES"';
  const groups = new Set(host.flatMap(({ propagation: words }) => words.flatMap((word) => /^shared:(\d+)$/.exec(word)?.[1] ?? [])));
  const having = (kind: "shared" | "master") =>
    mounts.filter(({ propagation: words }) => words.some((word) => word.startsWith(`${kind}:`) && groups.has(word.slice(kind.length + 1))));
  const statement = (code: string, list: readonly MountInfo[], text: string): Finding[] =>
    list.length === 0
      ? []
      : [
          is(
            code,
            `${some(list.map(({ mountPoint }) => clean(mountPoint, 100)))}: ${text}`,
            list.slice(0, 6).map((mount) => fact(`/proc/${pid}/mountinfo ${clean(mount.mountPoint)}`, mount.propagation.join(" "), rule)),
          ),
        ];
  return [
    ...statement(
      "mounts-peers",
      having("shared"),
      "shared with the host both ways, a mount or unmount on either side appears on the other",
    ),
    ...statement("mounts-slaves", having("master"), "mounts and unmounts of the host appear in it, and none of its own on the host"),
  ];
}
