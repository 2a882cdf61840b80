// contain-oci at odd moments and with odd input: a `start` that is killed half way, a PID that is another process's by now, the trace of a
// start, numbers that a double cannot hold.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { runWithFault } from "../helpers/faults.ts";
import { need } from "../helpers/need.ts";
import { run } from "../helpers/run.ts";
import { bundles } from "./bundle.ts";

const { oci, ociWith, bundle, leftOf, dir, states } = bundles("oci-odd");
const SLEEPER = ["/bin/sleep", "1000"];
const statusOf = (id: string) => (JSON.parse(oci("state", id).stdout) as { status: string }).status;

describe("contain-oci: odd moments", need("root"), () => {
  test("start killed between opening the FIFO and removing it: the container runs, and is said to", need("strace"), async (t) => {
    t.after(() => oci("delete", "--force", "half"));
    oci("create", "--bundle", bundle(SLEEPER), "half");
    const fifo = join(states, "half/start.fifo");
    for (const syscall of ["unlink", "unlinkat"]) {
      if (!existsSync(fifo)) break;
      await runWithFault(["contain-oci", "--root", states, "start", "half"], { syscall, when: 1, how: "signal=KILL" });
      if (statusOf("half") === "running") break;
    }
    assert.ok(existsSync(fifo), "it was killed before");
    assert.equal(statusOf("half"), "running");
    assert.match(oci("start", "half").stderr, /cannot start a container in the running state: half/);
    assert.match(oci("delete", "half").stderr, /cannot delete container half that is not stopped: running/);
    assert.deepEqual([oci("delete", "--force", "half").status, leftOf("half")], [0, []]);
  });

  test("a PID that another process has got meanwhile is never signalled", (t) => {
    oci("create", "--bundle", bundle(SLEEPER), "stale");
    const file = join(states, "stale/state.json");
    const state = JSON.parse(readFileSync(file, "utf8")) as { init: { pid: number }; group: string };
    run(["/bin/sh", "-c", `kill -9 ${state.init.pid}`]);
    const stranger = spawn("sleep", ["100"]);
    t.after(() => stranger.kill("SIGKILL"));
    const changed = { ...state, init: { ...state.init, pid: stranger.pid }, group: undefined };
    writeFileSync(file, JSON.stringify(changed));
    assert.equal(oci("kill", "stale", "KILL").stderr, "contain-oci: container not running\n");
    assert.equal(oci("kill", "--all", "stale", "KILL").status, 0);
    assert.equal(stranger.kill(0), true, "it lives");
    assert.equal(stranger.exitCode ?? stranger.signalCode, null);
    writeFileSync(file, JSON.stringify(state));
    assert.deepEqual([oci("delete", "--force", "stale").status, leftOf("stale")], [0, []]);
  });
});

describe("contain-oci: the trace of a start", need("root"), () => {
  const script = "ls /proc/self/fd | wc -l; env | grep -c CONTAIN";
  const wanted = [/\[cgset \d+\] /, /\[nsexec \d+\] clone3\(/, /\[pivot \d+\] pivot_root\(/, /\[confine \d+\] execve\("\/bin\/sh"/];
  const CLEAN = "4\n0\n"; // the program has neither the log open nor our variables

  test("the annotation contain.trace puts it into the engine's log, one JSON object a line", () => {
    const log = join(dir, "log");
    const folder = bundle(script, { annotations: { "contain.trace": "1" } });
    const { stdout, stderr } = oci("--log", log, "--log-format", "json", "run", "--bundle", folder, "traced");
    assert.deepEqual([stdout, stderr], [CLEAN, ""]);
    const messages = readFileSync(log, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, string>);
    const strange = messages.filter(({ level, time }) => !/^(debug|info)$/.test(level ?? "") || Number.isNaN(Date.parse(time ?? "")));
    assert.deepEqual(strange, []);
    for (const line of wanted)
      assert.ok(
        messages.some(({ msg }) => line.test(msg ?? "")),
        `${line}`,
      );
  });

  test("without --log it is on standard error; 0 and false ask for none", () => {
    const traced = (value: string) => oci("run", "--bundle", bundle(script, { annotations: { "contain.trace": value } }), "traced").stderr;
    for (const line of wanted) assert.match(traced("true"), line);
    for (const value of ["0", "false", ""]) assert.equal(traced(value), "");
  });

  test("CONTAIN_OCI_LOG names a file for all of them, exec too", (t) => {
    t.after(() => oci("delete", "--force", "all"));
    const file = join(dir, "trace");
    const env = { CONTAIN_OCI_LOG: file };
    assert.equal(ociWith({ env }, "run", "--detach", "--bundle", bundle(SLEEPER), "all").status, 0);
    for (const line of wanted.slice(0, 3)) assert.match(readFileSync(file, "utf8"), line);
    rmSync(file);
    assert.equal(ociWith({ env }, "exec", "all", "/bin/sh", "-c", script).stdout, CLEAN);
    assert.match(readFileSync(file, "utf8"), /\[nsexec \d+\] setns\(/);
    const { status, stderr } = ociWith({ env: { CONTAIN_OCI_LOG: "/nowhere/trace" } }, "create", "--bundle", bundle(SLEEPER), "none");
    assert.deepEqual([status, stderr], [1, "contain-oci: the trace cannot be written to /nowhere/trace: ENOENT\n"]);
    assert.deepEqual(
      leftOf("none").filter((path) => path.includes("/")),
      [],
    );
  });
});

describe("contain-oci: numbers that a double cannot hold", need("root"), () => {
  const filter = (value: string) => ({
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [{ names: ["personality"], action: "SCMP_ACT_ERRNO", errnoRet: 99, args: [{ index: 0, value, op: "SCMP_CMP_EQ" }] }],
  });
  /** With a number in place of the text. */
  const withNumber = (value: string): string => {
    const folder = bundle("true", { linux: { seccomp: filter(value) } });
    const file = join(folder, "config.json");
    writeFileSync(file, readFileSync(file, "utf8").replace(`"${value}"`, value));
    return folder;
  };

  for (const value of ["9007199254740993", "18446744073709551615"]) {
    test(`${value} is compared as it is`, () => {
      const script = oci("--print-chain", "create", "--bundle", withNumber(value), "exact").stdout;
      assert.ok(script.includes(`"value":${value},`), script);
      assert.equal(oci("run", "--bundle", withNumber(value), "exact").status, 0);
    });
  }
  for (const value of ["18446744073709551616", "-1", "1.5", '"x"']) {
    test(`${value} is refused in one line`, () => {
      const folder = withNumber(value.replaceAll('"', ""));
      const { status, stderr } = oci("create", "--bundle", folder, "bad");
      assert.equal(status, 1);
      assert.match(stderr, /^contain-oci: [^\n]*(value|not JSON)[^\n]*\n$/);
      assert.doesNotMatch(stderr, /this is a bug/);
      assert.deepEqual(
        leftOf("bad").filter((path) => path.includes("/")),
        [],
      );
    });
  }
});
