// contain-oci where all controllers are: limits that create writes, and what update changes.
import assert from "node:assert/strict";
import type { Case } from "../machine.ts";

const CONFIG = (rootfs: string) =>
  JSON.stringify({
    ociVersion: "1.3.0",
    root: { path: rootfs },
    process: { cwd: "/", args: ["/bin/sleep", "1000"], env: ["PATH=/bin"] },
    mounts: [{ destination: "/proc", type: "proc", source: "proc" }],
    linux: {
      cgroupsPath: "/oci/box",
      namespaces: [{ type: "pid" }, { type: "mount" }],
      resources: {
        memory: { limit: 64 << 20, swap: 96 << 20, reservation: 32 << 20 },
        cpu: { shares: 1024, quota: 50000, period: 100000 },
        pids: { limit: 20 },
      },
    },
  });

/** A container that sleeps, in the group $cg/oci/box, with limits of its own; `oci` is contain-oci with a root of its own. */
const SLEEPER = `
  oci() { contain-oci --root $TMPDIR/states "$@"; }
  mkdir $TMPDIR/b
  echo '${CONFIG("ROOTFS")}' | sed "s,ROOTFS,$ROOTFS," >$TMPDIR/b/config.json
  oci run --detach --bundle $TMPDIR/b box </dev/null >/dev/null 2>&1; echo "run $?"
  limits() { show oci/box memory.max memory.swap.max memory.low cpu.weight cpu.max pids.max | cut -d' ' -f2- | paste -sd,; }
  limits`;
const END = `
  oci delete --force box; echo "delete $?"
  rmdir $cg/oci
  rm -r $TMPDIR/b $TMPDIR/states`;
const FIRST = "67108864,33554432,33554432,39,50000 100000,20";

export const ociCases: readonly Case[] = [
  {
    name: "contain-oci update: by options, by a file, from standard input; the rest stays",
    script: `${SLEEPER}
      oci update --memory 32M --memory-swap 48M --pids-limit 7 box; echo "options $?"; limits
      echo '{"cpu": {"shares": 2048, "quota": 25000}, "memory": {"limit": 134217728, "swap": -1}}' >$TMPDIR/resources.json
      oci update --resources $TMPDIR/resources.json box; echo "file $?"; limits
      echo '{"pids": {"limit": -1}, "unified": {"memory.high": "100000000"}}' | oci update --resources - box; echo "input $?"; limits
      show oci/box memory.high
      rm $TMPDIR/resources.json
      ${END}`,
    check({ stdout, stderr }) {
      assert.equal(stderr, "");
      assert.deepEqual(stdout.trimEnd().split("\n"), [
        "run 0",
        FIRST,
        "options 0",
        "33554432,16777216,33554432,39,50000 100000,7",
        "file 0",
        "134217728,max,33554432,79,25000 100000,7",
        "input 0",
        "134217728,max,33554432,79,25000 100000,max",
        "memory.high 99999744",
        "delete 0",
      ]);
    },
  },
  {
    name: "contain-oci update: memory.checkBeforeUpdate refuses a limit below the use; what is wrong changes nothing",
    script: `${SLEEPER}
      echo '{"memory": {"limit": 4096, "checkBeforeUpdate": true}}' | oci update --resources - box; echo "below $?"; limits
      echo '{"memory": {"limit": 50331648, "checkBeforeUpdate": true}}' | oci update --resources - box; echo "above $?"; limits
      for text in '{' '[]' '{"memory": {"limit": "x"}}' '{"cpu": {"realtimePeriod": 5}}' '{"memory": {"limit": 4096, "swap": 5}}'; do
        echo "$text" | oci update --resources - box; echo "wrong $?"
      done
      oci update --memory x box; echo "wrong $?"
      oci state box | grep -o 'running'; limits
      ${END}`,
    check({ stdout, stderr }) {
      const kept = "50331648,33554432,33554432,39,50000 100000,20";
      assert.deepEqual(stdout.trimEnd().split("\n"), [
        ...["run 0", FIRST, "below 1", FIRST, "above 0", kept],
        ...Array.from({ length: 6 }, () => "wrong 1"),
        ...["running", kept, "delete 0"],
      ]);
      const said = stderr.trimEnd().split("\n");
      assert.equal(said.length, 7, stderr);
      assert.match(said[0] ?? "", /memory\.limit 4096 is below the present use, \d+, and memory\.checkBeforeUpdate is set/);
      for (const line of said) assert.match(line, /^contain-oci: /);
    },
  },
];
