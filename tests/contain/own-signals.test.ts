// Signals of contain's own commands: who is told of them, and what becomes of a container that outlived its supervisor.
import assert from "node:assert/strict";
import { chmodSync, cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { detached, inspect } from "../helpers/detached.ts";
import { need } from "../helpers/need.ts";
import { isAlive } from "../helpers/proc.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { run } from "../helpers/run.ts";
import { eventually } from "../helpers/wait.ts";

const dir = scratch("own-signals");
process.env["CONTAIN_ROOT"] = join(dir, "states"); // no other test's gc removes the dead one
const rootfs = makeRootfs(dir);

describe("contain kill", need("root"), () => {
  test("is named by the verdict and by the record", () => {
    const record = join(dir, "record");
    const id = detached(["--rootfs", rootfs, "--record", record, "--", "sh", "-c", "trap : HUP; while :; do sleep 0.1; done"]);
    assert.equal(run(["contain", "kill", "-HUP", id]).status, 0);
    assert.equal(run(["contain", "kill", id]).status, 0);
    const { stdout, stderr } = run(["contain", "wait", id]);
    assert.equal(stdout, "137\n");
    assert.match(stderr, /verdict: PID 1 \(sh\) was killed by contain: SIGKILL from contain kill \(PID \d+\), run by /);
    const report = run(["contain", "report", record]).stdout;
    for (const signal of ["SIGHUP", "SIGKILL"])
      assert.match(report, new RegExp(`${signal} from contain kill \\(PID \\d+\\), run by .* \\(PID ${process.pid}\\), to PID 1`));
  });

  test("and stop reach a PID 1 that outlived its supervisor, and say so", async () => {
    mkdirSync(join(rootfs, "suid"));
    cpSync(join(rootfs, "bin/busybox"), join(rootfs, "suid/busybox"));
    chmodSync(join(rootfs, "suid/busybox"), 0o4755);
    const orphan = async (): Promise<[string, number]> => {
      const id = detached(["--rootfs", rootfs, "--user", "1000", "--", "/suid/busybox", "sleep", "1000"]); // execve clears its death signal
      const { supervisor, init } = inspect(id);
      process.kill(supervisor.pid, "SIGKILL");
      await eventually(() => inspect(id).status === "dead", "the supervisor is gone");
      assert.ok(isAlive(init.pid), "PID 1 lives on");
      return [id, init.pid];
    };
    for (const words of [["kill"], ["stop", "--grace", "100ms"]]) {
      const [id, pid] = await orphan();
      const { status, stderr } = run(["contain", ...words, id]);
      assert.equal(status, 0, stderr);
      assert.match(stderr, /its supervisor, PID \d+, is gone: the signal goes to PID 1 directly; `contain gc` removes the rest/);
      await eventually(() => !isAlive(pid), "PID 1 has ended");
      assert.match(run(["contain", ...words, id]).stderr, /is not running: its status is dead/);
    }
  });
});
