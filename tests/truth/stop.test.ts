// What a stop signal did: said when it is sent, and in the verdict when the grace window was over.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { need } from "../helpers/need.ts";
import { childOf } from "../helpers/proc.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { start } from "../helpers/started.ts";
import type { Row } from "../helpers/verdict.ts";
import { eventually } from "../helpers/wait.ts";
import { stageAll } from "./stage.ts";

const dir = scratch("truth-stop");
const rootfs = makeRootfs(dir);

const grace = { status: 137, code: "killed-by-grace" } as const;
const rows: readonly Row[] = [
  { ...grace, name: "dropped", unlike: ["taken", "itself"], says: /When SIGTERM came, PID 1 \(sh\): it has no handler/ },
  {
    ...grace,
    name: "pipeline",
    unlike: ["taken", "itself"],
    says: /PID 1 \(sh\): it has no handler.*Besides it there were sleep \(PID \d+\), cat \(PID \d+\)/,
  },
  { ...grace, name: "ignored", unlike: ["taken", "itself"], says: /PID 1 \(sh\): it ignores it/ },
  { ...grace, name: "init-ignored", unlike: ["init-ends", "itself"], says: /the program \(sh\): it ignores it/ },
  { ...grace, name: "blocked", unlike: ["taken", "init-ends"], says: /it has it blocked/ },
  { ...grace, name: "late", unlike: ["taken", "itself"], says: /PID 1 \(sh\): it ignores it/ },
  { ...grace, name: "slow", unlike: ["taken", "init-ends"], says: /PID 1 \(sh\): it has a handler/ },
  { name: "taken", status: 5, code: "exit", unlike: ["dropped", "slow"] },
  { name: "init-ends", status: 143, code: "signal-forwarded", unlike: ["init-ignored", "taken"] },
  { name: "itself", status: 137, code: "exit-above-128", unlike: ["dropped", "ignored"] },
];

const script = `
  h dropped --grace 200ms sh -c "$waits"; kill -TERM $held; ends
  h pipeline --grace 900ms sh -c "{ echo ready >/dev/stderr; exec sleep 100; } 2>&1 | cat"; kill -TERM $held; ends
  h ignored --grace 200ms sh -c "trap '' TERM; $waits"; kill -TERM $held; ends
  h init-ignored --init --grace 200ms sh -c "trap '' TERM; $waits"; kill -TERM $held; ends
  ROOTFS=/ h blocked --grace 200ms perl -e 'use POSIX; sigprocmask(SIG_BLOCK, POSIX::SigSet->new(SIGTERM)); $| = 1; print "ready\\n"; <STDIN>'
  kill -TERM $held; ends
  # It ignores the signal only while it starts.
  h late --grace 3s sh -c "trap '' TERM; echo ready; sleep 2; trap 'exit 5' TERM; sleep 100 & wait"; kill -TERM $held; ends
  h slow --grace 200ms sh -c "trap 'sleep 10' TERM; $waits"; kill -TERM $held; ends
  h taken sh -c "trap 'exit 5' TERM; $waits"; kill -TERM $held; ended
  h init-ends --init sh -c "$waits"; kill -TERM $held; ended
  h itself sh -c "$waits; exit 137"; kill -TERM $held; echo go >&"$to"; ended
`;

stageAll("a stop signal", { rootfs, dir, script, rows });

describe("what is said when the signal is sent", need("root"), () => {
  for (const [what, words, says] of [
    [
      "pid1 with a program that has no handler",
      "--init -- sh -c 'echo ready; sleep 100; true'",
      /SIGTERM sent to the program \(sh\)\. SIGKILL/,
    ],
    ["a PID 1 that drops it", "-- sh -c 'echo ready; sleep 100; true'", /SIGTERM sent\. PID 1 \(sh\): .*the kernel discards it/],
    [
      "a PID 1 that waits in sigtimedwait",
      `--rootfs / -- perl -e '$| = 1; print "ready\\n"; syscall(${process.arch === "arm64" ? 137 : 128}, $s = pack("Q", 1 << 14), 0, 0, 8)'`,
      /SIGTERM sent\. PID 1 \(perl\): it waits for the signal in sigtimedwait/,
    ],
  ] as const)
    test(what, async () => {
      const rootfsWords = words.includes("--rootfs") ? "" : `--rootfs ${rootfs}`;
      const run = start(`exec contain run --grace 200ms ${rootfsWords} ${words}`);
      await run.shows("ready");
      if (what.includes("waits")) await asleep(run.child.pid ?? 0);
      run.child.kill("SIGTERM");
      await run.gone;
      assert.match(run.output().stderr, says);
    });
});

/** Until the child of a process sleeps in a system call. */
const asleep = (parent: number) => eventually(() => /^(128|137) /.test(readFileSync(`/proc/${childOf(parent)}/syscall`, "utf8")));
