// The syscall layer by itself: readers of values and of /proc, decoded arguments, errors that explain.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { parseFailure } from "../../packages/chain/src/index.ts";
import {
  capget,
  capset,
  failedWith,
  flags,
  kill,
  MS_BIND,
  MS_RDONLY,
  mount,
  parseCount,
  parseSignal,
  parseSignalMask,
  parseSize,
  parseTime,
  pidfdOpen,
  pidfdSendSignal,
  readMountInfo,
  SyscallError,
  signalName,
  signalSet,
  statFields,
  UsageError,
} from "../../packages/kernel/src/index.ts";
import { need } from "../helpers/need.ts";
import { root, run } from "../helpers/run.ts";

describe("kernel", () => {
  test("of an init and its child, which share the failure pipe, the first one to fail is told", () => {
    const [child, init] = ["close_range(3, ~0U): EPERM", "the second\nto fail"].map((message) => ({ tool: "pid1", message }));
    assert.deepEqual(parseFailure(`${JSON.stringify(child)}\n${JSON.stringify(init)}\n`), child);
  });

  for (const [text, bytes] of [
    ["64M", 67108864n],
    ["64m", 67108864n],
    ["64MiB", 67108864n],
    ["1.5G", 1610612736n],
    ["0", 0n],
    ["67108864", 67108864n],
    ["1T", 1099511627776n],
  ] as const) {
    test(`size ${text}`, () => assert.equal(parseSize("--memory", text), bytes));
  }

  for (const text of ["", "M", "64X", "-1", "1.5", "1e6", "64 M", "99999999999T", "0x10"]) {
    test(`no size: "${text}"`, () => assert.throws(() => parseSize("--memory", text), UsageError));
  }

  for (const [text, milliseconds] of [
    ["10s", 10_000],
    ["10", 10_000],
    ["1m30s", 90_000],
    ["500ms", 500],
    ["0.5s", 500],
    ["1h", 3_600_000],
    ["0", 0],
    ["2m", 120_000],
  ] as const) {
    test(`time ${text}`, () => assert.equal(parseTime("--grace", text), milliseconds));
  }

  for (const text of ["", "s", "10x", "-1s", "1d", "1s1m"]) {
    test(`no time: "${text}"`, () => assert.throws(() => parseTime("--grace", text), UsageError));
  }

  test("counts keep to their range", () => {
    assert.equal(parseCount("--pids", "64", 0, 100), 64);
    for (const text of ["101", "-1", "1.5", "", "1e1", "٣"]) assert.throws(() => parseCount("--pids", text, 0, 100), UsageError);
  });

  test("signals by name and number, real-time ones too", () => {
    for (let number = 1; number <= 64; number++) {
      if (number === 32 || number === 33) continue; // libc's own have no names
      assert.equal(parseSignal(signalName(number)), number);
      assert.equal(parseSignal(String(number)), number);
    }
    assert.equal(parseSignal("term"), 15);
    assert.equal(parseSignal("RTMAX-1"), 63);
    for (const text of ["0", "65", "TERMX", "", "RTMIN+31", "-9"]) assert.throws(() => parseSignal(text), UsageError);
  });

  test("masks as /proc prints them", () => {
    assert.deepEqual(parseSignalMask("0000000000001000"), signalSet([13]));
    assert.deepEqual(parseSignalMask("8000000000000001"), signalSet([1, 64]));
  });

  test("comm may hold anything: the fields of stat come after its last parenthesis", () => {
    assert.deepEqual(statFields("12 (a) b (c) R 1 2 3\n"), ["R", "1", "2", "3"]);
  });

  test("mountinfo has every mount, its paths unescaped", () => {
    const lines = readFileSync("/proc/self/mountinfo", "utf8").trim().split("\n");
    const mounts = readMountInfo();
    assert.equal(mounts.length, lines.length);
    assert.ok(mounts.some(({ mountPoint, type }) => mountPoint === "/proc" && type === "proc"));
  });

  test("flags as strace prints them", () => {
    assert.equal(flags({ MS_RDONLY, MS_BIND }, MS_RDONLY | MS_BIND), "MS_RDONLY|MS_BIND");
    assert.equal(flags({ MS_RDONLY }, MS_RDONLY | 0x8000), "MS_RDONLY|0x8000");
    assert.equal(flags({ MS_RDONLY }, 0), "0");
  });

  test("a failure names the call, its arguments, the errno and the rule", () => {
    assert.throws(
      () => mount("/no/such", "/no/such", null, MS_BIND),
      (error) => {
        assert.ok(error instanceof SyscallError);
        assert.equal(error.message, 'mount("/no/such", "/no/such", NULL, MS_BIND, NULL): ENOENT (No such file or directory)');
        assert.equal(error.code, "ENOENT");
        return failedWith(error, "ENOENT");
      },
    );
  });

  test("a signal to a process that has ended is no error", () => {
    assert.equal(kill(0x3fffff, 15), false);
    const pidfd = pidfdOpen(process.pid);
    assert.equal(pidfdSendSignal(pidfd, 0), true);
  });

  test("capset takes what capget gave, and refuses more", need("root"), () => {
    const own = capget();
    capset(own);
    assert.deepEqual(capget(), own);
    assert.match(readFileSync("/proc/self/status", "utf8"), new RegExp(`CapEff:\\s*${own.effective.toString(16).padStart(16, "0")}`));
    assert.throws(() => capset({ ...own, permitted: 0n }), { code: "EPERM" });
  });

  test("only packages/kernel imports koffi, and no tool shells out", () => {
    const { stdout } = run([
      "grep",
      "-rlE",
      'from "koffi"|require\\("koffi"',
      join(root, "packages"),
      "--include=*.ts",
      "--exclude-dir=node_modules",
      "--exclude-dir=dist",
    ]);
    assert.deepEqual(
      stdout
        .trim()
        .split("\n")
        .map((file) => file.replace(`${root}/`, ""))
        .sort(),
      ["packages/kernel/src/ffi/koffi.ts", "packages/kernel/src/ffi/libc.ts"],
    );
  });
});
