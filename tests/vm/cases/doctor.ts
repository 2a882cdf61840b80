// What `contain doctor` says where all controllers are on cgroup v2, and where a group is, or is not, delegated.
import assert from "node:assert/strict";
import type { Case } from "../machine.ts";

/** Each check as `NAME=STATE`, without those that depend on the files of the host. */
const DOCTOR = `
  states() { sed -n 's/^{"what":"\\([^"]*\\)".*"state":"\\([^"]*\\)".*/\\1=\\2/p' | grep -v "newuidmap\\|newgidmap\\|subordinate\\|overlay\\|by contain-oci"; }
  export XDG_RUNTIME_DIR=/run/user/65534
  drop="setpriv --reuid 65534 --regid 65534 --clear-groups --"`;

const NAMESPACES = ["user", "pid", "uts", "mount", "ipc", "net", "cgroup"].map((kind) => `${kind} namespace=ok`);
const CALLS = ["clone3", "openat2", "pidfd", "close_range", "open_tree", "mount_setattr"].map((call) => `${call}=ok`);
const CONTROLLERS = ["memory=ok", "cpu=ok", "cpuset=missing", "pids=ok", "io=ok"]; // a kernel for one CPU has no cpuset

export const doctorCases: readonly Case[] = [
  {
    name: "contain doctor: root has everything but what this kernel is built without; a user has what was delegated to him",
    script: `${DOCTOR}
      mkdir $cg/other
      contain doctor --json >out; echo "status $?"; states <out
      echo --
      for name in cpu io; do echo "-$name" >$cg/cgroup.subtree_control; done # whatever cases before this one have enabled
      echo "+memory +pids" >$cg/cgroup.subtree_control
      mkdir $cg/mine; chown 65534:65534 $cg/mine $cg/mine/cgroup.procs $cg/mine/cgroup.subtree_control
      sh -c 'echo $$ >$0/cgroup.procs && exec "$@"' $cg/mine $drop contain doctor --json >out; states <out | grep "^cgroup \\|^privilege"
      echo --
      $drop contain doctor | grep "^cgroup delegation"
      rmdir $cg/mine $cg/other; echo "-memory -pids" >$cg/cgroup.subtree_control; rm out`,
    check({ stdout, stderr }) {
      const [root = "", user = "", refused = ""] = stdout.split("--\n").map((part) => part.trim());
      const wanted = ["status 0", "kernel=ok", "privilege=ok", ...NAMESPACES, "time namespace=missing"].concat(
        [
          "user namespace, unprivileged=ok",
          "own /proc=ok",
          "fresh /proc=ok",
          "pivot_root=ok",
          "cgroup v2=ok",
          ...CONTROLLERS.map((name) => `cgroup ${name}`),
        ],
        [
          "cgroup delegation=ok",
          "cgroup.kill=ok",
          "device programs=ok",
          "PSI=missing",
          ...CALLS,
          "seccomp=ok",
          "seccomp filter=ok",
          "tracing of signals=missing",
          "leftovers=ok",
        ],
      );
      assert.deepEqual(root.split("\n"), wanted, stderr);
      assert.deepEqual(user.split("\n"), [
        "privilege=limited",
        "cgroup namespace=ok",
        "cgroup v2=ok",
        "cgroup memory=ok",
        "cgroup cpu=limited",
        "cgroup cpuset=missing",
        "cgroup pids=ok",
        "cgroup io=limited",
        "cgroup delegation=ok",
      ]);
      assert.match(refused, /^cgroup delegation +limited +access\(\/sys\/fs\/cgroup, W_OK\): EACCES/);
    },
  },
];
