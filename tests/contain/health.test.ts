// --health-cmd: what the checks find, and what becomes of them.
import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { detached, inspect } from "../helpers/detached.ts";
import { need } from "../helpers/need.ts";
import { descendants } from "../helpers/proc.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { run } from "../helpers/run.ts";
import { eventually, pause } from "../helpers/wait.ts";

const dir = scratch("health");
const rootfs = makeRootfs(dir);
const every = (interval: string, ...more: string[]) => ["--rootfs", rootfs, "--health-interval", interval, ...more, "--", "sleep", "1000"];
const field = (id: string, path: string) => run(["contain", "inspect", "-f", `{{${path}}}`, id]).stdout.trim();
const status = (id: string) => field(id, ".State.Health.Status");

describe("--health-cmd", need("root"), () => {
  test("the state follows the checks, which run as the container's user in its namespaces", async () => {
    const file = join(rootfs, "well");
    rmSync(file, { force: true });
    const id = detached(every("100ms", "--health-cmd", "id -u; test -e /well", "--health-retries", "2", "--user", "7", "--confine"));
    await eventually(() => status(id) === "unhealthy", "unhealthy");
    assert.match(field(id, "json .State.Health.Log"), /"ExitCode":1,"Output":"7\\n"/);
    const failed = run(["contain", "wait", "--health", id]);
    assert.deepEqual([failed.status, failed.stderr.split("\n")[0]], [1, `contain: ${id} is unhealthy`]);
    assert.match(run(["contain", "list", "--filter", "health=unhealthy", "-q"]).stdout, new RegExp(id));
    writeFileSync(file, "");
    await eventually(() => status(id) === "healthy", "healthy");
    assert.equal(run(["contain", "wait", "--health", id]).status, 0);
    assert.match(run(["contain", "list"]).stdout, new RegExp(`${id} .* running \\(healthy\\) `));
    assert.equal(field(id, ".State.Health.FailingStreak"), "0");
  });

  test("a check that takes too long is killed, with what it started in its group", async () => {
    const words = ["--health-cmd", "sleep 77 & sleep 78", "--health-timeout", "200ms", "--health-retries", "1"];
    const id = detached(every("100ms", ...words));
    await eventually(() => status(id) === "unhealthy", "unhealthy");
    assert.match(field(id, "json .State.Health.Log"), /"ExitCode":-1,"Output":"killed: it took longer than 200 ms\\n"/);
    assert.ok(descendants(inspect(id).supervisor.pid).length <= 5, "none is left of the earlier ones");
  });

  test("failures of the start period do not count, nor does a paused container", async () => {
    const early = detached(every("100ms", "--health-cmd", "exit 1", "--health-retries", "1", "--health-start-period", "1h"));
    const file = join(rootfs, "stopped");
    rmSync(file, { force: true });
    const paused = detached(every("100ms", "--health-cmd", "test ! -e /stopped", "--health-retries", "1"));
    await eventually(() => status(paused) === "healthy", "healthy");
    assert.equal(run(["contain", "pause", paused]).stderr, "");
    writeFileSync(file, "");
    await pause(500);
    assert.equal(status(paused), "healthy");
    run(["contain", "unpause", paused]);
    await eventually(() => field(early, "json .State.Health.Log").includes('"ExitCode":1'), "it was checked");
    assert.deepEqual([status(early), field(early, ".State.Health.FailingStreak")], ["starting", "0"]);
  });

  test("with --init: checks do not keep the container from stopping", async () => {
    const id = detached([
      "--health-cmd",
      "true",
      "--health-interval",
      "100ms",
      "--health-retries",
      "1",
      "--init",
      "--rootfs",
      rootfs,
      "--",
      "sleep",
      "1000",
    ]);
    await eventually(() => status(id) === "healthy", "healthy");
    const stopped = run(["contain", "stop", id]);
    assert.equal(stopped.status, 0, stopped.stderr);
    const ended = run(["contain", "wait", "--health", id]);
    assert.deepEqual([ended.status, ended.stderr.trim()], [1, `contain: ${id} has ended`]);
  });

  test("wrong words: 125", () => {
    for (const [words, message] of [
      [["--health-interval", "1s"], /--health-interval needs --health-cmd/],
      [["--health-cmd", "true", "--health-interval", "0"], /--health-interval 0: must be more than 0/],
      [["--health-cmd", "true", "--health-retries", "0"], /--health-retries/],
      [["--health-cmd", "true", "--health-timeout", "soon"], /"soon" is not a time/],
    ] as const) {
      const { status, stderr } = run(["contain", "run", "--rootfs", rootfs, ...words, "--", "true"]);
      assert.equal(status, 125);
      assert.match(stderr, message);
    }
    const id = detached(["--rootfs", rootfs, "--", "sleep", "1000"]);
    const { status, stderr } = run(["contain", "wait", "--health", id]);
    assert.equal(status, 125);
    assert.match(stderr, /its health is not checked\n.*--health-cmd/);
  });
});
