// What is left afterwards: nothing. Every case's result also lists what was left; here that is the subject.
import assert from "node:assert/strict";
import type { Case } from "../machine.ts";

export const leftoverCases: readonly Case[] = [
  {
    name: "runs that end badly leave no group and no process",
    script: `
      contain run --quiet --pids 9 --rootfs "$ROOTFS" -- /bin/sh -c 'sleep 1000 & exit 3'; echo -n "$? "
      contain run --quiet --init --pids 9 --rootfs "$ROOTFS" -- /bin/sh -c 'kill -9 $$'; echo -n "$? "
      contain run --quiet --cpu 0.5 -- /no/such/program 2>/dev/null; echo -n "$? "
      ls -d $cg/*/`,
    check({ stdout, stderr }) {
      assert.equal(stdout, "3 137 127 ");
      assert.match(stderr, /^ls: [^\n]*\n$/);
    },
  },
  {
    name: "a container that was never started leaves no group: a bad rootfs, a refused value",
    script: `
      contain run --quiet --rootfs /no/such --memory 32M -- /bin/true; echo "$?"
      contain run --quiet --set cpu.weight=0 -- /bin/true; echo "$?"
      contain run --quiet --memory 32M --set memory.max=much -- /bin/true; echo "$?"
      ls -d $cg/*/`,
    check({ stdout, stderr }) {
      assert.equal(stdout, "125\n125\n125\n");
      assert.match(stderr, /cpu.weight.*ERANGE/);
    },
  },
  {
    name: "SIGTERM to contain ends the container and removes its group",
    script: `
      hold contain run --quiet --rootfs "$ROOTFS" --init --memory 32M -- /bin/sh -c 'echo ready; exec sleep 1000'
      kill $held; wait $held; echo "status $?"
      ls -d $cg/*/ 2>/dev/null`,
    check: ({ stdout }) => assert.equal(stdout, "status 143\n"),
  },
  {
    name: "kill -9 of contain ends every process at once; `contain gc` takes the empty group away, and so does cgset --rm",
    script: `
      for init in "" --init; do
        hold contain run --quiet --rootfs "$ROOTFS" $init --memory 32M --pids 20 -- /bin/sh -c \\
          'sleep 1000 & setsid sleep 1001 & echo ready; read go; sleep 1002'
        group=$(basename $cg/contain-*)
        show $group pids.current
        kill -KILL $held; wait $held; echo "status $?"
        until_ok grep -qx "populated 0" $cg/$group/cgroup.events; echo empty
        [ -z "$init" ] || cgset --name $group --rm
        contain gc | grep -c "PID $held, was killed"
        ls -d $cg/*/ 2>/dev/null
      done`,
    check: ({ stdout }) => assert.equal(stdout, [3, 4].map((count) => `pids.current ${count}\nstatus 137\nempty\n1\n`).join("")),
  },
];
