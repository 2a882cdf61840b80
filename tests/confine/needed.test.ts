// Profiles that refuse what is still to be called when the filter is loaded: told while planning, never a death without a word.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { run } from "../helpers/run.ts";

const dir = scratch("needed");
const rootfs = makeRootfs(dir);
let count = 0;

interface Rule {
  readonly names: readonly string[];
  readonly action: string;
  readonly args?: readonly unknown[];
}

function profile(rules: readonly Rule[], defaultAction = "SCMP_ACT_ALLOW"): string {
  const file = join(dir, `${count++}.json`);
  writeFileSync(file, JSON.stringify({ defaultAction, syscalls: rules }));
  return file;
}

const PLACES: Readonly<Record<string, (file: string) => string[]>> = {
  confine: (file) => ["confine", "--seccomp", file, "--", "true"],
  "confine, an absolute path that is not there": (file) => ["confine", "--seccomp", file, "--", "/no/such"],
  "confine, then a link": (file) => ["confine", "--seccomp", file, "--", "pid1", "--", "true"],
  "contain run": (file) => ["contain", "run", "-q", "--confine", "--seccomp", file, "--rootfs", rootfs, "--", "true"],
  "contain run --init": (file) => ["contain", "run", "-q", "--init", "--confine", "--seccomp", file, "--rootfs", rootfs, "--", "true"],
};

describe("a profile that refuses what we must still call", () => {
  for (const name of ["execve", "write", "exit_group"])
    for (const action of ["ERRNO", "KILL", "KILL_PROCESS", "TRAP", "TRACE"])
      for (const [place, words] of Object.entries(PLACES))
        test(`${name} ${action}: ${place}`, () => {
          const { status, stderr } = run(words(profile([{ names: [name], action: `SCMP_ACT_${action}` }])));
          assert.match(stderr, new RegExp(`^confine: --seccomp "\\S+": it refuses ${name}\\n.* it`));
          assert.equal(status, 125);
        });

  for (const action of ["ERRNO", "KILL", "TRAP"])
    test(`all by default, ${action}`, () => {
      const { status, stderr } = run(["confine", "--seccomp", profile([], `SCMP_ACT_${action}`), "--", "true"]);
      assert.match(stderr, /it refuses execve\n/);
      assert.equal(status, 125);
    });

  test("with --trace-denied", () => {
    const file = profile([{ names: ["write"], action: "SCMP_ACT_ALLOW" }], "SCMP_ACT_ERRNO");
    const { status, stderr } = run(["confine", "--trace-denied", "--seccomp", file, "--", "true"]);
    assert.match(stderr, /it refuses execve\n/);
    assert.equal(status, 125);
  });

  for (const [name, words] of [
    ["rt_sigaction", ["true"]],
    ["mmap", ["pid1", "--", "true"]],
    ["statx", ["pid1", "--", "true"]],
    ["clone3", ["nsexec", "--fork", "--", "true"]],
  ] as const)
    test(`killed for ${name}: ${words.join(" ")}`, () => {
      const { status, stderr } = run(["confine", "--seccomp", profile([{ names: [name], action: "SCMP_ACT_KILL" }]), "--", ...words]);
      assert.match(stderr, new RegExp(`it (kills for|refuses) ${name}\\n`));
      assert.equal(status, 125);
    });
});

describe("what is not refused for all arguments passes", () => {
  const arg = (index: number, value: number, op: string) => ({ index, value, op: `SCMP_CMP_${op}` });
  for (const [name, rules] of [
    ["write to descriptor 1", [{ names: ["write"], action: "SCMP_ACT_ERRNO", args: [arg(0, 1, "EQ")] }]],
    ["write to no other than 2", [{ names: ["write"], action: "SCMP_ACT_ERRNO", args: [arg(0, 2, "NE")] }]],
    ["a masked argument", [{ names: ["write"], action: "SCMP_ACT_ERRNO", args: [{ ...arg(0, 8, "MASKED_EQ"), valueTwo: 8 }] }]],
    ["rt_sigaction by an errno", [{ names: ["rt_sigaction"], action: "SCMP_ACT_ERRNO" }]],
  ] as const)
    test(name, () => {
      const { status, stderr } = run(["confine", "--seccomp", profile(rules), "--", "true"]);
      assert.equal(`${status} ${stderr}`, "0 ");
    });

  test("and what would be called between two tries of PATH may kill", () => {
    const file = profile([{ names: ["statx", "newfstatat", "futex", "madvise"], action: "SCMP_ACT_KILL" }]);
    const env = { PATH: `/no/such:/no/such/either:${rootfs}/bin:${process.env["PATH"]}` };
    assert.equal(run(["confine", "--seccomp", file, "--", "true"], { env }).status, 0);
    const missing = run(["confine", "--seccomp", file, "--", "no-such-program"], { env });
    assert.match(missing.stderr, /^confine: no-such-program: not found in PATH/);
    assert.equal(missing.status, 127);
  });
});
