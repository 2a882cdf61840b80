// How many inotify instances and watches a user has (inotify(7)): the kernel has no total, but /proc shows them one by one.
import { readIfThere, statusField } from "@contain-tools/kernel";
import { openFilesOf } from "../../openfiles.ts";
import { pids } from "../../process/processes.ts";

const MAX_PROCESSES = 4000; // processes

export function inotifyOf(uid: number): { readonly instances: number; readonly watches: number } | undefined {
  const all = pids();
  if (all.length > MAX_PROCESSES) return undefined;
  let [instances, watches] = [0, 0];
  for (const pid of all) {
    const status = readIfThere(`/proc/${pid}/status`) ?? "";
    if (Number(statusField(status, "Uid")?.split(/\s+/)[1]) !== uid) continue;
    for (const { fd, file } of openFilesOf(pid)) {
      if (file !== "anon_inode:inotify") continue;
      instances++;
      watches += readIfThere(`/proc/${pid}/fdinfo/${fd}`)?.match(/^inotify /gm)?.length ?? 0;
    }
  }
  return { instances, watches };
}
