import { readIfThere } from "@contain-tools/kernel";
import type { Lab } from "./lab.ts";

const SCRIPT = 'dd if=/dev/zero of=/dev/null bs=100M count=1; echo "dd ended with $?"; read go';

export const oomChildOnly: Lab = {
  name: "oom-child-only",
  title: "The OOM killer takes one child, and the container lives on",
  story:
    "Requests fail now and then, a worker is gone, a compiler says `Killed`: yet the container runs, has not been restarted, and ends with 0. Nothing reports an OOM kill.",
  needs: ["memory"],
  commands: () => [
    ["contain", "run", "-q", "--memory", "32M", "--", "sh", "-c", SCRIPT],
    ["contain", "run", "-q", "--memory", "32M", "--oom-group", "--", "sh", "-c", SCRIPT],
  ],
  question:
    "A shell, PID 1, starts dd, which uses 100M where 32M are allowed. Then it reads a line (Enter) and ends. How does the first container end?",
  answers: ["with 0: only dd was killed", "with 137: the container was killed", "it hangs"],
  right: 0,
  play(stage) {
    const running = stage.start(0);
    const { pid, group } = stage.container(running);
    stage.until("dd is killed", () => running.output().includes("dd ended with"));
    stage.file(`${group}/memory.max`, "cgroup-v2.rst: the hard limit in bytes");
    const kills = stage.field(`${group}/memory.events`, "oom_kill", "cgroup-v2.rst: processes of the group that the OOM killer has killed");
    const all = stage.file(`${group}/memory.oom.group`, "cgroup-v2.rst: 0 kills one process, 1 the group as a whole");
    stage.field(`/proc/${pid}/status`, "State", "proc_pid_status(5): PID 1 lives");
    const alive = readIfThere(`/proc/${pid}/status`) !== undefined;
    stage.enter(running);
    const { status } = stage.end(running);
    stage.check("the OOM killer took one process", kills === "1" && all === "0");
    stage.check("it was dd: the shell saw 137", running.output().includes("dd ended with 137"));
    stage.check("PID 1 lived on, and the container ended with 0", alive && status === 0);
    const whole = stage.start(1);
    const end = stage.end(whole);
    stage.check("with --oom-group the whole container ended: 137", end.status === 137 && !whole.output().includes("dd ended"));
  },
  why: "The OOM killer takes the process of the group that uses most, not PID 1 (memory.oom.group 0). Its parent sees a child killed by SIGKILL; the container's own exit status does not show it. With memory.oom.group 1 all processes are killed together.",
  fix: "Watch memory.events oom_kill, not exit statuses. Where half a container is worse than none: `--oom-group`, which kubernetes sets by default since 1.28 on cgroup v2.",
};
