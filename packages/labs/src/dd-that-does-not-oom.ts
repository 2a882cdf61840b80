import type { Lab } from "./lab.ts";
import { reportedNumber } from "./report.ts";

const dd = (dir: string, bs: string, count: string) => [
  ...["contain", "run", "-q", "--memory", "32M", "--json", `${dir}/${bs}.json`],
  ...["--", "dd", "if=/dev/zero", "of=/dev/null", `bs=${bs}`, `count=${count}`],
];

export const ddThatDoesNotOom: Lab = {
  name: "dd-that-does-not-oom",
  title: "200M through dd under a limit of 32M: it depends on bs",
  story: "Somebody tests a memory limit with dd, copies far more than the limit, and nothing is killed. Does the limit not work?",
  needs: ["memory"],
  commands: (dir) => [dd(dir, "1M", "200"), dd(dir, "200M", "1")],
  question: "Both copy 200M and may use 32M of memory. Which one is killed?",
  answers: ["both", "the second one, bs=200M", "none: /dev/zero and /dev/null are no memory"],
  right: 1,
  play(stage) {
    const small = stage.end(stage.start(0));
    const smallPeak = reportedNumber(
      stage,
      `${stage.dir}/1M.json`,
      "memoryPeak",
      "cgroup-v2.rst, memory.peak: the most that was used, in bytes (Linux 5.19)",
    );
    const smallKills = reportedNumber(stage, `${stage.dir}/1M.json`, "oomKills", "cgroup-v2.rst, memory.events oom_kill");
    const large = stage.end(stage.start(1));
    reportedNumber(stage, `${stage.dir}/200M.json`, "memoryPeak", "cgroup-v2.rst, memory.peak: at the limit of 33554432, and not above");
    const largeKills = reportedNumber(stage, `${stage.dir}/200M.json`, "oomKills", "cgroup-v2.rst, memory.events oom_kill");
    stage.check("bs=1M: exit status 0, no OOM kill", small.status === 0 && smallKills === 0);
    if (smallPeak !== undefined) stage.check("its peak was far below the limit", smallPeak < 24 << 20);
    stage.check("bs=200M: exit status 137, an OOM kill", large.status === 137 && (largeKills ?? 0) >= 1);
  },
  why: "A limit is on what is held at one time, not on what passes through. dd has one buffer of bs bytes and uses it again and again: 1M in the first run, 200M at once in the second one. When a regular file is copied its pages are cache, which the kernel drops before it kills.",
  fix: "Test a memory limit with something that holds its memory: dd with a bs above the limit, or a file on a tmpfs.",
};
