// run(), as a Node program uses it.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, describe, test } from "node:test";
import { type ContainError, type RunSpec, run as runContainer } from "../../packages/contain/src/index.ts";
import { need } from "../helpers/need.ts";
import { scratch } from "../helpers/rootfs.ts";
import { bin, run as command } from "../helpers/run.ts";
import { eventually } from "../helpers/wait.ts";

const dir = scratch("library");
const reports = join(dir, "reports");
mkdirSync(reports);
Object.assign(process.env, { TMPDIR: reports, CONTAIN_ROOT: join(dir, "states") });
const run = (command: readonly string[], spec: Partial<RunSpec> = {}) => runContainer({ command, contain: join(bin, "contain"), ...spec });
const fails = (part: RegExp, status: number | undefined) => (error: ContainError) => {
  assert.match(error.message, part);
  assert.equal(error.status, status);
  return true;
};

describe("run()", need("root"), () => {
  after(() => assert.deepEqual(readdirSync(reports), [], "nothing is left of its reports"));

  test("PID, figures, a signal, output and the verdict", async () => {
    const box = run(["/bin/sh", "-c", "echo $HERE; trap 'exit 3' HUP; while :; do sleep 0.05; done"], {
      hostname: "box",
      env: { HERE: "a b" },
    });
    const output = box.stdout && text(box.stdout);
    const { id, pid } = await box.started;
    assert.match(readFileSync(`/proc/${pid}/cmdline`, "utf8"), /^\/bin\/sh/);
    const { id: same, status } = await box.stats();
    assert.deepEqual([same, status], [id, "running"]);
    await assert.rejects(box.kill("NONE"), fails(/"NONE" is not a signal/, 125));
    await box.kill("SIGHUP");
    const end = await box.ended;
    assert.deepEqual([end.id, end.status, end.started, end.verdict[0]?.code], [id, 3, true, "exit"]);
    assert.equal(await output, "a b\n");
    await assert.rejects(box.stats(), fails(/no container/, 125));
  });

  test("stop() and an AbortSignal end it: SIGTERM, then SIGKILL", async () => {
    const abort = new AbortController();
    const box = run(["/bin/sleep", "60"], { options: ["--grace", "0.2s"], signal: abort.signal });
    const { pid } = await box.started;
    abort.abort();
    const { status, verdict } = await box.ended;
    assert.deepEqual([status, verdict[0]?.code], [137, "killed-by-grace"]);
    assert.equal(existsSync(`/proc/${pid}`), false);
  });

  for (const [what, spec, part, status] of [
    ["no such program", { command: ["/none"] }, /"\/none": no such file/, 127],
    ["words that contain refuses", { memory: "much" }, /--memory: "much" is not a size/, 125],
    ["no command", { command: [] }, /command: a program is missing/, 125],
    ["no contain", { contain: join(dir, "none") }, /ENOENT/, undefined],
  ] as const)
    test(`${what}: an error`, async () => {
      await assert.rejects(async () => run(["/bin/true"], spec).started, fails(part, status));
    });

  test("a supervisor that is killed: an error, and the program does not go on", async () => {
    const box = run(["/bin/sh", "-c", "echo $PPID; exec sleep 60"], { options: ["--pid", "host"] });
    const [line] = (await box.stdout?.take(1).toArray()) ?? [];
    const { id, pid } = await box.started;
    process.kill(Number(line), "SIGKILL");
    await assert.rejects(box.ended, fails(/was ended by SIGKILL/, 137));
    await eventually(() => !existsSync(`/proc/${pid}`));
    assert.equal(command(["contain", "rm", id]).status, 0); // gc would take the empty groups of other states' containers, too
  });

  test("a report that was cut off, as on a full disk: an error, and no exception that nobody can catch", async () => {
    const fake = join(dir, "fake");
    writeFileSync(fake, '#!/bin/sh\nwhile [ $1 != --json ]; do shift; done\nprintf \'{"id":\' >"$2"; exit 7\n', { mode: 0o755 });
    await assert.rejects(run(["/bin/true"], { contain: fake }).ended, fails(/contain run ended with status 7/, 7));
  });

  test("a program that has ended before anybody looked", async () => {
    const box = run(["/bin/true"]);
    assert.equal((await box.ended).status, 0);
    assert.equal((await box.started).id, (await box.ended).id);
  });
});
