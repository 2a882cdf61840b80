// The commands for containers that run, where their limits are enforced.
import assert from "node:assert/strict";
import type { Case } from "../machine.ts";

/** A container that waits, and its group in $group. */
const start = (words: string) => `
  hold contain run --quiet --name box --rootfs "$ROOTFS" ${words} -- /bin/sh -c 'echo ready; read go; exit 4'
  until_ok grep '"started": *true' /run/contain/*/state.json
  group=$(basename $cg/contain-*)`;

export const manageCases: readonly Case[] = [
  {
    name: "contain update: shown as the files write it, in force, noted; swap that was given is kept",
    script: `${start("--memory 64M --swap 8M --pids 20")}
      contain update box --memory 32M --cpu 50% --pids 5
      echo "status $?"
      show "$group" memory.max memory.swap.max cpu.max pids.max
      contain inspect box | grep -A 12 '"limits"' | grep -E 'memory.max|pids.max|cpu.max"'
      contain update box --print-chain --memory 16M | grep -c -- "--parent $cg --name $group --memory 16M --swap 8M"
      contain update box --pids x; echo "status $?"
      show "$group" pids.max
      contain exec box -- /bin/sh -c 'for i in 1 2 3 4 5 6; do sleep 1 & done' >/dev/null 2>&1
      field "$group" pids.events max
      release; echo "status $?"`,
    check({ stdout, stderr }) {
      assert.match(
        stderr,
        /^\[contain\] memory.max <- 33554432\n\[contain\] memory.swap.max <- 8388608\n\[contain\] cpu.max <- 50000 100000\n\[contain\] pids.max <- 5\ncgset: --pids/,
      );
      const [written, kept, cpu, pids] = ["memory.max 33554432", "memory.swap.max 8388608", "cpu.max 50000 100000", "pids.max 5"];
      const lines = stdout.split("\n");
      assert.deepEqual(lines.slice(0, 5), ["status 0", written, kept, cpu, pids]);
      assert.ok(lines.some((line) => line.includes('"memory.max": "33554432"')));
      assert.deepEqual(lines.slice(-6, -3), ["1", "status 125", pids]);
      assert.ok(Number(lines.at(-3)) >= 1, "a fork was refused");
      assert.equal(lines.at(-2), "status 4");
    },
  },
  {
    name: "contain update below the present use warns, and the limit holds",
    script: `
      hold contain run --quiet --name box --rootfs "$ROOTFS" --memory 64M -- /bin/sh -c 'dd if=/dev/zero of=/dev/shm/file bs=1M count=16 2>/dev/null; echo ready; read go'
      until_ok grep '"started": *true' /run/contain/*/state.json
      contain update box --memory 8M
      echo "status $?"
      release; echo "status $?"`,
    check({ stdout, stderr }) {
      assert.match(
        stderr,
        /memory.max 8388608 is below the present use, memory.current \d+: the kernel reclaims now, and kills by OOM what it cannot/,
      );
      assert.equal(stdout, "status 0\nstatus 137\n");
    },
  },
  {
    name: "contain list and stats: memory and pids with their limits, CPU, throttling",
    script: `
      hold contain run --quiet --name box --rootfs "$ROOTFS" --memory 64M --cpu 20% --pids 9 -- /bin/sh -c '(while :; do :; done) & echo ready; read go; kill $!'
      until_ok grep '"started": *true' /run/contain/*/state.json
      sleep 1
      contain list; contain list --json
      contain stats box
      contain stats --watch | head -n 4 | tail -n 2
      release; echo "status $?"`,
    check({ stdout }) {
      const lines = stdout.trim().split("\n");
      assert.match(lines[1] ?? "", /^\w{12} +box +\d+ +running +.* ago +\d+(\.\d)?[KM]\/64M +2\/9 +\/bin\/sh /);
      const row = JSON.parse(lines[2] ?? "");
      assert.deepEqual([row.memoryLimit, row.pidsLimit, row.pids], [64 << 20, 9, 2]);
      assert.ok(row.memory > 100_000);
      for (const line of [lines[4], lines[5], lines[6]])
        assert.match(line ?? "", /^\w{12} +box +running +\d+\.\d% +[\d.]+ m?s +\d+(\.\d)?[KM]\/64M +[1-9]\d*\/\d+ +- +2\/9$/);
      assert.equal(lines[7], "status 0");
    },
  },
  {
    name: "contain exec is born in the group: its memory counts there, and its limit kills it alone",
    script: `${start("--memory 32M")}
      contain exec box -- dd if=/dev/zero of=/dev/null bs=100M count=1 2>/dev/null
      echo "status $?"
      field "$group" memory.events oom_kill
      contain exec box -- tail -n 1 /proc/self/cgroup
      release; echo "status $?"`,
    check: ({ stdout }) => assert.equal(stdout, "status 137\n1\n0::/\nstatus 4\n"),
  },
  {
    name: "contain pause stops the CPU time, unpause lets it go on; exec into it is refused; stop thaws",
    script: `
      hold contain run --quiet --name box --rootfs "$ROOTFS" -- /bin/sh -c 'trap "exit 5" TERM; echo ready; while :; do :; done'
      until_ok grep '"started": *true' /run/contain/*/state.json
      contain pause box
      contain list | grep -c paused
      used() { field contain-* cpu.stat usage_usec; }
      a=$(used); sleep 1; b=$(used); [ $((b - a)) -lt 20000 ] && echo still
      contain exec box -- true; echo "status $?"
      contain unpause box
      sleep 1; [ $(($(used) - b)) -gt 100000 ] && echo goes
      contain pause box; contain stop box; echo "status $?"
      wait "$held"; echo "status $?"; contain list -q`,
    check({ stdout, stderr }) {
      assert.equal(stdout, "1\nstill\nstatus 125\ngoes\nstatus 0\nstatus 5\n");
      assert.match(stderr, /is paused\n.*contain unpause/);
    },
  },
  {
    name: "contain attach on a kernel without SO_PEERPIDFD (before 6.5): from here it is given, from another PID namespace not",
    script: `
      id=$(contain run -qdt --rootfs "$ROOTFS" -- /bin/sh -c 'read go; echo "went $go"; exit 6')
      unshare --pid --fork perl -e 'use Socket; chdir shift; socket(my $s, AF_UNIX, SOCK_STREAM, 0); connect($s, sockaddr_un("attach")) or die; print sysread($s, my $b, 1) ? "given\\n" : "refused\\n"' /run/contain/$id
      echo on | contain attach $id | tr -d '\\r' | grep went
      contain wait $id; contain rm $id`,
    check: ({ stdout }) => assert.equal(stdout, "refused\nwent on\n6\n"),
  },
];
