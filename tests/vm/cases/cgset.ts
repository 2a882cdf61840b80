// cgset by itself, and nsexec --into-cgroup.
import assert from "node:assert/strict";
import type { Case } from "../machine.ts";

export const cgsetCases: readonly Case[] = [
  {
    name: "cgset --path: the groups above get all controllers, and numbers as an OCI runtime writes them arrive",
    script: `
      cgset --path /oci/pod/box --make --set memory.max=67108864 --set memory.low=1048576 --set pids.max=50 --set cpu.weight=79 \
        --set "cpu.max=20000 100000" --set cpu.max.burst=10000 2>/dev/null; echo "made $?"
      show oci/pod/box memory.max memory.low pids.max cpu.weight cpu.max cpu.max.burst
      diff $cg/cgroup.controllers $cg/oci/pod/box/cgroup.controllers && echo "all controllers"
      cgset --path /oci/pod/box --set cpu.idle=1 --set memory.max=max 2>/dev/null; show oci/pod/box cpu.idle memory.max
      cgset --path /oci/pod/box --rm; rmdir $cg/oci/pod $cg/oci; echo "removed $?"
      for c in $(cat $cg/cgroup.subtree_control); do echo "-$c" >$cg/cgroup.subtree_control; done`,
    check({ stdout, stderr }) {
      const numbers = [
        "memory.max 67108864",
        "memory.low 1048576",
        "pids.max 50",
        "cpu.weight 79",
        "cpu.max 20000 100000",
        "cpu.max.burst 10000",
      ];
      assert.equal(stdout, ["made 0", ...numbers, "all controllers", "cpu.idle 1", "memory.max max", "removed 0", ""].join("\n"), stderr);
    },
  },
  {
    name: "cgset --memory 64M PID moves that process into contain-PID",
    script: `
      sleep 1000 & pid=$!
      cgset --memory 64M $pid; echo "status $?"
      [ "$(tail -n 1 /proc/$pid/cgroup)" = "0::/contain-$pid" ] && echo moved
      tail -n 1 /proc/$$/cgroup
      show contain-$pid memory.max memory.swap.max
      cgset --pids 5 $pid; show contain-$pid memory.max pids.max
      cgset $pid | grep -c "contain-$pid\\|memory.max *67108864\\|processes *$pid"
      cgset --kill --rm $pid; echo "status $?"
      wait $pid; echo "status $?"
      cgset --pids 5 $pid`,
    check({ stdout, stderr }) {
      const first = "status 0\nmoved\n0::/\nmemory.max 67108864\nmemory.swap.max 0\n";
      assert.equal(stdout, `${first}memory.max 67108864\npids.max 5\n3\nstatus 0\nstatus 137\n`);
      assert.match(stderr, /cgset: no such process: \d+\n/);
    },
  },
  {
    name: "cgset --memory 64M -- PROG becomes the program in its group, leaves the group and says so",
    script: `
      cgset --memory 64M -- /bin/sh -c 'echo $$; tail -n 1 /proc/self/cgroup; exit 4' >out 2>err; echo "status $?"
      { read -r pid; read -r path; } <out
      [ "$path" = "0::/contain-$pid" ] && echo same
      show contain-$pid memory.max pids.current
      sed "s/$pid/PID/g" err
      eval "$(sed -n 's/.*\`\\(.*\\)\`.*/\\1/p' err)"; ls -d $cg/*/
      cgset --name both --pids 9 /bin/sh -c 'tail -n 1 /proc/self/cgroup' 2>/dev/null
      cgset --name both --rm
      rm out err`,
    check({ stdout, stderr }) {
      const [status, same, ...rest] = stdout.split("\n");
      assert.deepEqual([status, same], ["status 4", "same"]);
      assert.deepEqual(rest, [
        "memory.max 67108864",
        "pids.current 0",
        "[cgset] memory.max <- 67108864",
        "[cgset] memory.swap.max <- 0",
        "cgset: group /sys/fs/cgroup/contain-PID stays when the program has ended: `cgset --name contain-PID --rm` removes it",
        "0::/both",
        "",
      ]);
      assert.match(stderr, /^ls: /m);
    },
  },
  {
    name: "--name makes a group, and a second call changes the live one",
    script: `
      cgset --name live --memory 32M --pids 10 2>/dev/null; show live memory.max pids.max
      sleep 1000 & pid=$!
      cgset --name live $pid; tail -n 1 /proc/$pid/cgroup
      cgset --name live --memory 128M 2>/dev/null; show live memory.max pids.max pids.current
      cgset --name live --memory-high 100M $pid 2>/dev/null; show live memory.max memory.high pids.current
      cgset --name live --kill --rm`,
    check({ stdout }) {
      const made = "memory.max 33554432\npids.max 10\n0::/live\n";
      const changed = "memory.max 134217728\npids.max 10\npids.current 1\n";
      assert.equal(stdout, `${made}${changed}memory.max 134217728\nmemory.high 104857600\npids.current 1\n`);
    },
  },
  {
    name: "a limit below the present use is warned of",
    script: `
      cgset --name tight --make
      cgset --memory max --pids max --name tight 2>/dev/null
      nsexec --into-cgroup tight -- /bin/sh -c 'head -c 8M /dev/zero >file; sleep 1000 & sleep 1000' & held=$!
      until_ok eval '[ "$(stat -c %s file)" = 8388608 ]'
      until_ok grep -qx 3 $cg/tight/pids.current
      cgset --name tight --pids 2; show tight pids.max pids.current
      cgset --name tight --memory-high 16M; echo "status $?"
      cgset --name tight --memory 4M; echo "status $?"
      wait $held; echo "killed $?"
      rm file
      cgset --name tight --rm`,
    check({ stdout, stderr }) {
      assert.equal(stdout, "pids.max 2\npids.current 3\nstatus 0\nstatus 0\nkilled 137\n");
      assert.match(
        stderr,
        /^cgset: pids.max 2 is below the present use, pids.current 3: nothing is killed, but fork\(2\) fails with EAGAIN$/m,
      );
      assert.match(
        stderr,
        /^cgset: memory.max 4194304 is below the present use, memory.current \d{7,8}: the kernel reclaims now, and kills by OOM what it cannot$/m,
      );
      assert.doesNotMatch(stderr, /memory.high 16777216 is below/);
    },
  },
  {
    name: "without limits a group is printed: limits, usage, processes",
    script: `
      cgset --name shown --memory 64M --cpu 0.5 2>/dev/null
      sleep 1000 & pid=$!
      cgset --name shown $pid
      cgset --name shown | sed "s/\\b$pid\\b/PID/; s/ 67108864$/ BYTES/"
      cgset $pid | head -n 1
      cgset | head -n 1
      cgset --name shown --kill --rm
      cgset --name shown; echo "status $?"`,
    check({ stdout, stderr }) {
      for (const line of [
        "cgroup.events          populated 1",
        "cpu.max                50000 100000",
        "processes              PID",
        "memory.max             BYTES",
        "cpu.stat               nr_throttled 0",
      ])
        assert.ok(stdout.includes(`\n  ${line}\n`), `${line} in\n${stdout}`);
      assert.match(stdout, /\n {2}memory.current +\d+/);
      assert.match(stdout, /\n\/sys\/fs\/cgroup\/shown\n\/sys\/fs\/cgroup\nstatus 125\n$/);
      assert.match(stderr, /^cgset: no such group: \/sys\/fs\/cgroup\/shown$/m);
    },
  },
  {
    name: "--freeze stops, --thaw lets go on, --kill kills all, --rm removes",
    script: `
      cgset --name cold --make
      /bin/sh -c 'n=0; while :; do n=$((n+1)); echo $n >n; done' & pid=$!
      cgset --name cold $pid
      until_ok [ -s n ]
      cgset --name cold --freeze; echo "status $?"; field cold cgroup.events frozen
      a=$(<n); sleep 0.5; b=$(<n); [ "$a" = "$b" ] && echo still
      cgset --thaw $pid; field cold cgroup.events frozen
      until_ok eval '[ "$(<n)" != "$b" ]' && echo moving
      cgset --name cold --freeze
      cgset --name cold --kill --rm; echo "status $?"
      wait $pid; echo "status $?"; ls -d $cg/cold
      cgset --name cold --rm; echo "status $?"
      rm n`,
    check({ stdout, stderr }) {
      assert.equal(stdout, "status 0\n1\nstill\n0\nmoving\nstatus 0\nstatus 137\nstatus 125\n");
      assert.match(stderr, /^cgset: no such group: \/sys\/fs\/cgroup\/cold$/m);
    },
  },
  {
    name: "a group with processes, and one with such a group below it, is not removed: EBUSY names the PIDs",
    script: `
      mkdir -p $cg/full/below $cg/full/empty
      sleep 1000 & pid=$!
      echo $pid >$cg/full/below/cgroup.procs
      cgset --name full --rm 2>err; echo "status $?"; sed "s/\\b$pid\\b/PID/" err
      cgset --rm $pid 2>err; echo "status $?"; sed "s/\\b$pid\\b/PID/; s,/below,,; 2d" err
      ls -d $cg/full/*/
      cgset --name full/below --kill --rm; ls -d $cg/full/*/
      cgset --name full --rm; echo "status $?"
      rm err`,
    check({ stdout }) {
      const full = "/sys/fs/cgroup/full";
      const told = [`cgset: ${full} cannot be removed: EBUSY, processes are in it: PID PID (sleep)`, "       rmdir of a group works"];
      const lines = stdout.split("\n").map((line) => line.replace(/(rmdir of a group works).*/, "$1"));
      assert.deepEqual(lines, [
        "status 125",
        ...told,
        "status 125",
        told[0],
        `${full}/below/`,
        `${full}/empty/`,
        `${full}/empty/`,
        "status 0",
        "",
      ]);
    },
  },
  {
    name: "the root group is nobody's to freeze, kill or remove",
    script: `
      mkdir $cg/bystander
      sleep 1000 & pid=$!
      for what in --freeze --kill --rm; do cgset $what $pid; echo "status $?"; done
      ls -d $cg/bystander; kill $pid; wait $pid; rmdir $cg/bystander`,
    check({ stdout, stderr }) {
      assert.equal(stdout, "status 125\nstatus 125\nstatus 125\n/sys/fs/cgroup/bystander\n");
      assert.equal(stderr.match(/^cgset: the root of the hierarchy cannot be .*: \/sys\/fs\/cgroup$/gm)?.length, 3, stderr);
    },
  },
  {
    name: "a group below another: --parent or a path; what is missing or has processes is told",
    script: `
      cgset --name a/b --memory 16M; echo "status $?"; ls -d $cg/a
      cgset --name a --make
      cgset --name a/b --memory 16M 2>/dev/null; show a/b memory.max
      cgset --parent a --name c --pids 3 2>/dev/null; show a/c pids.max
      cgset --parent $cg/a --name d --pids 4 2>/dev/null; show a/d pids.max
      cgset --parent / --name g --memory 5M 2>/dev/null; show g memory.max; cgset --parent $cg/ --name g --rm
      cgset --parent nowhere --name d --pids 4; echo "status $?"
      sleep 1000 & pid=$!
      cgset --name a $pid; echo "status $?"; tail -n 1 /proc/$pid/cgroup
      cgset --name a --rm; echo "status $?"
      cgset --name e --pids 9 $pid 2>/dev/null
      cgset --name e/f --memory 9M; echo "status $?"; ls -d $cg/e/f
      cgset --name e --kill --rm`,
    check({ stdout, stderr }) {
      const made = "memory.max 16777216\npids.max 3\npids.max 4\nmemory.max 5242880\n";
      assert.equal(stdout, `status 125\n${made}status 125\nstatus 125\n0::/\nstatus 0\nstatus 125\n`);
      assert.match(stderr, /^cgset: no such group: \/sys\/fs\/cgroup\/a/m);
      assert.match(stderr, /^cgset: no such group: --parent nowhere/m);
      assert.match(
        stderr,
        /a\/cgroup.procs", "\d+"\): EBUSY .*\n +controllers are enabled for the children of this group, and processes live only in leaves/,
      );
      assert.match(
        stderr,
        /^cgset: \/sys\/fs\/cgroup\/e: memory cannot be enabled for its children: it has processes of its own \(\d+\)\n +processes live only in leaves/m,
      );
    },
  },
  {
    name: "nsexec --into-cgroup: born in it, by name or by directory; unknown, frozen and inner groups are refused",
    script: `
      cgset --name born --pids 8 --memory 64M 2>/dev/null
      nsexec --into-cgroup born -- tail -n 1 /proc/self/cgroup
      nsexec --into-cgroup $cg/born --pid --fork -- tail -n 1 /proc/self/cgroup
      nsexec --into-cgroup born --cgroup -- tail -n 1 /proc/self/cgroup
      nsexec --trace --into-cgroup /born -- /bin/true 2>&1 | grep -o CLONE_INTO_CGROUP
      nsexec --into-cgroup nobody -- /bin/true; echo "status $?"
      cgset --name born --freeze
      timeout 20 nsexec --into-cgroup born -- /bin/true; echo "status $?"
      timeout 20 cgset --name born -- /bin/true; echo "status $?"
      mkdir $cg/born/inner
      timeout 20 nsexec --into-cgroup born/inner -- /bin/true; echo "status $?"
      cgset --name born --thaw
      echo +memory >$cg/born/cgroup.subtree_control
      nsexec --into-cgroup born -- /bin/true; echo "status $?"
      cgset --name born --rm`,
    check({ stdout, stderr }) {
      assert.equal(stdout, `0::/born\n0::/born\n0::/\nCLONE_INTO_CGROUP\n${"status 125\n".repeat(5)}`);
      assert.match(stderr, /nsexec: no such cgroup: --into-cgroup nobody\n/);
      assert.match(stderr, /nsexec: --into-cgroup born: the group is frozen\n/);
      assert.match(stderr, /cgset: \/sys\/fs\/cgroup\/born: the group is frozen\n/);
      assert.match(stderr, /nsexec: --into-cgroup born\/inner: the group is frozen\n/);
      assert.match(stderr, /nsexec: clone3\(.*CLONE_INTO_CGROUP.*\): EBUSY .*\n +processes live only in leaf groups/);
    },
  },
];
