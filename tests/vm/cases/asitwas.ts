// A start that fails leaves the groups above as they were: their type, their controllers, their children, the caller's place.
import assert from "node:assert/strict";
import type { Case } from "../machine.ts";

const PRELUDE = `
  mkdir $cg/shared
  echo "+cpu +memory +pids" >$cg/cgroup.subtree_control # what an engine hands down
  shopt -s globstar
  state() { local f; for f in shared/cgroup.type shared/cgroup.subtree_control cgroup.subtree_control; do echo "$(<$cg/$f)"; done; echo $cg/shared/**/; }
  # In a cgroup namespace whose top is "shared", as an engine's container has it: alone there, or with another process.
  alone() { bash -c 'echo 0 >$0/shared/cgroup.procs; exec unshare --cgroup --mount sh -c "umount -l $0; mount -t cgroup2 cgroup2 $0; exec \\"\\$@\\"" sh "$@"' $cg "$@"; }
  occupy() { sleep 1000 & occupant=$!; echo $occupant >$cg/shared/cgroup.procs; }
  attempt() { # TITLE COMMAND…: its status, its first two lines, and what it has changed
    local title=$1 before; before=$(state); shift
    "$@" >out 2>err; echo "$title: $?"
    sed '/\\[c/d; s/^/  /; s/contain-[0-9a-f]*/contain-ID/; s/callers-ID/callers/' err | head -n 2
    [ "$before" = "$(state)" ] && echo "  as it was"
  }
  tidy() { rm out err; [ -z "\${occupant-}" ] || { kill -KILL $occupant; wait $occupant; }; until_ok sh -c "find $cg/shared -depth -type d -exec rmdir {} +"; echo "-cpu -memory -pids" >$cg/cgroup.subtree_control; } 2>/dev/null
`;

export const asItWasCases: readonly Case[] = [
  {
    name: "as it was: in a group with other processes a limit is refused in words, and the group stays an ordinary one",
    script: `${PRELUDE}
      occupy
      attempt "run pids" alone contain run --pids 20 -- true
      attempt "run memory" alone contain run --memory 64M --cpu 1 -- true
      attempt "cgset pids" cgset --parent /shared --pids 20 -- true
      attempt "cgset, no program" cgset --parent /shared --name x --pids 20
      attempt "run without limits" alone contain run -- true
      # what the message says
      cgset --parent /shared --name callers --make; cgset --parent /shared --name callers $occupant; echo "moved $?"
      cgset --parent /shared --name other --pids 20 2>/dev/null; echo "made $?"; show shared/other pids.max cgroup.type
      tidy`,
    check({ stdout, stderr }) {
      assert.match(
        stdout,
        /^run pids: 125\n {2}cgset: \/sys\/fs\/cgroup: pids cannot be enabled for its children: it has processes of its own \(.*\)\n.*Move them to a group below it first .*\n {2}as it was$/m,
      );
      assert.match(stdout, /^run memory: 125\n.*memory cpu cannot be enabled.*\n.*\n {2}as it was$/m);
      assert.match(stdout, /^cgset pids: 125\n {2}cgset: \/sys\/fs\/cgroup\/shared: pids cannot be enabled.*\n.*\n {2}as it was$/m);
      assert.match(stdout, /^cgset, no program: 125\n(.*\n)* {2}as it was$/m);
      assert.match(stdout, /^run without limits: 0\n {2}as it was$/m);
      assert.match(stdout, /^moved 0\nmade 0\npids\.max 20\ncgroup\.type domain$/m, stderr);
    },
  },
  {
    name: "as it was: a start that fails later takes back what it enabled, and the caller's leaf",
    script: `${PRELUDE}
      attempt "no program" alone contain run --pids 20 -- /nonexistent
      attempt "bad root" alone contain run --pids 20 --rootfs /proc/self/fdinfo -- true
      attempt "cgset, no program" alone cgset --pids 20 --memory 1G -- /nonexistent
      attempt "cgset, bad value" cgset --parent /shared --name x --pids 20 --set cpu.max=nonsense
      attempt "cgset, no such file" cgset --parent /shared --name x --pids 20 --set io.nonsense=1
      attempt "cgset, no such controller" cgset --parent /shared --name x --pids 20 --set nonsense.max=1
      mkdir $cg/shared/there
      attempt "cgset, a group that is there" cgset --parent /shared --name there --pids 20 --set cpu.max=nonsense
      rmdir $cg/shared/there
      alone contain run --pids 20 -- cat /proc/self/cgroup 2>/dev/null; echo "status $?"
      tidy`,
    check({ stdout, stderr }) {
      for (const [title, status] of [
        ["no program", 127],
        ["bad root", 125],
        ["cgset, no program", 127],
        ["cgset, bad value", 125],
        ["cgset, no such file", 125],
        ["cgset, no such controller", 125],
        ["cgset, a group that is there", 125],
      ]) {
        assert.match(stdout, new RegExp(`^${title}: ${status}\n(  .*\n)*?  as it was$`, "m"), stderr);
      }
      assert.match(stdout, /^status 0$/m);
    },
  },
  {
    name: "as it was: below a group that is threaded already nothing is made, and the type is told",
    script: `${PRELUDE}
      occupy
      echo +pids >$cg/shared/cgroup.subtree_control; cat $cg/shared/cgroup.type
      attempt "run pids" alone contain run --pids 20 -- true
      attempt "run without limits" alone contain run -- true
      attempt "cgset" cgset --parent /shared --name x --make
      mkdir $cg/shared/invalid
      attempt "cgset PID" cgset --parent /shared --name invalid $$
      attempt "nsexec" nsexec --into-cgroup /shared/invalid -- true
      tidy`,
    check({ stdout, stderr }) {
      assert.match(stdout, /^domain threaded\n/);
      assert.match(
        stdout,
        /^run pids: 125\n.*its cgroup\.type is `domain threaded`.*\n.*Choose another --parent, or disable there what .*: pids\n {2}as it was$/m,
        stderr,
      );
      assert.match(stdout, /^run without limits: 0\n {2}as it was$/m, stderr);
      assert.match(stdout, /^cgset: 125\n.*its cgroup\.type is `domain threaded`.*\n.*\n {2}as it was$/m);
      assert.match(stdout, /^cgset PID: 125\n.*EOPNOTSUPP.*\n.*its cgroup\.type is `domain invalid`.*\n {2}as it was$/m);
      assert.match(stdout, /^nsexec: 125\n.*EOPNOTSUPP.*\n.*threaded subtree.*\n {2}as it was$/m);
    },
  },
];
