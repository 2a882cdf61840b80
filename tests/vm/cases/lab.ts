// The labs that need limits, played where they are enforced.
import assert from "node:assert/strict";
import { assertExpected, evidenceOf, type Told } from "../../helpers/lab.ts";
import type { Case } from "../machine.ts";

const MEMORY = ["oom-kill", "oom-child-only", "tmpfs-counts-as-memory", "dd-that-does-not-oom"];
const OTHERS = ["cpu-throttling", "fork-bomb", "cgroup-rmdir-busy"];
const play = (labs: readonly string[]) => labs.map((lab) => `contain lab ${lab} --json; echo "status $?"`).join("\n");

/** Each lab's object, after a check that it went as it promises. */
function read(stdout: string, labs: readonly string[]): Record<string, Told> {
  const lines = stdout.trimEnd().split("\n");
  assert.deepEqual(
    lines.filter((line) => line.startsWith("status")),
    labs.map(() => "status 0"),
    stdout,
  );
  const told = lines.filter((line) => line.startsWith("{")).map((line): Told => JSON.parse(line));
  assert.deepEqual(
    told.map(({ lab }) => lab),
    labs,
  );
  told.forEach(assertExpected);
  return Object.fromEntries(told.map((one) => [one.lab, one]));
}

const number = (told: Told | undefined, source: string, nth = 0) => Number((told && evidenceOf(told, source, nth)) ?? Number.NaN);

export const labCases: readonly Case[] = [
  {
    name: "contain lab: memory",
    script: play(MEMORY),
    check({ stdout }) {
      const told = read(stdout, MEMORY);
      const kill = told["oom-kill"];
      assert.deepEqual(
        [number(kill, "memory.max"), number(kill, "memory.swap.max"), number(kill, "memory.events oom_kill"), number(kill, "oomKills")],
        [32 << 20, 0, 0, 1],
      );
      const child = told["oom-child-only"];
      assert.deepEqual([number(child, "memory.events oom_kill"), number(child, "memory.oom.group")], [1, 0]);
      assert.match(child?.output[0] ?? "", /dd ended with 137/);
      assert.doesNotMatch(child?.output[1] ?? "", /dd ended/);
      const tmpfs = told["tmpfs-counts-as-memory"];
      assert.ok(number(tmpfs, "memory.stat shmem") >= 16 << 20 && number(tmpfs, "memory.stat anon") < 4 << 20);
      assert.ok(number(tmpfs, "memory.current") > number(tmpfs, "memory.stat shmem"));
      const dd = told["dd-that-does-not-oom"];
      assert.deepEqual([number(dd, "1M.json usage.oomKills"), number(dd, "200M.json usage.oomKills")], [0, 1]);
      assert.ok(number(dd, "1M.json usage.memoryPeak") < 24 << 20 && number(dd, "200M.json usage.memoryPeak") > 30 << 20);
    },
  },
  {
    name: "contain lab: cpu, pids, rmdir",
    script: play(OTHERS),
    check({ stdout }) {
      const told = read(stdout, OTHERS);
      const cpu = told["cpu-throttling"];
      assert.equal(cpu && evidenceOf(cpu, "cpu.max"), "20000 100000");
      assert.ok(number(cpu, "cpu.stat nr_throttled") >= 5 && number(cpu, "cpu.stat nr_periods") >= 10);
      assert.ok(number(cpu, "cpu.stat throttled_usec") > number(cpu, "cpu.stat usage_usec"));
      const bomb = told["fork-bomb"];
      assert.equal(number(bomb, "pids.max"), 20);
      assert.ok(number(bomb, "pids.current") <= 20 && number(bomb, "pids.events max") >= 1);
      const busy = told["cgroup-rmdir-busy"];
      assert.match((busy && evidenceOf(busy, "cgroup.procs")) ?? "", /^\d+$/);
      assert.equal(number(busy, "cgroup.events populated"), 1);
    },
  },
  {
    name: "contain lab: what goes otherwise is said, and not explained",
    // A dd that uses no memory is not killed.
    script: `
      mkdir -p /run/scratch/bin; printf '#!/bin/sh\\nexit 0\\n' >/run/scratch/bin/dd; chmod +x /run/scratch/bin/dd
      mount --bind /run/scratch/bin/dd "$(readlink -f "$(command -v dd)")"
      contain lab oom-kill; echo "status $?"
      umount "$(readlink -f "$(command -v dd)")"; rm -r /run/scratch/bin`,
    check({ stdout }) {
      assert.match(stdout, /NO {3}exit status 137\n {2}NO {3}memory.events counts an OOM kill/);
      assert.match(stdout, /This went otherwise than expected: exit status 137/);
      assert.doesNotMatch(stdout, /Why:|Fix:/);
      assert.match(stdout, /^status 1$/m);
    },
  },
];
