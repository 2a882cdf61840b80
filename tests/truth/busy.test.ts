// A group that cannot be removed: by a process that was put into it later, as exec does; by one of another PID namespace; not by a zombie.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, test } from "node:test";
import { makeGroup } from "../helpers/group.ts";
import { need } from "../helpers/need.ts";
import { bin, run } from "../helpers/run.ts";
import { start } from "../helpers/started.ts";

interface Busy {
  readonly name: string;
  /** Prints `ready` when the group is busy, and waits. */
  readonly script: string;
  /** In which it is tried. */
  readonly from?: readonly string[];
  readonly says: RegExp;
  readonly not: RegExp;
}

const rows: readonly Busy[] = [
  {
    name: "a process that was put into it later",
    script: "sleep 1000 & echo $! >$GROUP/cgroup.procs; echo ready; wait",
    says: /EBUSY, processes are in it: PID \d+ \(sleep\)\n/,
    not: /namespace|zombie/,
  },
  {
    name: "a process of a PID namespace that is not to be seen",
    script: "sleep 1000 & echo $! >$GROUP/cgroup.procs; echo ready; wait",
    from: ["unshare", "-pf", "--mount-proc"],
    says: /EBUSY, processes are in it: 1 of a PID namespace that cannot be seen from here\n/,
    not: /PID \d|zombie/,
  },
  {
    name: "a zombie does not keep it (cgroup-v2.rst)",
    script:
      "sh -c 'sleep 0.3 & echo $! >$GROUP/cgroup.procs; exec sleep 1000' & until grep -qs '^State:.Z' /proc/$(cat /proc/$!/task/$!/children | tr -d ' ')/status; do sleep 0.02; done; echo ready; wait",
    says: /^$/,
    not: /EBUSY/,
  },
];

describe("a group that is busy", { ...need("root", "unshare"), concurrency: false }, () => {
  for (const [i, { name, script, from = [], says, not }] of rows.entries())
    test(name, async () => {
      const group = makeGroup(`busy-${i}`);
      const started = start(`export GROUP=${group.dir}; trap 'kill $!; exit' TERM; ${script}`);
      started.ended.catch(() => {});
      await started.shows("ready");
      try {
        const { status, stderr } = run([...from, join(bin, "cgset"), "--name", basename(group.dir), "--rm"]);
        assert.equal(status, stderr === "" ? 0 : 125);
        assert.match(stderr, says);
        assert.doesNotMatch(stderr.split("\n")[0] ?? "", not);
      } finally {
        started.child.kill("SIGTERM");
        await started.gone;
        if (existsSync(group.dir)) await group.remove();
      }
    });
});
