// inotify instances and watches (inotify(7)): the kernel counts them by user, and shows no total. /proc shows who holds them, and a try
// whether it allows one more.
import type { Evidence } from "@contain-tools/chain";
import {
  askChild,
  failedWith,
  inotify,
  namespaceId,
  readIfThere,
  setgroups,
  setresgid,
  setresuid,
  statusField,
} from "@contain-tools/kernel";
import { openFilesOf } from "./openfiles.ts";
import { describe, pids } from "./process/processes.ts";

export type InotifyKind = "instances" | "watches";

interface Held {
  readonly instances: number;
  readonly watches: number;
}

const MAX_PROCESSES = 4000; // processes
const CHILD_TIMEOUT = 2000; // milliseconds
const FDINFO = "proc_pid_fdinfo(5) inotify";

/** What a process holds. */
export function inotifyHeld(pid: number): Held {
  let [instances, watches] = [0, 0];
  for (const { fd, file } of openFilesOf(pid)) {
    if (file !== "anon_inode:inotify") continue;
    instances++;
    watches += readIfThere(`/proc/${pid}/fdinfo/${fd}`)?.match(/^inotify /gm)?.length ?? 0;
  }
  return { instances, watches };
}

/** What the processes of a user in our user namespace hold, and who holds most; undefined on a machine with too many processes. */
export function inotifyOf(uid: number, kind: InotifyKind): { readonly used: number; readonly evidence: Evidence } | undefined {
  const all = pids();
  if (all.length > MAX_PROCESSES) return undefined;
  const ours = namespaceId("self", "user");
  const holders = all.flatMap((pid) => {
    const status = readIfThere(`/proc/${pid}/status`) ?? "";
    const counts = Number(statusField(status, "Uid")?.split(/\s+/)[1]) === uid && namespaceId(pid, "user") === ours;
    const used = counts ? inotifyHeld(pid)[kind] : 0;
    return used === 0 ? [] : [{ used, who: describe({ pid, name: statusField(status, "Name") ?? "?" }) }];
  });
  holders.sort((a, b) => b.used - a.used);
  const used = holders.reduce((sum, one) => sum + one.used, 0);
  const most = holders.slice(0, 3).map((one) => `${one.who} ${one.used}`);
  const value = `${used} ${kind} of the user ${uid}${most.length === 0 ? "" : `: ${most.join(", ")}`}`;
  return { used, evidence: { source: "/proc/*/fdinfo", value, rule: FDINFO } };
}

/** The limits of our user namespace and of the first one, lowest first; a new user namespace has none of its own. */
export function inotifyLimits(kind: InotifyKind): Evidence[] {
  const found = [`/proc/sys/user/max_inotify_${kind}`, `/proc/sys/fs/inotify/max_user_${kind}`].flatMap((source): Evidence[] => {
    const value = readIfThere(source)?.trim();
    return value === undefined ? [] : [{ source, value, rule: "inotify(7), namespaces(7)" }];
  });
  return found.sort((a, b) => Number(a.value) - Number(b.value));
}

/** Whether the kernel refuses a user one more instance or watch at this moment; undefined if that cannot be tried. */
export function refusesInotify(uid: number, kind: InotifyKind): Evidence | undefined {
  const [syscall, code] = kind === "instances" ? ["inotify_init1", "EMFILE"] : ["inotify_add_watch", "ENOSPC"];
  const ask = () => {
    if (uid !== process.geteuid?.()) {
      setgroups([]);
      setresgid(uid);
      setresuid(uid);
    }
    try {
      inotify("/");
      return "0";
    } catch (error) {
      return failedWith(error, code) ? code : "?";
    }
  };
  let text: string | undefined;
  try {
    ({ text } = askChild(0, CHILD_TIMEOUT, ask));
  } catch {
    return undefined; // no more processes
  }
  const value = text === code || text === "0" ? text : undefined;
  return value === undefined ? undefined : { source: `${syscall} of a child of ours, for the user ${uid}`, value, rule: "inotify(7)" };
}
