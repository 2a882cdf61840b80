import { existsSync, rmdirSync } from "node:fs";
import { codeOf, waitUntilEmpty } from "@contain-tools/kernel";
import type { Lab } from "./lab.ts";

function tryRemove(group: string): string {
  try {
    rmdirSync(group);
    return "0";
  } catch (error) {
    return codeOf(error) ?? String(error);
  }
}

export const cgroupRmdirBusy: Lab = {
  name: "cgroup-rmdir-busy",
  title: "A group that cannot be removed: Device or resource busy",
  story:
    "Groups of containers that have long ended are still in /sys/fs/cgroup. rmdir says EBUSY, and `rm -r` cannot remove the files in them.",
  needs: ["group"],
  commands: () => [["contain", "run", "-q", "--", "sh", "-c", "read go"]],
  question:
    "While the container runs, its group in /sys/fs/cgroup is removed by rmdir(2); the group has files in it, and one process. What does rmdir say?",
  answers: ["ENOTEMPTY: there are files in it", "EBUSY: there is a process in it", "success: the process moves to the parent"],
  right: 1,
  play(stage) {
    const running = stage.start(0);
    const { pid, group } = stage.container(running);
    stage.tell(`$ rmdir ${group}`);
    const said = stage.note(
      `rmdir ${group}`,
      tryRemove(group),
      "cgroups(7): a group can be removed when it has no children and no live processes",
    );
    const populated = stage.field(
      `${group}/cgroup.events`,
      "populated",
      "cgroup-v2.rst: 1 while the group or one below it has live processes",
    );
    const processes = stage.file(`${group}/cgroup.procs`, "cgroups(7): who is in it; those of groups below are in the files there");
    stage.enter(running);
    stage.end(running);
    const empty = waitUntilEmpty(group, 2000);
    stage.note(group, existsSync(group) ? "still there" : "removed", "contain run removes it by rmdir(2) once it is empty");
    stage.check("rmdir failed with EBUSY", said === "EBUSY");
    stage.check("populated was 1, and PID 1 was in it", populated === "1" && processes.split("\n").includes(`${pid}`));
    stage.check("it could be removed after the process had ended", empty && !existsSync(group));
  },
  why: "The files of a group are the kernel's and do not count: only children and live processes do (cgroups(7)). Zombies do not count either. A process in state D, or one that was moved into a group below, does: then cgroup.procs is empty while cgroup.events says populated 1.",
  fix: "Read cgroup.events; list cgroup.procs of the group and of all below; `echo 1 >cgroup.kill`, wait for populated 0, and rmdir from the deepest up. `cgset --name NAME --kill --rm` does that.",
};
