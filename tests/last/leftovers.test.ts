// After all other tests: mounts, control groups, processes and namespaces are what they were before.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { everything } from "../helpers/leftovers.ts";
import { run } from "../helpers/run.ts";
import { within } from "../helpers/wait.ts";

test("nothing is left behind by the whole suite", async () => {
  const before = new Set(JSON.parse(readFileSync(process.env["CONTAIN_TEST_BASELINE"] ?? "", "utf8")) as string[]);
  run(["contain", "gc"]); // a supervisor that a test killed may leave an empty group and a state, which are gc's to remove
  const left = () => everything().filter((line) => !before.has(line));
  await within(60_000, () => left().length === 0); // a killed process takes a moment to be reaped
  assert.deepEqual(left(), []);
});
