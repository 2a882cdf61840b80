// JSON outputs, as they really are, against their schemas. Those of engines, labs, watch, traces and records are held to theirs where they are tested.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { need } from "../helpers/need.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { run } from "../helpers/run.ts";
import { checkSchema } from "../helpers/schemas.ts";

const dir = scratch("schemas");
/** What contain prints, as one object, or as one a line. */
function printed(...words: string[]): unknown[] {
  const { status, stdout, stderr } = run(["contain", "--root", join(dir, "states"), ...words]);
  assert.equal(status, 0, stderr);
  return stdout.startsWith("{\n")
    ? [JSON.parse(stdout)]
    : stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as unknown);
}

describe("JSON outputs", need("root"), () => {
  const start = (...words: string[]) => run(["contain", "--root", join(dir, "states"), "run", "-q", "-d", ...words]).stdout.trim();
  let [running, ended] = ["", ""];
  before(() => {
    const rootfs = makeRootfs(dir);
    run(["contain", "--root", join(dir, "states"), "events", "--until", "0s"]); // from now on they are kept
    running = start(
      "--name",
      "one",
      "--label",
      "a=b",
      "--net",
      "veth",
      "--publish",
      "127.0.0.1:18099:80",
      "--confine",
      "--user",
      "0",
      "--health-cmd",
      "true",
      "--health-interval",
      "1s",
      "--",
      "sleep",
      "60",
    );
    ended = start("--rootfs", rootfs, "--", "sh", "-c", "kill -ABRT $$; exit 9");
    run(["contain", "--root", join(dir, "states"), "wait", ended]);
  });
  after(() => run(["contain", "--root", join(dir, "states"), "rm", "-f", running, ended]));

  for (const [what, name, count, words] of [
    ["list", "list", 2, () => ["list", "--json"]],
    ["events", "events", undefined, () => ["events", "--json", "--since", "1h", "--until", "0s"]],
    ["stats", "stats", 1, () => ["stats", "--json", running]],
    ["inspect of one that runs", "inspect", 1, () => ["inspect", running]],
    ["inspect of one that has ended", "inspect", 1, () => ["inspect", ended]],
    ["explain ID", "explain", 1, () => ["explain", "--json", running]],
    ["explain mount", "explain", 1, () => ["explain", "--json", "mount", "/proc"]],
    ["explain errno", "explain", 1, () => ["explain", "--json", "errno", "EPERM", "mount"]],
    ["doctor", "doctor", undefined, () => ["doctor", "--json"]],
  ] as const)
    test(`${what} is what its schema says`, () => {
      const values = printed(...words());
      if (count !== undefined) assert.equal(values.length, count);
      assert.ok(values.length > 0);
      for (const value of values) checkSchema(name, value);
    });

  test("veth --show is what its schema says", () => {
    const [{ pid }] = printed("list", "--json", "--filter", `id=${running}`) as [{ pid: number }];
    for (const shown of [pid, process.pid]) checkSchema("veth", JSON.parse(run(["veth", "--show", `${shown}`, "--json"]).stdout));
  });

  test("the report of run --json, of a program that ran and of one that did not start", () => {
    for (const [program, started] of [
      ["/bin/false", true],
      ["/none", false],
    ] as const) {
      const file = join(dir, "end.json");
      run(["contain", "--root", join(dir, "states"), "run", "-q", "--json", file, "--", program]);
      const report = JSON.parse(readFileSync(file, "utf8")) as { started: boolean };
      checkSchema("verdict", report);
      assert.equal(report.started, started);
    }
  });

  test("the schemas refuse what is wrong", () => {
    const [row] = printed("list", "--json") as [Record<string, unknown>];
    assert.throws(() => checkSchema("list", { ...row, more: 1 }), /unevaluated/);
    assert.throws(() => checkSchema("list", { ...row, status: "asleep" }), /allowed values/);
  });
});
