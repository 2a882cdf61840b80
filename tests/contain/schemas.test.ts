// JSON outputs, as they really are, against their schemas in docs/schemas; a field that the schema does not name is an error here.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import { need } from "../helpers/need.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { root, run } from "../helpers/run.ts";

const dir = scratch("schemas");
const folder = join(root, "docs/schemas");
const ajv = new Ajv2020({ allErrors: true, strictTypes: false });
ajv.addFormat("date-time", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
for (const file of readdirSync(folder)) ajv.addSchema(closed(JSON.parse(readFileSync(join(folder, file), "utf8"))) as object);

/** The same schema without room for what it does not name. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== "object" || schema === null) return schema;
  const inner = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]));
  const isShared = inner["$id"] === "usage.json"; // stats adds to it
  return inner["type"] === "object" && "properties" in inner && !isShared ? { ...inner, unevaluatedProperties: false } : inner;
}

function check(name: string, value: unknown): void {
  const validate = ajv.getSchema(`${name}.json`);
  assert.ok(validate, name);
  assert.ok(validate(value), `${name}: ${ajv.errorsText(validate.errors)}\n${JSON.stringify(value, undefined, 1)}`);
}

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
      for (const value of values) check(name, value);
    });

  test("the report of run --json, of a program that ran and of one that did not start", () => {
    for (const [program, started] of [
      ["/bin/false", true],
      ["/none", false],
    ] as const) {
      const file = join(dir, "end.json");
      run(["contain", "--root", join(dir, "states"), "run", "-q", "--json", file, "--", program]);
      const report = JSON.parse(readFileSync(file, "utf8")) as { started: boolean };
      check("verdict", report);
      assert.equal(report.started, started);
    }
  });

  test("the schemas refuse what is wrong", () => {
    const [row] = printed("list", "--json") as [Record<string, unknown>];
    assert.throws(() => check("list", { ...row, more: 1 }), /unevaluated/);
    assert.throws(() => check("list", { ...row, status: "asleep" }), /allowed values/);
  });
});
