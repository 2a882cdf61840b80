// A child of clone3 goes on in JavaScript: it may make garbage and collect it, and so may its parent.
import assert from "node:assert/strict";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { build } from "esbuild";
import { scratch } from "../helpers/rootfs.ts";
import { type Result, root, run } from "../helpers/run.ts";

const dir = scratch("fork");
const script = join(dir, "forks.cjs");

/** Forks in a Node with the flags that the launcher passes. */
function forks(...words: string[]): Result {
  return run([process.execPath, "--v8-pool-size=0", "--single-threaded", "--expose-gc", script, ...words], { timeout: 280_000 });
}

describe("fork", () => {
  before(() =>
    build({
      entryPoints: [join(root, "tests/helpers/forks.ts")],
      outfile: script,
      bundle: true,
      platform: "node",
      format: "cjs",
      logLevel: "error",
      nodePaths: [join(root, "node_modules")],
      define: {
        "import.meta.filename": JSON.stringify(join(root, "dist/lib/x")),
        "import.meta.dirname": JSON.stringify(join(root, "dist/lib")),
      },
    }),
  );

  test("600 children with garbage in parent and child end well", () => {
    const { stdout, stderr } = forks("600");
    assert.equal(stdout, '{"0":600}\n', stderr);
  });

  test("a child collects garbage for 2 s", () => {
    const { stdout, stderr } = forks("2", "s");
    assert.equal(stdout, '{"0":1}\n', stderr);
  });

  test("a child that throws ends in 125 and says why", () => {
    const { stdout, stderr } = forks("1", "throw");
    assert.equal(stdout, '{"125":1}\n');
    assert.match(stderr, /thrown in the child/);
  });

  test("a child's end by a signal is told", () => {
    assert.equal(forks("1", "kill").stdout, '{"143":1}\n');
  });
});
