// The verdict where forks failed for an ancestor out of sight or for zombies, where cpu.max throttled, where a handler waited in state D, and where an exec died.
import assert from "node:assert/strict";
import { checkRows, FUNCTIONS, type Row, readReports } from "../../helpers/verdict.ts";
import type { Case } from "../machine.ts";

const STAGED = `
  v cpu --cpu 10% -- /bin/sh -c 'i=0; while [ $i -lt 3000 ]; do i=$((i + 1)); done; exit 3'
  v cpu-room --cpu 100% -- /bin/sh -c 'exit 3'
  v zombies --pids 6 -- /bin/sh -c 'sh -c "true & true & true & exec sleep 9" & sleep 0.7; (sleep 5 & sleep 5 & sleep 5 & sleep 5); i=0; while [ $i -lt 30000 ]; do i=$((i + 1)); done; exit 3'
  mkfs.ext4 -q /dev/ubdb; mkdir -p /run/disk; mount /dev/ubdb /run/disk; fsfreeze -f /run/disk
  h frozen --grace 300ms --volume /run/disk:/tmp -- /bin/sh -c "trap 'touch /tmp/x' TERM; $waits"; kill -TERM $held; sleep 3; fsfreeze -u /run/disk; ended
  umount /run/disk; rmdir /run/disk
  h slow --grace 300ms -- /bin/sh -c "trap 'sleep 10' TERM; $waits"; kill -TERM $held; ends
  h exec-oom --memory 32M -- /bin/sh -c "$waits; exit 3"; contain exec $(<id) -- dd if=/dev/zero of=/dev/null bs=100M count=1 || true; echo go >&"$to"; ended
  cgset --name outer --pids 4
  hidden() {
    unshare -m bash -c 'mount --bind '$cg'/outer/inner '$cg'; name=$1; shift; contain run --quiet --json "report-$name" --rootfs "$ROOTFS" "$@"' - "$@" >/dev/null 2>&1 </dev/null
    tell "$1"
  }
  echo "+pids" >$cg/outer/cgroup.subtree_control; mkdir $cg/outer/inner
  hidden above --pids 50 -- /bin/sh -c 'sleep 1 & sleep 1 & sleep 1 & sleep 1 & sleep 1 & wait'
  rmdir $cg/outer/inner; cgset --name outer --rm
`;

const rows: readonly Row[] = [
  { name: "cpu", status: 3, code: "hint-cpu-throttled", unlike: ["cpu-room", "above"], uncertain: true, says: /in \d+ of \d+ periods/ },
  {
    name: "zombies",
    status: 3,
    code: "hint-pids-zombies",
    unlike: ["cpu", "above"],
    uncertain: true,
    says: /zombies, which only their parent can reap: .*sleep \(PID/, // and the subshell that was refused, until sh has reaped it
  },
  {
    name: "frozen",
    status: 137,
    code: "killed-by-grace",
    unlike: ["cpu", "exec-oom"],
    says: /PID 1 \(sh\): it has a handler.*\(state D\).*touch \(PID/,
  },
  { name: "slow", status: 137, code: "killed-by-grace", unlike: ["cpu", "exec-oom"], says: /it has a handler(?!.*state D)/ },
  { name: "exec-oom", status: 3, code: "oom-other-own-limit", unlike: ["cpu", "slow"], says: /^dd \(PID \d+\)/ },
  {
    name: "above",
    status: 2,
    code: "hint-pids-limit",
    unlike: ["cpu", "zombies"],
    uncertain: true,
    says: /by pids.max of a group above \/sys\/fs\/cgroup, which cannot be seen/,
  },
];

const DISK = `
  write='dd if=/dev/zero of=/dev/ubda bs=64k count=12 oflag=direct status=none; exit 3'
  v io --device /dev/ubda --io "98:0 wbps=256K" -- /bin/sh -c "$write"
  v io-room --device /dev/ubda --io "98:0 wbps=500M" -- /bin/sh -c "$write"
  v io-idle --device /dev/ubda --io "98:0 wbps=256K" -- /bin/sh -c 'exit 3'
  cgset --name disk --io "98:0 wbps=64K"
  nsexec --into-cgroup disk -- dd if=/dev/zero of=/dev/ubda bs=16k count=1000 oflag=direct status=none &
  until_ok grep -q wbytes= $cg/disk/io.stat
  contain explain $(head -n 1 $cg/disk/cgroup.procs) limits | grep -E 'io: ' >&2
  kill -9 $(<$cg/disk/cgroup.procs); wait; cgset --name disk --rm
`;

const disk: readonly Row[] = [
  {
    name: "io",
    status: 3,
    code: "hint-io-limit",
    unlike: ["io-room", "io-idle"],
    uncertain: true,
    says: /io\.max of \S+ \(wbps of 98:0, 256K a second\) was used to \d+ %/,
  },
];

export const truthForkCases: readonly Case[] = [
  {
    name: "truth: io.max, at the end and while it holds back",
    seconds: 120,
    script: `${FUNCTIONS}${DISK}`,
    check: ({ stdout, stderr }) => {
      checkRows(disk, readReports(stdout));
      assert.match(stderr, /io: wbps of 98:0, 64K a second at most, set in \S+\/disk; used to \d+ %/);
    },
  },
  {
    name: "truth: cpu.max, zombies, groups out of sight, state D, an OOM kill of what exec started",
    script: `${FUNCTIONS}${STAGED}`,
    check: ({ stdout }) => checkRows(rows, readReports(stdout)),
  },
];
