// How many inotify instances and watches a user has (inotify(7)): the kernel does not show its count, /proc shows them one by one.
import { readdir, readIfThere, readlink, statusField } from "@contain-tools/kernel";

const MAX_PROCESSES = 4000; // processes

export function inotifyOf(uid: number): { readonly instances: number; readonly watches: number } | undefined {
  const pids = readdir("/proc").filter((name) => /^\d/.test(name));
  if (pids.length > MAX_PROCESSES) return undefined;
  let [instances, watches] = [0, 0];
  for (const pid of pids) {
    const status = readIfThere(`/proc/${pid}/status`) ?? "";
    if (Number(statusField(status, "Uid")?.split(/\s+/)[1]) !== uid) continue;
    for (const fd of list(`/proc/${pid}/fd`)) {
      if (linkOf(`/proc/${pid}/fd/${fd}`) !== "anon_inode:inotify") continue;
      instances++;
      watches += readIfThere(`/proc/${pid}/fdinfo/${fd}`)?.match(/^inotify /gm)?.length ?? 0;
    }
  }
  return { instances, watches };
}

function list(path: string): string[] {
  try {
    return readdir(path);
  } catch {
    return [];
  }
}

function linkOf(path: string): string {
  try {
    return readlink(path);
  } catch {
    return "";
  }
}
