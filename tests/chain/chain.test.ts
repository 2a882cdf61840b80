// How links are joined: whose words are whose, plans before acts, called or exec'd.
import assert from "node:assert/strict";
import { mkdirSync, symlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { describe, test } from "node:test";
import { need } from "../helpers/need.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { bin, run } from "../helpers/run.ts";

const dir = scratch("chain");
const rootfs = makeRootfs(dir);

describe("chain", need("root"), () => {
  test("the payload's own options are never read as ours", () => {
    assert.equal(run(["pid1", "/bin/sh", "-c", "exit 3"]).status, 3);
    assert.match(run(["nsexec", "--uts", "--", "ls", "--help"]).stdout, /^Usage: .*ls/);
    assert.match(run(["nsexec", "--uts", "ls", "--help"]).stdout, /^Usage: .*ls/);
  });

  test("a wrong word in the last link is told before the first one acts", () => {
    const { status, stderr, stdout } = run([
      "nsexec",
      "--trace",
      "--pid",
      "--",
      "pivot",
      rootfs,
      "--",
      "pid1",
      "--expect-exit",
      "x",
      "/bin/true",
    ]);
    assert.equal(status, 125);
    assert.match(stderr, /^pid1: --expect-exit: "x" is not a whole number from 0 to 255\n$/);
    assert.equal(stdout, "");
  });

  test("the command of the mission statement runs", () => {
    const { status, stdout } = run(["nsexec", "--pid", "--uts", "--", "pivot", rootfs, "--", "pid1", "/bin/sh", "-c", "echo $$; exit 42"]);
    assert.equal(stdout, "2\n");
    assert.equal(status, 42);
  });

  // No $$: the launchers and threads of an exec'd link use up PIDs of the namespace.
  const program = ["/bin/sh", "-c", "readlink /proc/self/ns/pid | cut -c1-4; hostname; cat /proc/self/cgroup | tail -1; exit 5"];
  for (const argv of [
    ["nsexec", "--pid", "--uts", "--hostname", "x", "--", "pivot", "/", "--", "pid1", ...program],
    ["contain", "run", "--quiet", ...program],
    ["contain", "run", "--quiet", "--init", "--hostname", "y", "--", ...program],
    ["contain", "run", "--quiet", "--rootfs", rootfs, "--", ...program],
  ]) {
    test(`called or exec'd, the same: ${argv.slice(0, 4).join(" ")}`, () => {
      const called = run(argv);
      const executed = run(argv, { env: { CONTAIN_CHAIN: "exec" } });
      assert.deepEqual(executed, called);
      assert.equal(called.status, 5);
    });
  }
});

describe("a program finds what belongs to it by whatever path it is called", () => {
  const dir = scratch("called");
  symlinkSync(bin, join(dir, "folder"));
  symlinkSync(join(bin, "nsexec"), join(dir, "nsexec"));
  mkdirSync(join(dir, "links"));
  symlinkSync("../folder/nsexec", join(dir, "links/nsexec"));
  for (const [cwd, path] of [
    [bin, "./nsexec"],
    [dirname(bin), `${basename(bin)}/nsexec`],
    [dir, "folder/nsexec"],
    [dir, "links/nsexec"],
    [dir, "links/../folder//nsexec"],
    [dir, "folder/./nsexec"],
    ["/", join(dir, "nsexec")],
    ["/", join(dir, "folder/../folder/nsexec")],
  ] as const) {
    test(path.replace(dir, "DIR"), () => {
      const { status, stdout, stderr } = run([path, "--", "/bin/echo", "ran"], { cwd });
      assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: "ran\n", stderr: "" });
    });
  }
});
