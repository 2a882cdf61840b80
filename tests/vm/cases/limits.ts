// Limits, each really enforced by the kernel.
import assert from "node:assert/strict";
import type { Case } from "../machine.ts";

/** Reads 100M into memory at once; a shell keeps it company. */
const HOG = "dd if=/dev/zero of=/dev/null bs=100M count=1";

export const limitCases: readonly Case[] = [
  {
    name: "without --swap nothing swaps: the hog is killed; with it, it lives",
    script: `
      mkswap /dev/ubdb >/dev/null && swapon /dev/ubdb
      cgset --name hog --memory 32M
      nsexec --into-cgroup hog -- ${HOG}; echo "status $?"
      cgset --name hog --memory 32M --swap 128M
      nsexec --into-cgroup hog -- ${HOG}; echo "status $?"
      show hog memory.max memory.swap.max
      field hog memory.events oom_kill
      cgset --name hog --rm
      swapoff /dev/ubdb`,
    check: ({ stdout }) => assert.equal(stdout, "status 137\nstatus 0\nmemory.max 33554432\nmemory.swap.max 134217728\n1\n"),
  },
  {
    name: "--memory-high slows down and reclaims, and kills nobody",
    script: `
      cgset --name high --memory-high 8M
      nsexec --into-cgroup high -- dd if=/dev/ubda of=/dev/null bs=1M count=64 status=none; echo "status $?"
      field high memory.events high
      field high memory.events oom_kill
      cgset --name high --rm`,
    check: ({ stdout }) => assert.match(stdout, /^status 0\n[1-9]\d*\n0\n$/),
  },
  {
    name: "--cpu in every form it can be written",
    script: `
      for form in 50000 0.5 2 50% 250% "20000 50000" "max 50000" max; do
        cgset --name form --cpu "$form" && show form cpu.max
      done
      cgset --name form --rm`,
    check({ stdout }) {
      const written = ["50000 100000", "50000 100000", "200000 100000", "50000 100000", "250000 100000", "20000 50000", "max 50000"];
      assert.equal(stdout, [...written, "max 100000"].map((text) => `cpu.max ${text}\n`).join(""));
    },
  },
  {
    name: "--cpu-weight shares a busy CPU out",
    script: `
      cgset --name light --cpu-weight 100
      cgset --name heavy --cpu-weight 900
      for name in light heavy; do
        /bin/sh -c 'while :; do :; done' &
        echo $! >$cg/$name/cgroup.procs
      done
      light=$(field light cpu.stat usage_usec) heavy=$(field heavy cpu.stat usage_usec)
      sleep 3
      echo $(($(field heavy cpu.stat usage_usec) - heavy)) $(($(field light cpu.stat usage_usec) - light))
      kill $(jobs -p)
      wait
      rmdir $cg/light $cg/heavy`,
    check({ stdout }) {
      const [heavy = 0, light = 0] = stdout.split(" ").map(Number);
      assert.ok(light > 0 && heavy / light > 4 && heavy / light < 20, `900 : 100 gave ${heavy} : ${light} µs`);
    },
  },
  {
    name: "--io holds a disk back, named by its path or its number",
    script: `
      write() {
        local from=\${EPOCHREALTIME/./}
        nsexec --into-cgroup disk -- dd if=/dev/zero of=/dev/ubda bs=256k count=12 oflag=direct status=none
        echo "$1 $((\${EPOCHREALTIME/./} - from))"
      }
      cgset --name disk --io "/dev/ubda wbps=1M"
      show disk io.max
      write limited
      cgset --name disk --io "98:0 wbps=max riops=100"
      show disk io.max
      write unlimited
      cgset --name disk --rm`,
    check({ stdout }) {
      const match =
        /^io.max 98:0 rbps=max wbps=1048576 riops=max wiops=max\nlimited (\d+)\nio.max 98:0 rbps=max wbps=max riops=100 wiops=max\nunlimited (\d+)\n$/.exec(
          stdout,
        );
      assert.ok(match, stdout);
      const [limited = 0, unlimited = 0] = match.slice(1).map(Number);
      assert.ok(limited > 2_000_000 && limited > 1_500_000 + unlimited, `3 MB at 1 MB/s took ${limited} µs, without a limit ${unlimited}`);
    },
  },
  {
    name: "every limit in one call, and any other file with --set",
    script: `
      cgset --name many --memory 1.5G --memory-high 1G --swap 64K --oom-group --cpu 0.25 --cpu-weight 42 --pids 17 \\
        --io "98:0 rbps=2M wiops=50" --set memory.low=4M --set cpu.weight.nice=5 --set pids.max=18
      show many memory.max memory.high memory.swap.max memory.oom.group cpu.max cpu.weight pids.max io.max memory.low cpu.weight.nice
      cgset --name many --memory max --swap max --pids max
      show many memory.max memory.swap.max pids.max
      cgset --name many --rm`,
    check({ stdout, stderr }) {
      assert.deepEqual(stdout.trimEnd().split("\n"), [
        "memory.max 1610612736",
        "memory.high 1073741824",
        "memory.swap.max 65536",
        "memory.oom.group 1",
        "cpu.max 25000 100000",
        "cpu.weight 33",
        "pids.max 18",
        "io.max 98:0 rbps=2097152 wbps=max riops=max wiops=50",
        "memory.low 4194304",
        "cpu.weight.nice 5",
        "memory.max max",
        "memory.swap.max max",
        "pids.max max",
      ]);
      assert.deepEqual(
        stderr
          .trimEnd()
          .split("\n")
          .map((line) => line.replace("[cgset] ", "")),
        [
          "memory.max <- 1610612736",
          "memory.swap.max <- 65536",
          "memory.high <- 1073741824",
          "memory.oom.group <- 1",
          "cpu.max <- 25000 100000",
          "cpu.weight <- 42",
          "pids.max <- 17",
          "io.max <- 98:0 rbps=2097152 wiops=50",
          "memory.low <- 4M",
          "cpu.weight.nice <- 5",
          "pids.max <- 18",
          "memory.max <- max",
          "memory.swap.max <- max",
          "pids.max <- max",
        ],
      );
    },
  },
  {
    name: "what the kernel does not have or refuses is told, and the group made for it is gone",
    script: `
      for words in "--cpuset 0" "--set memory.colour=red" "--set pids.max=many" "--set cpu.weight=0" "--io 200:7\\ rbps=1M" "--set hugetlb.2MB.max=0"; do
        eval "cgset --name wrong $words"; echo "status $?"
      done`,
    check({ stdout, stderr }) {
      assert.equal(stdout, "status 125\n".repeat(6));
      const told = stderr.split("\n").filter((line) => line.startsWith("cgset: "));
      assert.deepEqual(told.length, 6, stderr);
      assert.match(stderr, /cgset: the cpuset controller is not available in \/sys\/fs\/cgroup\n +.*lists: cpu io memory pids/);
      assert.match(stderr, /memory.colour: this kernel has no such file\n +the files of the group: .*memory.max/);
      assert.match(stderr, /"many"\): EINVAL .*\n +the kernel refuses the value many for pids.max/);
      assert.match(stderr, /"0"\): ERANGE .*\n +0 is out of range for cpu.weight/);
      assert.match(stderr, /"200:7 rbps=1048576"\): ENODEV .*\n +no such block device/);
      assert.match(stderr, /the hugetlb controller is not available/);
    },
  },
];
