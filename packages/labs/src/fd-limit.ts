import { readdirSync } from "node:fs";
import { readIfThere } from "@contain-tools/kernel";
import type { Lab } from "./lab.ts";

const SCRIPT = 'exec 3</dev/null 4</dev/null 5</dev/null; true </dev/null; echo "true ended with $?"; read go';

export const fdLimit: Lab = {
  name: "fd-limit",
  title: "Too many open files: a limit of the process, not the group",
  story: "A service under load says `Too many open files`. The container's limits and the machine's fs.file-nr are far away.",
  needs: [],
  commands: () => [["contain", "run", "-q", "--ulimit", "nofile=6", "--", "sh", "-c", SCRIPT]],
  question:
    "A shell has 0, 1 and 2 open, opens three files as 3, 4 and 5, and then a fourth one for `true </dev/null`. RLIMIT_NOFILE is 6. What happens to the fourth?",
  answers: [
    "open(2) fails: 0, 1 and 2 count, so six are open",
    "it is opened: four files are fewer than six",
    "it is opened: the limit is for all processes of the container together",
  ],
  right: 0,
  play(stage) {
    const running = stage.start(0);
    const { pid } = stage.container(running);
    stage.until("open has failed", () => running.output().includes("true ended with"));
    const line = /^Max open files.*$/m.exec(readIfThere(`/proc/${pid}/limits`) ?? "")?.[0];
    const limit = stage.note(
      `/proc/${pid}/limits`,
      line,
      "getrlimit(2), RLIMIT_NOFILE: one more than the highest descriptor; soft and hard",
    );
    const open = readdirSync(`/proc/${pid}/fd`);
    stage.note(`/proc/${pid}/fd`, open.join(" "), "proc_pid_fd(5): the descriptors that are open now");
    stage.enter(running);
    stage.end(running);
    stage.check("the limit is 6", /^Max open files\s+6\s+6\s/.test(limit));
    stage.check("six descriptors were open, 0 to 5", open.length === 6 && open.every((fd) => Number(fd) < 6));
    stage.check("the next one could not be opened", /true ended with [1-9]/.test(running.output()));
  },
  why: "RLIMIT_NOFILE bounds the number of a process's next descriptor: open(2), socket(2), accept(2) and pipe(2) fail with EMFILE when none below it is free (getrlimit(2)). It is a limit of each process, inherited through fork and exec. No cgroup controller counts descriptors. Sockets count; 0, 1 and 2 count.",
  fix: "Compare `ls /proc/PID/fd | wc -l` with /proc/PID/limits of the process itself. A number that only grows is a leak (`readlink /proc/PID/fd/*` shows of what); otherwise raise the soft limit (`--ulimit nofile=SOFT:HARD`, prlimit(1)).",
};
