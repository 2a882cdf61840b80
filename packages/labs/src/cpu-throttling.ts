import { cgroupField } from "@contain-tools/kernel";
import type { Lab } from "./lab.ts";

export const cpuThrottling: Lab = {
  name: "cpu-throttling",
  title: "Stopped for most of each period by cpu.max",
  story: "Answers that took 5 ms take 80 ms now and then. The machine is idle, and the container's CPU graph shows a calm 20 %.",
  needs: ["cpu"],
  commands: () => [["contain", "run", "-q", "--cpu", "20%", "--", "sh", "-c", "while :; do :; done & read go; kill $!"]],
  question: "A loop that never waits, with 20 % of one CPU. How does it run?",
  answers: [
    "at full speed for 20 ms, then stopped for 80 ms, again and again",
    "slowly and evenly, at a fifth of the speed",
    "at full speed while the machine is idle",
  ],
  right: 0,
  play(stage) {
    const running = stage.start(0);
    const { group } = stage.container(running);
    const field = (key: string) => cgroupField(group, "cpu.stat", key) ?? 0;
    stage.until("ten periods have passed", () => field("nr_periods") >= 10);
    const max = stage.file(`${group}/cpu.max`, "cgroup-v2.rst: the quota and the period, in microseconds");
    const periods = stage.field(`${group}/cpu.stat`, "nr_periods", "cgroup-v2.rst: periods in which the group wanted to run");
    const throttled = stage.field(`${group}/cpu.stat`, "nr_throttled", "cgroup-v2.rst: those in which it was stopped, its quota used up");
    const time = stage.field(`${group}/cpu.stat`, "throttled_usec", "cgroup-v2.rst: how long it was stopped in all");
    const used = stage.field(`${group}/cpu.stat`, "usage_usec", "cgroup-v2.rst: how long it ran");
    stage.enter(running);
    stage.end(running);
    stage.check("cpu.max is 20 ms of each 100 ms", max === "20000 100000");
    stage.check("it was stopped in most periods", Number(throttled) >= Number(periods) / 2);
    stage.check("it stood still longer than it ran", Number(time) > Number(used));
  },
  why: "cpu.max is a quota for each period, 100 ms by default (sched-bwc.rst). The group runs at full speed until the quota is used up, and then not at all until the next period. Several threads use it up sooner: four of them have 5 ms. An average over seconds shows the quota, not the gaps.",
  fix: "Alert on nr_throttled and throttled_usec. Raise the quota; or run as many threads as it allows; or use cpu.weight, which shares a CPU only while it is contended.",
};
