// What contain-oci says of containers that a limit ended, where all controllers are.
import assert from "node:assert/strict";
import { checkSchema } from "../../helpers/schemas.ts";
import type { Case } from "../machine.ts";

const OCI = `
  oci() { contain-oci --root $PWD/states "$@"; }
  bundle() {
    mkdir -p $1
    cat >$1/config.json <<J
{"ociVersion":"1.3.0","process":{"cwd":"/","args":["/bin/sh","-c","$2"],"env":["PATH=/bin:/usr/bin"],"user":{"uid":0,"gid":0},"capabilities":{}},
"root":{"path":"$ROOTFS"},"mounts":[{"destination":"/proc","type":"proc","source":"proc"},{"destination":"/dev","type":"tmpfs","source":"tmpfs"}],
"linux":{"cgroupsPath":"/engine/$1","resources":$3,"namespaces":[{"type":"pid"},{"type":"mount"},{"type":"ipc"}]}}
J
  }
  stopped() { oci state $1 | grep -q '"stopped"'; }
  life() {
    bundle "$@"
    oci create --bundle $1 $1 </dev/null >/dev/null && oci start $1 && until_ok stopped $1
    oci --log $1.log --log-format json delete $1
    echo "== $1"; contain explain $1; grep -c '"level":"info"' $1.log
  }
`;

export const engineCases: readonly Case[] = [
  {
    name: "contain-oci: the verdict of a memory limit and of a pids limit, whoever has waited for it",
    script: `${OCI}
      cd "$(mktemp -d)"
      hog="dd if=/dev/zero of=/dev/null bs=100M count=1"
      limit='{"memory":{"limit":33554432,"swap":33554432}}'
      life oom "exec $hog" "$limit"
      life child "$hog; exit 1" "$limit"
      life roomy "dd if=/dev/zero of=/dev/null bs=1M count=1 2>/dev/null; exit 137" "$limit"
      life forks "for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; exit 1" '{"pids":{"limit":4}}'
      rmdir $cg/engine; rm -r "$PWD"`,
    check({ stdout, left }) {
      const part = (name: string) => stdout.split(`== ${name}\n`)[1]?.split("== ")[0] ?? "";
      const told = `${stdout}`;
      assert.match(
        part("oom"),
        /PID 1 \(dd\) was killed by the OOM killer: its own memory limit was reached, 32M of \S+\/engine\/oom/,
        told,
      );
      assert.match(part("child"), /dd \(PID \d+\) was killed by the OOM killer: its own memory limit was reached/, told);
      assert.doesNotMatch(part("roomy"), /OOM killer:|was killed/, told);
      assert.match(part("forks"), /refused \(EAGAIN\) by pids.max of \S+\/engine\/forks/, told);
      for (const name of ["oom", "child", "forks"]) assert.doesNotMatch(part(name), /^0$/m, told);
      assert.equal(left, "", told);
    },
  },
  {
    name: "contain watch: a container of another engine that a memory limit ends, and one that was killed",
    script: `
      cd "$(mktemp -d)"
      export CONTAIN_ROOT=$PWD/states
      id() { printf %064x $1; }
      make() { mkdir $cg/libpod-$(id $1).scope; }
      put() { local n=$1; shift; (sh -c "echo \\$\\$ >$cg/libpod-$(id $n).scope/cgroup.procs; exec $*" >/dev/null 2>&1 &); }
      echo "+memory +pids" >$cg/cgroup.subtree_control
      make 171; make 172
      echo 16M >$cg/libpod-$(id 171).scope/memory.max
      echo 0 >$cg/libpod-$(id 171).scope/memory.swap.max
      contain watch --json >out & watcher=$!
      put 172 sleep 1000
      until_ok grep $(id 172) out
      put 171 dd if=/dev/zero of=/dev/null bs=100M count=1
      until_ok grep '"ended".*'$(id 171) out
      kill -9 $(cat $cg/libpod-$(id 172).scope/cgroup.procs)
      until_ok grep '"ended".*'$(id 172) out
      kill -INT $watcher; wait $watcher; echo "status $?"
      cat out
      contain explain $(id 171)
      rmdir $cg/libpod-*.scope; rm -r "$PWD"`,
    check({ stdout, stderr, left }) {
      const told = `${stdout}${stderr}`;
      assert.match(stdout, /^status 0$/m, told);
      assert.match(stdout, /"event":"memory"/, told);
      for (const [line] of stdout.matchAll(/^{"event":.*$/gm)) checkSchema("watch", JSON.parse(line));
      assert.match(stdout, /dd\) was killed by the OOM killer: its own memory limit was reached, 16M of \S+\/libpod-/, told);
      // Whoever adopted it may wait for it first, and before Linux 6.15 its status is gone then.
      assert.match(stdout, /"event":"ended".*sleep\) (was killed by a SIGKILL|ended. With which status: cannot tell)/, told);
      assert.match(stdout, /How it ended\n(.*\n)?.*OOM killer/, told);
      assert.equal(left, "", told);
    },
  },
];
