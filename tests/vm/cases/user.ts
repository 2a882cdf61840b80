// An ordinary user, without and with a group of his own.
import assert from "node:assert/strict";
import type { Case } from "../machine.ts";

/** Runs words as nobody; `as_user GROUP CMD…` does it from inside a group. */
const AS_USER = `
  export XDG_RUNTIME_DIR=/run/user/65534
  drop="setpriv --reuid 65534 --regid 65534 --clear-groups --"
  as_user() {
    local group=$1
    shift
    sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$cg/$group" $drop "$@"
  }
  delegate() {
    mkdir $cg/$1
    chown 65534:65534 $cg/$1 $cg/$1/cgroup.procs $cg/$1/cgroup.subtree_control $cg/$1/cgroup.threads
  }
  echo "+cpu +memory +pids" >$cg/cgroup.subtree_control`;

export const userCases: readonly Case[] = [
  {
    name: "an ordinary user without a group of his own is told how to get one",
    script: `${AS_USER}
      $drop contain run --rootfs "$ROOTFS" --memory 64M -- /bin/true; echo "status $?"
      $drop cgset --pids 5 -- /bin/true; echo "status $?"
      sleep 1000 & pid=$!
      $drop cgset --memory 64M $pid; echo "status $?"; kill $pid
      $drop contain run --quiet --rootfs "$ROOTFS" -- /bin/sh -c 'id -u; exit 3'; echo "status $?"
      rmdir $XDG_RUNTIME_DIR/contain`,
    check({ stdout, stderr }) {
      assert.equal(stdout, "status 125\nstatus 125\nstatus 125\n0\nstatus 3\n");
      assert.equal(
        stderr.match(/this cgroup is not delegated to you: EACCES\n.*`systemd-run --user --scope -p Delegate=yes contain …`/g)?.length,
        3,
        stderr,
      );
    },
  },
  {
    name: "an ordinary user with a delegated group has limits, and steps into a leaf below it by himself",
    script: `${AS_USER}
      delegate slice
      hold as_user slice contain run --rootfs "$ROOTFS" --memory 64M --pids 16 --cpu 50% -- /bin/sh -c \\
        'id -u; tail -n 1 /proc/self/cgroup; echo ready; read go; exit 6'
      ls -d $cg/slice/*/ | wc -l
      show slice/contain-???????????? memory.max memory.swap.max pids.max cpu.max pids.current
      cat $cg/slice/cgroup.procs
      release; echo "status $?"
      as_user slice/contain-callers contain run --quiet --rootfs "$ROOTFS" --memory 32M -- dd if=/dev/zero of=/dev/null bs=100M count=1; echo "status $?"
      ls -d $cg/slice/*/
      rmdir $cg/slice/*/ $cg/slice $XDG_RUNTIME_DIR/contain`,
    check({ stdout }) {
      const limits = "memory.max 67108864\nmemory.swap.max 0\npids.max 16\ncpu.max 50000 100000\npids.current 1\n";
      assert.equal(stdout, `0\n0::/\n2\n${limits}status 6\nstatus 137\n/sys/fs/cgroup/slice/contain-callers/\n`);
    },
  },
  {
    name: "in a delegated group with other processes in it the error says why, and --parent is the way",
    script: `${AS_USER}
      delegate shared
      sleep 1000 & pid=$!
      echo $pid >$cg/shared/cgroup.procs
      as_user shared contain run --rootfs "$ROOTFS" --memory 64M -- /bin/true; echo "status $?"
      delegate own; mkdir $cg/own/me; chown 65534:65534 $cg/own/me $cg/own/me/cgroup.procs
      as_user own/me cgset --parent own --name x --memory 64M; echo "status $?"; show own/x memory.max
      as_user own/me nsexec --user --into-cgroup own/x -- tail -n 1 /proc/self/cgroup
      as_user own/me cgset --parent own --name x --rm; ls -d $cg/*/*/
      kill $pid; until_ok grep -qx "populated 0" $cg/shared/cgroup.events
      rmdir $cg/own/me $cg/own $cg/shared $XDG_RUNTIME_DIR/contain`,
    check({ stdout, stderr }) {
      assert.equal(stdout, "status 125\nstatus 0\nmemory.max 67108864\n0::/own/x\n/sys/fs/cgroup/own/me/\n");
      assert.match(
        stderr,
        /shared: memory cannot be enabled for its children: it has processes of its own \([\d ]+\)\n.*no internal processes/,
      );
    },
  },
];
