// `contain explain` where limits are enforced by cgroup v2.
import assert from "node:assert/strict";
import { parse } from "../../helpers/explained.ts";
import type { Case } from "../machine.ts";

/** Prints one JSON object a process, each behind a line of its own. */
const ask = (name: string, pid: string) => `echo "== ${name}"; contain explain --json ${pid}`;

function answers(stdout: string): Readonly<Record<string, ReturnType<typeof parse>>> {
  const parts = stdout.split(/^== (\w+)\n/m).slice(1);
  return Object.fromEntries(parts.flatMap((name, i) => (i % 2 === 0 ? [[name, parse(parts[i + 1] ?? "")]] : [])));
}

export const explainCases: readonly Case[] = [
  {
    name: "contain explain: limits over the chain, throttling, near an OOM kill and only seemingly so, an unreadable file",
    script: `
      cgset --name top --memory 64M --pids 50
      mkdir $cg/top/low $cg/top/high; echo "+cpu" >$cg/cgroup.subtree_control; echo "+memory +pids +cpu" >$cg/top/cgroup.subtree_control
      echo 16M >$cg/top/low/memory.max; echo 0 >$cg/top/low/memory.swap.max; echo 512M >$cg/top/high/memory.max; echo 60 >$cg/top/high/pids.max
      echo "20000 100000" >$cg/top/low/cpu.max
      mkdir -p /run/shm; mount -t tmpfs tmpfs /run/shm
      sleep 1000 & low=$!; echo $low >$cg/top/low/cgroup.procs
      sleep 1000 & high=$!; echo $high >$cg/top/high/cgroup.procs
      ${ask("high", "$high")}
      bash -c 'echo $BASHPID >'$cg'/top/low/cgroup.procs; head -c 15M /dev/zero >/run/shm/file'
      ${ask("near", "$low")}
      rm /run/shm/file; exec 9</dev/ubda
      bash -c 'echo $BASHPID >'$cg'/top/low/cgroup.procs; dd if=/dev/ubda of=/dev/null bs=1M count=40 status=none'
      ${ask("cache", "$low")}
      exec 9<&-; mount --bind /dev/null $cg/top/low/memory.max
      ${ask("masked", "$low")}
      umount $cg/top/low/memory.max; umount /run/shm
      kill $low $high; wait; rmdir $cg/top/low $cg/top/high; cgset --name top --rm`,
    check({ stdout }) {
      const { high, near, cache, masked } = answers(stdout);
      assert.ok(high && near && cache && masked, stdout);
      assert.match(high.text("memory-limit"), /64M at most, set in \/sys\/fs\/cgroup\/top, an ancestor of its group/);
      assert.match(high.text("pids-limit"), /50 at most, set in \/sys\/fs\/cgroup\/top,/);
      assert.ok(high.codes.includes("cpu-no-limit") && !high.codes.includes("cpu-throttled"), high.codes.join(" "));
      assert.match(near.text("memory-limit"), /16M at most, set in \/sys\/fs\/cgroup\/top\/low, its own group, .*: 9\d %/);
      assert.match(near.text("cpu-limit"), /0.2 CPUs at most/);
      assert.ok(near.codes.includes("memory-near-oom") && near.codes.includes("cpu-throttled"), near.codes.join(" "));
      assert.ok(!near.codes.includes("memory-cache-full") && !near.codes.includes("oom-kills"));
      assert.ok(cache.codes.includes("memory-cache-full") && !cache.codes.includes("memory-near-oom"), cache.codes.join(" "));
      assert.ok(masked.codes.includes("memory-unreadable") && !masked.codes.includes("memory-no-limit"), masked.codes.join(" "));
    },
  },
  {
    name: "contain explain: frozen, and truly uninterruptible",
    script: `
      cgset --name ice --pids 9; mkdir $cg/ice/a $cg/ice/b
      sleep 1000 & a=$!; echo $a >$cg/ice/a/cgroup.procs
      sleep 1000 & b=$!; echo $b >$cg/ice/b/cgroup.procs
      echo 1 >$cg/ice/a/cgroup.freeze; until_ok grep "frozen 1" $cg/ice/a/cgroup.events
      ${ask("frozen", "$a")}
      ${ask("beside", "$b")}
      kill -KILL $a; wait $a; echo "== killed"; echo '{"findings":[]}'
      kill $b; wait; rmdir $cg/ice/a $cg/ice/b; cgset --name ice --rm
      mkfs.ext4 -q /dev/ubdb; mkdir -p /run/disk; mount /dev/ubdb /run/disk; fsfreeze -f /run/disk
      touch /run/disk/file & t=$!; until_ok grep "State:.D" /proc/$t/status
      ${ask("before", "$t")}
      kill -KILL $t; sleep 0.3
      ${ask("after", "$t")}
      fsfreeze -u /run/disk; wait; umount /run/disk; rmdir /run/disk`,
    check({ stdout }) {
      const { frozen, beside, killed, before, after } = answers(stdout);
      assert.ok(frozen && beside && killed && before && after, stdout);
      assert.match(frozen.text("frozen"), /\(\/sys\/fs\/cgroup\/ice\/a\).*SIGKILL still ends it/);
      assert.ok(!beside.codes.includes("frozen") && beside.codes.includes("not-stuck"));
      assert.ok(before.codes.includes("sleeping-d") && !before.codes.includes("uninterruptible"), before.codes.join(" "));
      assert.ok(after.codes.includes("uninterruptible") && after.codes.includes("sigkill-pending"), after.codes.join(" "));
    },
  },
];
