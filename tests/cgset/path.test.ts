// cgset --path: a group by its whole path, with those above it.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { need } from "../helpers/need.ts";
import { bin } from "../helpers/run.ts";
import { World } from "../helpers/world.ts";

const cgset = join(bin, "cgset");
const world = new World("cgset-path");
const run = (...words: readonly string[]) => world.run([cgset, ...words]);
const group = (...parts: readonly string[]) => join(world.top, `test-cgset-path-${process.pid}`, ...parts);

describe("cgset --path", need("root"), () => {
  test("the groups above are made, and stay when it is removed", () => {
    assert.deepEqual(run("--path", "/a/b/c", "--make").status, 0);
    assert.ok(existsSync(group("a/b/c/cgroup.procs")));
    assert.equal(run("--path", "/a/b/c", "--rm").status, 0);
    assert.deepEqual([existsSync(group("a/b/c")), existsSync(group("a/b"))], [false, true]);
  });

  test("what controllers there are reach it", () => {
    assert.equal(run("--path", "/d/e", "--make").status, 0);
    const controllers = (...parts: string[]) => readFileSync(group(...parts, "cgroup.controllers"), "utf8");
    assert.equal(controllers("d/e"), controllers());
  });

  test("a program is started in it, and it is shown, frozen and killed by it", () => {
    assert.equal(run("--path", "/f/g", "--", "cat", "/proc/self/cgroup").stdout.match(/^0::(.*)$/m)?.[1], "/f/g");
    assert.match(run("--path", "/f/g").stdout, /f\/g\n.*cgroup\.events/s);
    assert.equal(run("--path", "/f/g", "--freeze").status, 0);
    assert.equal(run("--path", "/f/g", "--kill", "--rm").status, 0);
  });

  test("a device list is replaced", () => {
    const can = (rule: string) => {
      assert.equal(run("--path", "/devices", "--device", rule).status, 0);
      return run("--path", "/devices", "--", "head", "-c1", "/dev/zero").status === 0;
    };
    assert.deepEqual([can("c 1:3"), can("c 1:5"), can("deny a"), can("a")], [false, true, false, true]);
  });

  test("after a failure no group stays", () => {
    const { status, stderr } = run("--path", "/x/y/z", "--set", "pids.nothing=1", "--set", "cgroup.freeze=9");
    assert.equal(status, 125, stderr);
    assert.equal(existsSync(group("x")), false);
  });

  for (const path of ["a", "/", "/a/../b", "/a//b", "/a/", `/${"x".repeat(256)}`]) {
    test(`${path.slice(0, 9)} is refused`, () => {
      const { status, stderr } = run("--path", path, "--make");
      assert.deepEqual([status, /not a path of a group/.test(stderr)], [125, true], stderr);
    });
  }

  test("--name and --parent do not go with it", () =>
    assert.match(run("--path", "/a", "--name", "b", "--make").stderr, /exclude each other/));
});
