// The bench at two runs of each, so that it does not rot: its figures mean nothing here.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { need } from "../helpers/need.ts";
import { isNative, root, run } from "../helpers/run.ts";

const bench = (...cases: string[]) =>
  run(["tests/bench/unified", "node", "--import", "tsx", "tests/bench/bench.ts", ...cases], {
    cwd: root,
    env: { BENCH_RUNS: "2" },
    timeout: 60_000,
  });

test("bench: tables of the cases that were named, and their bars; the page stays as it is", need("root", "hyperfine", "unshare"), () => {
  const page = readFileSync(join(root, "docs/benchmarks.md"), "utf8");
  const { status, stdout, stderr } = bench("run", "namespaces", "launcher", "exec", "stop", "many", "row");
  assert.equal(status, 0, stderr);
  const rows = stdout.split("\n").map((line) => line.split("|").map((cell) => cell.trim()));
  for (const name of [...(isNative ? ["contain, native"] : []), "contain, Node", "unshare, chroot"]) {
    const cells = rows.filter((row) => row[1] === name);
    assert.ok(cells.length >= 3, `${name}\n${stdout}`); // run, exec, stop
    for (const [, , median, minimum] of cells.slice(0, 1))
      assert.ok(parseFloat(`${minimum}`) > 0 && parseFloat(`${median}`) >= parseFloat(`${minimum}`));
    assert.ok(
      rows.some((row) => row[1] === "1" && row[2] === name && row.at(-2) === "all"),
      `one container, ${name}, with its memory\n${stdout}`,
    );
  }
  assert.ok(
    rows.some((row) => row[1] === "nsexec above unshare --fork" && /^(yes|no)$/.test(`${row[4]}`)),
    stdout,
  );
  assert.doesNotMatch(stdout, /NaN|undefined|Infinity/);
  assert.equal(readFileSync(join(root, "docs/benchmarks.md"), "utf8"), page);
});

test("bench: a case that is not known is told, with those that are", need("unshare"), () => {
  const { status, stderr } = run(["node", "--import", "tsx", "tests/bench/bench.ts", "nothing"], { cwd: root });
  assert.equal(status, 125);
  assert.match(stderr, /run, namespaces, launcher, exec, stop, many, row, limits, machine/);
});
