// The inotify instances and watches of a process, and how near its user is to the limits on them (inotify(7)).
import type { Finding } from "@contain-tools/chain";
import { namespaceId, statusField } from "@contain-tools/kernel";
import { type InotifyKind, inotifyHeld, inotifyLimits, inotifyOf } from "../inotify.ts";
import { count, fact, is } from "./finding.ts";
import type { Subject } from "./subject.ts";

const AT_LIMIT = {
  instances: "inotify_init(2) fails with EMFILE",
  watches: "inotify_add_watch(2) fails with ENOSPC",
} as const;

/** Nothing for a process without any: every program starts without. */
export function explainInotify({ pid, status, namespaces }: Subject): Finding[] {
  const held = inotifyHeld(pid);
  if (held.instances === 0) return [];
  const own = fact(`/proc/${pid}/fdinfo`, `${held.instances} of inotify, ${held.watches} watches`, "proc_pid_fdinfo(5) inotify");
  const found = [
    is("inotify", `it has ${count(held.instances, "inotify instance")} with ${count(held.watches, "watch", "watches")}`, [own]),
  ];
  const uid = Number(statusField(status, "Uid")?.split(/\s+/)[1]);
  // Another user namespace counts for itself, and here for the user who made it.
  if (namespaces["user"] !== namespaceId("self", "user")) return found;
  return [...found, ...(["instances", "watches"] as const).flatMap((kind) => near(uid, kind))];
}

function near(uid: number, kind: InotifyKind): Finding[] {
  const all = inotifyOf(uid, kind);
  const [limit] = inotifyLimits(kind);
  if (all === undefined || limit === undefined || all.used < Number(limit.value) * 0.9) return [];
  const text = `the user ${uid} has ${all.used} of ${limit.value} inotify ${kind}, which all containers of one user share; at the limit ${AT_LIMIT[kind]}`;
  const fix = `sysctl -w fs.inotify.max_user_${kind}=N on the host, or fewer in the programs of this user`;
  return [is("inotify-near-limit", text, [all.evidence, limit], fix)];
}
