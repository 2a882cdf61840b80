// The verdict of memory.high and memory.oom.group.
import assert from "node:assert/strict";
import { parse } from "../../helpers/explained.ts";
import { checkRows, FUNCTIONS, type Row, readReports } from "../../helpers/verdict.ts";
import type { Case } from "../machine.ts";

const STAGED = `
  hog="dd if=/dev/zero of=/dev/null bs=100M count=1"
  v group-init --init --memory 32M --oom-group -- /bin/sh -c "sleep 100 & $hog; echo never"
  h group-outside --memory 32M --oom-group -- /bin/sh -c "$waits"; kill -9 $pid; ended
  v shm --memory 32M --tmpfs /dev/shm -- dd if=/dev/zero of=/dev/shm/heap bs=1M count=60
  v high --memory-high 16M -- /bin/sh -c "timeout 2 dd if=/dev/zero of=/dev/null bs=20M count=1; exit 3"
  v high-room --memory-high 200M -- /bin/sh -c "timeout 2 dd if=/dev/zero of=/dev/null bs=20M count=1; exit 3"
`;

const rows: readonly Row[] = [
  { name: "group-init", status: 137, code: "oom-kill-own-limit", unlike: ["high", "group-outside"], says: /memory.oom.group/ },
  { name: "group-outside", status: 137, code: "killed-from-outside", unlike: ["group-init", "high"] },
  { name: "shm", status: 137, code: "oom-kill-own-limit", unlike: ["group-outside", "high"], says: /In the group were .*shmem [23]\d/ },
  {
    name: "high",
    status: 3,
    code: "hint-memory-high",
    unlike: ["high-room", "group-init"],
    uncertain: true,
    says: /memory.high of \S+, 16M, was exceeded \d+ times/,
  },
  { name: "high-room", status: 3, code: "exit", unlike: ["group-init", "group-outside"] },
];

export const truthCases: readonly Case[] = [
  {
    name: "truth: memory.oom.group, memory.high",
    script: `${FUNCTIONS}${STAGED}`,
    check: ({ stdout }) => {
      const reports = readReports(stdout);
      checkRows(rows, reports);
      const codes = reports.get("group-init")?.verdict.map(({ code }) => code) ?? [];
      assert.ok(!codes.includes("oom-cannot-tell"), codes.join(" "));
    },
  },
  {
    name: "truth: contain explain sees memory.high",
    script: `
      cgset --name tight --set memory.high=8M
      bash -c 'echo $BASHPID >'$cg'/tight/cgroup.procs; head -c 20M /dev/zero | tail -c 20M >/dev/null' & hog=$!
      until_ok grep -q "^high [1-9]" $cg/tight/memory.events.local
      sleep 1000 & p=$!; echo $p >$cg/tight/cgroup.procs
      contain explain --json $p
      kill $p; echo 1 >$cg/tight/cgroup.kill; wait; cgset --name tight --rm`,
    check: ({ stdout }) => {
      const { text, codes } = parse(stdout);
      assert.match(text("memory-high-limit"), /memory-high: 8M at most, set in \/sys\/fs\/cgroup\/tight, its own group.*slows/);
      assert.match(text("memory-high-throttled"), /has been exceeded \d+ times/);
      assert.ok(!codes.includes("oom-kills"), codes.join(" "));
    },
  },
];
