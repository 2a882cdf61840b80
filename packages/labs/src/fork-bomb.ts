import { cgroupField, cgroupOf, readIfThere } from "@contain-tools/kernel";
import type { Lab } from "./lab.ts";
import { NotHere } from "./stopped.ts";

export const forkBomb: Lab = {
  name: "fork-bomb",
  title: "A fork bomb, and what pids.max makes of it",
  story: "A script calls itself, or a thread pool grows without bound: then nothing can be started on the whole machine, not even a shell.",
  needs: ["pids"],
  // PID 1 forks once, before the bomb goes off: a shell whose own fork is refused ends.
  commands: () => [["contain", "run", "-q", "--pids", "20", "--", "sh", "-c", "read go; bomb() { bomb | bomb & }; bomb & read stop"]],
  question: "A function calls itself twice, in the background, for ever. The group may have 20 processes. What happens at the 21st?",
  answers: ["the container is killed", "fork(2) waits until one has ended", "fork(2) fails inside with EAGAIN; the host does not notice"],
  right: 2,
  play(stage) {
    const running = stage.start(0);
    const { pid, group } = stage.container(running);
    const max = stage.file(`${group}/pids.max`, "cgroup-v2.rst: the most processes and threads in the group");
    if (max !== "20" || !group.endsWith(cgroupOf(pid)))
      throw new NotHere("the bomb was not started: its limit is not in force", `pids.max is ${max}, its group ${cgroupOf(pid)}`);
    stage.enter(running);
    stage.until("a fork was refused", () => (cgroupField(group, "pids.events", "max") ?? 0) >= 1 || running.ended() !== undefined);
    const current = stage.file(`${group}/pids.current`, "cgroup-v2.rst: how many there are");
    const refused = stage.field(`${group}/pids.events`, "max", "cgroup-v2.rst: forks that were refused at the limit; fork(2): EAGAIN");
    const alive = readIfThere(`/proc/${pid}/status`) !== undefined;
    stage.stop(running);
    stage.check("forks were refused", Number(refused) >= 1);
    stage.check("there were never more than 20", current !== "" && Number(current) <= 20);
    stage.check("PID 1 was not killed", alive);
    stage.check("all processes ended: the group was removed", readIfThere(`${group}/pids.current`) === undefined);
  },
  why: "pids.max is checked in fork(2) and clone(2), for threads too: at the limit they fail with EAGAIN, `Resource temporarily unavailable`, and pids.events max grows. Nobody is killed. Without it the bomb goes on up to kernel.pid_max or threads-max, which are the machine's.",
  fix: "Give every container a pids.max (`--pids`, `--pids-limit`, podPidsLimit). When EAGAIN is met in production, look at pids.events first, then RLIMIT_NPROC, threads-max and pid_max.",
};
