// --trace: what is printed, in which forms, and that printing never changes what happens.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { need } from "../helpers/need.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { bin, run, sh } from "../helpers/run.ts";
import { checkSchema } from "../helpers/schemas.ts";
import { testOnce } from "../helpers/second.ts";

const dir = scratch("trace");
const rootfs = makeRootfs(dir);

/** `[tool pid] syscall(args) = result`; only an execve that succeeded has no result, and the execveat(2) of a trampoline before it. */
const LINE = /^\[(nsexec|pivot|pid1|cgset|veth|contain) (\d+)\] (\w+)\((.*)\)(?: = (-1 E\w+|-?\d+|0x[0-9a-f]+|SIG[A-Z0-9+]+))?$/;

const CHAINS: readonly (readonly string[])[] = [
  ["nsexec", "-u", "true"],
  ["nsexec", "-fmuinC", "true"],
  ["nsexec", "-rpT", "--mount-proc", "--hostname", "x y", "--boottime", "7", "--", "sh", "-c", "exit 3"],
  ["nsexec", "-p", "--", "pivot", rootfs, "--", "pid1", "sh", "-c", "trap : USR1; kill -USR1 1; exit 3"],
  ["nsexec", "-t", `${process.pid}`, "-a", "-w", "/usr", "true"],
  ["pid1", "sh", "-c", "sleep 0.1 & exit 4"],
  ["contain", "run", "--quiet", "--rootfs", rootfs, "--", "/bin/sh", "-c", "exit 5"],
];

describe("--trace", need("root"), () => {
  for (const [tool = "", ...words] of CHAINS) {
    const name = [tool, ...words].join(" ").replace(dir, "");
    const traced = tool === "contain" ? ["contain", "run", "--trace", ...words.slice(1)] : [tool, "--trace", ...words];
    const asJson = traced.map((word) => (word === "--trace" ? "--trace=json" : word));

    test(`every line reads as a system call: ${name}`, () => {
      const { stderr, status } = run(traced);
      assert.equal(status, run([tool, ...words]).status);
      const lines = stderr.trimEnd().split("\n");
      assert.ok(lines.length > 3);
      for (const line of lines) {
        const [, , , syscall, , result] = LINE.exec(line) ?? assert.fail(line);
        if (result === undefined) assert.match(syscall ?? "", /^execve(at)?$/, line);
      }
    });

    testOnce(`json is an object a line: ${name}`, () => {
      const { stderr } = run(asJson);
      for (const line of stderr.trimEnd().split("\n")) {
        const call = JSON.parse(line) as Record<string, unknown>;
        checkSchema("trace", call);
        assert.match(`${call["tool"]} ${call["syscall"]}`, /^(nsexec|pivot|pid1|cgset|veth|contain) \w+$/, line);
        assert.ok(Number.isInteger(call["pid"]) && (call["pid"] as number) > 0, line);
        assert.ok(Array.isArray(call["args"]), line);
        if (!("result" in call)) assert.match(`${call["syscall"]}`, /^execve(at)?$/, line);
        if ("errno" in call) assert.match(`${call["result"]} ${call["errno"]}`, /^-1 E\w+$/, line);
      }
    });

    test(`with nobody to read it, the same result: ${name}`, () => {
      const { status, stdout } = run([tool, ...words]);
      const report = join(dir, "report");
      for (const broken of ["2>&-", "2>/dev/full", "2>&1 >/dev/null | :", "3>&- 2>&1 >/dev/null | head -c 200 >/dev/null"]) {
        // The pipe's reader is gone before the first line, or after the first few.
        const script = `{ { sleep 0.1; "$@"; echo $? >${report}; } ${broken}; }`;
        const result = run(["sh", "-c", script, "sh", ...traced.map((word, i) => (i === 0 ? join(bin, word) : word))]);
        assert.equal(readFileSync(report, "utf8"), `${status}\n`, broken);
        if (!broken.includes("|")) assert.equal(result.stdout, stdout);
        writeFileSync(report, "");
      }
    });
  }

  testOnce("the line of a clone tells flags and result", () => {
    const { stderr } = run(["nsexec", "--trace", "--pid", "--uts", "true"]);
    assert.match(
      stderr,
      /^\[nsexec (\d+)\] clone3\(\{flags=CLONE_NEWPID\|CLONE_NEWUTS\|CLONE_CLEAR_SIGHAND, exit_signal=SIGCHLD\}\) = \d+$/m,
    );
  });

  test("each step is told with its tool and its PID", () => {
    const { stderr } = run(["nsexec", "--trace", "--pid", "--", "pivot", rootfs, "--", "pid1", "true"]);
    const seen = [...stderr.matchAll(/^\[(\w+) (\d+)\]/gm)].map(([, tool, pid]) => `${tool} ${pid}`);
    const tools = [...new Set(seen)].map((who) => who.split(" ")[0]);
    for (const tool of ["nsexec", "pivot", "pid1"]) assert.ok(tools.includes(tool), tool);
    const clones = [...stderr.matchAll(/^\[nsexec \d+\] clone3\(.*\) = (\d+)$/gm)].map(([, pid]) => pid);
    assert.ok(seen.includes(`pivot ${clones[0]}`), stderr);
  });

  test("a failure has its errno's name", () => {
    const { stderr } = run(["nsexec", "--trace", "-R", "/none", "true"]);
    assert.match(stderr, /^\[nsexec \d+\] chroot\("\/none"\) = -1 ENOENT$/m);
  });

  test("CONTAIN_TRACE does the same, down the chain, and 0 is off", () => {
    const calls = (text: string) => [...text.matchAll(/\] (\w+)\(/g)].map(([, call]) => call);
    const words = ["-fu", "true"];
    const option = calls(run(["nsexec", "--trace", ...words]).stderr);
    const variable = calls(run(["nsexec", ...words], { env: { CONTAIN_TRACE: "1" } }).stderr);
    // Lines of parent and child come in any order, and the variable traces from the very first call.
    for (const call of option) assert.ok(variable.includes(call), call);
    assert.match(run(["nsexec", "-u", "pid1", "true"], { env: { CONTAIN_TRACE: "1" } }).stderr, /^\[pid1 \d+\] posix_spawn/m);
    JSON.parse(run(["nsexec", "-u", "true"], { env: { CONTAIN_TRACE: "json" } }).stderr.split("\n")[0] ?? "");
    for (const off of ["0", ""]) assert.equal(run(["nsexec", "-u", "true"], { env: { CONTAIN_TRACE: off } }).stderr, "");
  });

  test("the payload is not traced, and its standard error is its own", () => {
    const { stderr } = sh("nsexec --trace -u sh -c 'echo own >&2' 2>&1 >/dev/null | tail -1");
    assert.equal(stderr, "");
    assert.match(run(["nsexec", "--trace", "-u", "sh", "-c", "echo own >&2"]).stderr, /execve\(.*\n(\[.*\n)*own\n$/);
  });
});
