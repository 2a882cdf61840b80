import type { Lab } from "./lab.ts";
import { reportedNumber } from "./report.ts";

export const oomKill: Lab = {
  name: "oom-kill",
  title: "The OOM killer of the group: exit status 137",
  story: "A container ends with 137. There is nothing in its log, and the machine has memory enough.",
  needs: ["memory"],
  commands: (dir) => [
    ["contain", "run", "-q", "--memory", "32M", "--json", `${dir}/end.json`].concat([
      ...["--", "sh", "-c", "read go; exec dd if=/dev/zero of=/dev/null bs=100M count=1"],
    ]),
  ],
  question: "dd reads 100M into memory at once, and may use 32M. How does it end?",
  answers: [
    "read(2) or malloc(3) fails, and dd says so: exit status 1",
    "SIGKILL, without a message: exit status 137",
    "it swaps, and is slow: exit status 0",
  ],
  right: 1,
  play(stage) {
    const running = stage.start(0);
    const { group } = stage.container(running);
    const max = stage.file(`${group}/memory.max`, "cgroup-v2.rst: the hard limit in bytes");
    stage.file(`${group}/memory.swap.max`, "cgroup-v2.rst: 0 means that nothing of the group may be swapped out");
    stage.field(`${group}/memory.events`, "oom_kill", "cgroup-v2.rst: processes of the group that the OOM killer has killed, before");
    stage.enter(running);
    const { status } = stage.end(running);
    const kills = reportedNumber(
      stage,
      `${stage.dir}/end.json`,
      "oomKills",
      "cgroup-v2.rst, memory.events oom_kill after the end, read before the group was removed",
    );
    stage.check("memory.max is 32M", max === `${32 << 20}`);
    stage.check("exit status 137", status === 137);
    stage.check("memory.events counts an OOM kill", (kills ?? 0) >= 1);
  },
  why: "Memory is charged when a page is first touched, not when it is allocated: malloc(3) succeeded. At memory.max the kernel reclaims what it can; here there is nothing to reclaim, so it kills a process of the group (cgroup-v2.rst, memory.max). 137 is 128+9, SIGKILL. By itself 137 proves no OOM kill: memory.events does.",
  fix: "Raise the limit, or let the program use less: a heap limit of its runtime below memory.max (-Xmx, --max-old-space-size, GOMEMLIMIT). An alert on memory.events oom_kill sees it.",
};
