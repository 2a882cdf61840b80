// Whole containers: `contain run` with limits.
import assert from "node:assert/strict";
import type { Case } from "../machine.ts";

export const containerCases: readonly Case[] = [
  {
    name: "contain run, word for word from the README: PID 1, its own cgroup root, every limit written",
    script: `
      cd "\${ROOTFS%/*}"
      hold contain run --rootfs ./rootfs --memory 64M --cpu 50000 --pids 64 --hostname box -- /bin/sh -c \\
        'echo $$; cat /proc/self/cgroup; hostname; echo ready; read go; exit 7'
      group=$(basename $cg/contain-*)
      show "$group" memory.max memory.swap.max cpu.max pids.max pids.current
      release
      echo "status $?"`,
    check({ stdout, stderr }) {
      const limits = "memory.max 67108864\nmemory.swap.max 0\ncpu.max 50000 100000\npids.max 64\npids.current 1\n";
      assert.equal(stdout, `1\n0::/\nbox\n${limits}status 7\n`);
      const isThrottling = (line: string) => /cpu\.(max|stat) of |cpu\.(max|stat):|cpu\.stat nr_|a higher --cpu/.test(line); // as slow as this machine is, half a CPU may be too little for a start
      const lines = stderr.split("\n").filter((line) => !isThrottling(line));
      assert.deepEqual(
        lines.map((line) => line.replace(/^(\[contain\] (running:|it ran)).*/, "$1")),
        [
          "[contain] confinement: none; root inside is root outside. --confine adds docker's rails.",
          "[contain] applying cgroup limits: memory=64M cpu=50000 pids=64 swap=0",
          "[contain] creating namespaces: pid uts mnt ipc cgroup",
          "[contain] setting hostname: box",
          "[contain] setting up rootfs: ./rootfs",
          "[contain] mounting /proc",
          "[contain] pivoting root",
          "[contain] running:",
          "[contain] container exited: exit status 7",
          "[contain] it ran",
          "[contain] cleaning up cgroups",
          "[contain] verdict: PID 1 (sh) exited with 7 by itself",
          "[contain]   waitpid(2): exit status 7 (wait(2) WIFEXITED, WIFSIGNALED)",
          "",
        ],
      );
    },
  },
  {
    name: "the writes are shown with --verbose, memory.swap.max 0 among them",
    script: `contain run --verbose --memory 64M --cpu 0.5 -- /bin/true 2>&1 | grep -e '<-'`,
    check({ stdout }) {
      const writes = ["memory.max <- 67108864", "memory.swap.max <- 0", "cpu.max <- 50000 100000"];
      assert.equal(stdout, writes.map((line) => `[contain] ${line}\n`).join(""));
    },
  },
  {
    name: "the pivot and pid1 chain of the README runs in a group",
    script: `
      cd "\${ROOTFS%/*}"
      cgset --name readme --memory 64M
      nsexec --into-cgroup readme --pid --uts -- pivot ./rootfs -- pid1 /bin/sh -c 'echo $$; tail -n 1 /proc/self/cgroup; exit 5'
      echo "status $?"
      cgset --name readme --rm`,
    check: ({ stdout }) => assert.equal(stdout, "2\n0::/readme\nstatus 5\n"),
  },
  {
    name: "a container of 8M starts: the steps between clone3 and execve fit",
    script: `
      hold contain run --quiet --rootfs "$ROOTFS" --memory 8M -- /bin/sh -c 'echo ready; read go'
      field contain-* memory.events oom_kill
      cat $cg/contain-*/memory.peak
      release
      echo "status $?"
      contain run --quiet --init --rootfs "$ROOTFS" --memory 8M -- /bin/echo with init`,
    check({ stdout, stderr }) {
      const [killed, peak, status, init] = stdout.split("\n");
      assert.deepEqual([killed, status, init], ["0", "status 0", "with init"]);
      assert.ok(Number(peak) < 6 << 20, `memory.peak ${peak}`);
      assert.equal(stderr, "");
    },
  },
  {
    name: "a memory limit kills: exit 137 of the program itself, and only the hog where a shell started it",
    script: `
      contain run --quiet --rootfs "$ROOTFS" --memory 32M -- /bin/sh -c 'dd if=/dev/zero of=/dev/null bs=100M count=1; echo $?'
      contain run --rootfs "$ROOTFS" --memory 32M -- dd if=/dev/zero of=/dev/null bs=100M count=1 2>said
      echo "status $?"; grep -e exited -e verdict said; rm said`,
    check({ stdout }) {
      assert.match(
        stdout,
        /^137\nstatus 137\n\[contain\] container exited: killed by SIGKILL \(exit status 137\)\n\[contain\] verdict: .*OOM killer: its own memory limit/,
      );
    },
  },
  {
    name: "a pids limit refuses the fork: EAGAIN, and pids.events counts it",
    script: `
      hold contain run --quiet --rootfs "$ROOTFS" --pids 4 -- /bin/sh -c '
        (for i in 1 2 3 4 5 6 7 8; do sleep 1000 & done) 2>&1
        echo ready; read go'
      field contain-* pids.events max
      release
      contain run --quiet --rootfs "$ROOTFS" --pids 1 -- /bin/sh -c '/bin/true; echo never'
      echo "status $?"`,
    check({ stdout, stderr }) {
      assert.match(stdout, /can't fork: Resource temporarily unavailable\n[1-9]\d*\nstatus 2\n$/);
      assert.match(stderr, /can't fork: Resource temporarily unavailable/);
    },
  },
  {
    name: "a CPU limit throttles: nr_throttled grows, and the use stays below the quota",
    script: `
      hold contain run --quiet --rootfs "$ROOTFS" --cpu 20% -- /bin/sh -c '
        (while :; do :; done) & sleep 3; kill $!; echo ready; read go'
      field contain-* cpu.stat nr_throttled
      field contain-* cpu.stat nr_periods
      field contain-* cpu.stat usage_usec
      release`,
    check({ stdout }) {
      const [throttled = 0, periods = 0, usage = 0] = stdout.split("\n").map(Number);
      assert.ok(throttled > 5, `nr_throttled ${throttled} of ${periods}`);
      assert.ok(usage > periods * 10_000 && usage < (periods + 2) * 25_000, `usage_usec ${usage} in ${periods} periods of 20000`);
    },
  },
  {
    name: "--print-chain piped into a shell does the same as contain run; so does CONTAIN_CHAIN=exec",
    script: `
      what="echo \\$\\$; cat /proc/self/cgroup; hostname; grep -c . /proc/self/mountinfo; readlink /proc/self/exe; env; exit 9"
      words=(--rootfs "$ROOTFS" --memory 64M --cpu 50% --pids 64 --hostname box -- /bin/sh -c "$what")
      contain run --quiet "\${words[@]}" >called; echo "called $?"
      contain run --print-chain "\${words[@]}" >chain; echo "groups $(ls -d $cg/*/ 2>/dev/null)"
      sh <chain >printed; echo "printed $?"
      CONTAIN_CHAIN=exec contain run --quiet "\${words[@]}" >executed; echo "executed $?"
      cmp called printed; cmp called executed; wc -l <called
      hold contain run --quiet --memory 96M --chain exec -- /bin/sh -c 'echo ready; read go'
      show contain-* memory.max pids.current
      release
      cat chain >&2; rm called chain printed executed`,
    check({ stdout, stderr }) {
      assert.match(stdout, /^called 9\ngroups \nprinted 9\nexecuted 9\n\d+\nmemory.max 100663296\npids.current 1\n$/);
      assert.match(stderr, /^ {2}cgset --name contain-(\w+) --memory 64M --cpu 50% --pids 64 \|\| exit$/m);
      assert.match(stderr, /^ {2}cgset --name contain-\w+ --kill --rm$/m);
    },
  },
  {
    name: "a fork bomb that ignores SIGTERM, under --confine, is held by its limit, stopped, and leaves nothing",
    script: `
      id=$(contain run -q -d --confine --pids 16 --memory 64M --grace 300ms -- perl -e '$SIG{TERM} = "IGNORE"; while (1) { defined fork or select undef, undef, undef, 0.02 }')
      for i in 1 2 3 4 5 6 7 8 9; do grep -q 'max [1-9]' $cg/contain-$id/pids.events && break; sleep 0.3; done
      echo "pids $(cat $cg/contain-$id/pids.current)"
      contain stop $id >/dev/null 2>&1; contain wait $id; contain rm $id >/dev/null
      ls -d $cg/contain-* 2>/dev/null; echo end`,
    check: ({ stdout, stderr }) => assert.match(stdout, /^pids 1[56]\n137\nend\n$/, stderr),
  },
];
