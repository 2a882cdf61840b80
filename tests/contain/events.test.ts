// contain events: a line for each thing that happens, as it happens and afterwards.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { appendFileSync, existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { need } from "../helpers/need.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { bin, run } from "../helpers/run.ts";
import { eventually } from "../helpers/wait.ts";
import { World } from "../helpers/world.ts";

const dir = scratch("events");
const rootfs = makeRootfs(dir);
const states = join(dir, "states");
const env = { CONTAIN_ROOT: states };
const contain = (...words: string[]) => run(["contain", ...words], { env });
const start = (...words: string[]) => contain("run", "-q", "-d", "--rootfs", rootfs, ...words);
const past = (...words: string[]) => contain("events", "--since", "1h", "--until", "0s", ...words).stdout;
const actions = (text: string) => [...text.matchAll(/^\S+Z container (.*?) [0-9a-f]{12} /gm)].map(([, action]) => action);

describe("contain events", need("root"), () => {
  test("nothing is kept before anybody asks", () => {
    contain("run", "-q", "--rootfs", rootfs, "--", "true");
    assert.ok(!existsSync(join(states, ".events")));
    assert.equal(past(), "");
  });

  test("as they happen", async () => {
    const child = spawn(join(bin, "contain"), ["events"], { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    child.stdout.on("data", (chunk) => (text += chunk));
    await eventually(() => existsSync(join(states, ".events")) && /\.events/.test(run(["ls", "-l", `/proc/${child.pid}/fd`]).stdout));
    start("--name", "web", "--label", "tier=front", "--", "sh", "-c", "trap 'exit 3' TERM; while :; do sleep 0.1; done");
    contain("exec", "web", "--", "sh", "-c", "exit 5");
    contain("rename", "web", "site");
    contain("kill", "-s", "TERM", "site");
    contain("wait", "site");
    contain("rm", "site");
    contain("run", "-q", "--name", "short", "--rootfs", rootfs, "--", "false");
    await eventually(
      () => actions(text).length >= 12,
      () => text,
    );
    child.kill("SIGTERM");
    const wanted = ["create", "start", "exec_start: sh -c 'exit 5'", "exec_die", "rename", "kill", "die", "destroy"];
    assert.deepEqual(actions(text), [...wanted, "create", "start", "die", "destroy"]);
    assert.match(text, new RegExp(`^\\d{4}-\\d\\d-\\d\\dT\\S+Z container start \\w+ \\(image=${rootfs}, name=web, tier=front\\)$`, "m"));
    assert.match(text, /container exec_die \w+ \(exitCode=5, .*name=web/);
    assert.match(text, /container kill \w+ \(.*name=site, signal=15/);
    assert.match(text, /container die \w+ \(exitCode=3, .*name=site/);
    assert.match(text, /container die \w+ \(exitCode=1, .*name=short/);
    assert.equal(past(), text); // the same again
  });

  test("of some containers, by name or id, also of one that is gone", () => {
    assert.deepEqual(actions(past("short")), ["create", "start", "die", "destroy"]);
    const [, id = ""] = / ([0-9a-f]{12}) \(.*name=short/.exec(past()) ?? [];
    assert.deepEqual(actions(past(id.slice(0, 8))), ["create", "start", "die", "destroy"]);
    assert.equal(past("nobody"), "");
  });

  test("--json has docker's fields", () => {
    const [, , die] = past("--json", "short")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const { id, time, timeNano, ...others } = die;
    assert.deepEqual(others, {
      ...{ status: "die", from: rootfs, Type: "container", Action: "die", scope: "local" },
      Actor: { ID: id, Attributes: { name: "short", image: rootfs, exitCode: "1" } },
    });
    assert.ok(Math.abs(Date.now() / 1000 - time) < 600 && Math.abs(timeNano / 1e9 - time) < 1);
  });

  test("--since and --until are a window", () => {
    assert.equal(contain("events", "--since", "2020-01-01", "--until", "2020-01-02").stdout, "");
    assert.equal(contain("events", "--until", "1s").status, 0);
    const { status, stderr } = contain("events", "--since", "yesterday");
    assert.match(stderr, /--since: "yesterday" is not a time/);
    assert.equal(status, 125);
  });

  test("pause and stop", () => {
    start("--name", "p", "--", "sleep", "600");
    assert.equal(contain("pause", "p").stderr, "");
    contain("unpause", "p");
    contain("stop", "-t", "0", "p");
    contain("rm", "p");
    assert.deepEqual(actions(past("p")), ["create", "start", "pause", "unpause", "die", "stop", "destroy"]);
  });

  test("health", async () => {
    start("--name", "well", "--health-cmd", "test -e /bin/sh", "--health-interval", "100ms", "--", "sleep", "600");
    await eventually(() => past("well").includes("health_status: healthy"));
    contain("rm", "-f", "well");
  });

  test("a broken line, a full file, a reader that goes away", () => {
    appendFileSync(join(states, ".events"), `{"time":1}\nnonsense\n${"x".repeat(4 << 20)}\n`);
    start("--name", "late", "--", "true");
    contain("wait", "late");
    contain("rm", "late");
    assert.ok(statSync(join(states, ".events")).size < 10_000);
    assert.deepEqual(actions(past("late")), ["create", "start", "die", "destroy"]);
    assert.ok(readFileSync(join(states, ".events.old"), "utf8").includes("nonsense"));
    const { status, stderr } = run(["sh", "-c", `${bin}/contain events --since 1h --until 0s | head -1 >/dev/null`], { env });
    assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
  });

  const world = new World("events"); // gc takes the empty groups of other states' containers
  test("gc and list do not mind the file", () => {
    assert.equal(contain("list", "-q").stdout, "");
    const { stdout, stderr } = world.run(["contain", "gc"], { env });
    assert.doesNotMatch(stderr + stdout, /events/);
  });
});
