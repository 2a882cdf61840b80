import type { Lab } from "./lab.ts";
import { reportedNumber } from "./report.ts";

const SCRIPT =
  "dd if=/dev/zero of=/tmp/file bs=1M count=16 2>/dev/null; echo written; read go; dd if=/dev/zero of=/tmp/file bs=1M count=64";

export const tmpfsCountsAsMemory: Lab = {
  name: "tmpfs-counts-as-memory",
  title: "Files on a tmpfs count as memory, and no process holds them",
  story:
    "A container is killed by OOM, and the sum of what its processes use (ps, top, the heap) is far below the limit. It writes to /tmp or /dev/shm, which is a tmpfs.",
  needs: ["memory"],
  commands: (dir) => [
    ["contain", "run", "-q", "--memory", "32M", "--tmpfs", "/tmp", "--json", `${dir}/end.json`, "--", "sh", "-c", SCRIPT],
  ],
  question:
    "dd writes 16M to a file on a tmpfs, and ends. Only a shell is left, which uses less than 2M. How much memory does the group use?",
  answers: ["less than 2M: dd has ended", "more than 16M", "nothing: a file is cache, which does not count"],
  right: 1,
  play(stage) {
    const running = stage.start(0);
    const { pid, group } = stage.container(running);
    stage.until("the file is written", () => running.output().includes("written"));
    const current = stage.file(`${group}/memory.current`, "cgroup-v2.rst: all memory of the group, in bytes");
    const shmem = stage.field(
      `${group}/memory.stat`,
      "shmem",
      "cgroup-v2.rst: cache that is swap-backed: tmpfs, shm, shared anonymous mappings",
    );
    const anon = stage.field(`${group}/memory.stat`, "anon", "cgroup-v2.rst: what the processes themselves have");
    stage.field(`/proc/${pid}/status`, "VmRSS", "proc_pid_status(5): what the only process that is left holds");
    stage.enter(running);
    stage.end(running);
    const kills = reportedNumber(
      stage,
      `${stage.dir}/end.json`,
      "oomKills",
      "cgroup-v2.rst, memory.events oom_kill after 64M were written, read before the group was removed",
    );
    stage.check("memory.stat shmem is the file: 16M", Number(shmem) >= 16 << 20 && Number(shmem) < 20 << 20);
    stage.check("it is in memory.current", Number(current) >= 16 << 20);
    stage.check("the processes hold less than 4M", anon !== "" && Number(anon) < 4 << 20);
    stage.check("64M in such a file are an OOM kill", (kills ?? 0) >= 1);
  },
  why: "Pages of a tmpfs have no disk behind them: without swap they cannot be reclaimed, only deleted with the file. They are charged to the group that wrote them (cgroup-v2.rst, memory.stat shmem), and stay charged when the writer has ended. The OOM killer kills processes, which frees none of it.",
  fix: "Bound the tmpfs below the limit (`--tmpfs /tmp:16M`; emptyDir.sizeLimit in kubernetes): then a write fails with ENOSPC. Or put such files on a disk. Look at shmem in memory.stat before blaming the heap.",
};
