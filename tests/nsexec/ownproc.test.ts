// /proc may be that of another PID namespace: its numbers are other processes' then, or it does not show us at all.
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { need } from "../helpers/need.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { bin, type Result, run } from "../helpers/run.ts";

const dir = scratch("ownproc");
const tool = (name: string) => join(bin, name);
/** PID 1 of a new PID namespace, with the /proc of the one around it. */
const inOuter = (...argv: string[]): Result => run(["unshare", "--pid", "--fork", ...argv]);
const TIMES = Number(process.env["CONTAIN_RUNS"] ?? 40);
const STRANGE = /^contain: \/proc is that of an outer PID namespace: .*\n +give this PID namespace a \/proc of its own: /m;

describe("an address space that is laid out from the bottom up", need("root", "unshare"), () => {
  for (const [name, ...before] of [
    ["ulimit -s unlimited", "sh", "-c", 'ulimit -s unlimited && exec "$@"', "sh"],
    ["setarch -L", "setarch", "-L"],
    ["setarch -R", "setarch", "-R"],
    ["the default", "env"],
  ]) {
    test(`${name}: ${TIMES} children end well`, { timeout: 120_000 }, () => {
      const forks = `for i in $(seq ${TIMES}); do "$@" || echo "try $i: $?"; done`;
      const { status, stdout, stderr } = run([...before, "sh", "-c", forks, "sh", tool("nsexec"), "--pid", "--fork", "--", "true"], {
        timeout: 110_000,
      });
      assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: "", stderr: "" });
    });
  }

  test("a whole container, with its collector at work", () => {
    const rootfs = makeRootfs(dir);
    const { status, stdout, stderr } = run(["setarch", "-L", tool("contain"), "run", "--init", "--rootfs", rootfs, "--", "echo", "in"]);
    assert.deepEqual([status, stdout], [0, "in\n"], stderr);
  });
});

describe("PID 1 with the /proc of an outer PID namespace", need("root", "unshare"), () => {
  test(`pid1 starts a program, ${TIMES} times`, { timeout: 120_000 }, () => {
    for (let i = 0; i < TIMES; i++) {
      const { status, signal, stderr } = inOuter(tool("pid1"), "sh", "-c", "exit 3");
      assert.deepEqual({ status, signal, stderr }, { status: 3, signal: null, stderr: "" }, `try ${i}`);
    }
  });

  test("pid1 forwards a signal: its helper threads are parked, whatever /proc numbers them", () => {
    const script = 'trap "echo got; exit 5" TERM; kill -TERM 1; while :; do sleep 0.05; done';
    for (let i = 0; i < 10; i++) {
      const { status, stdout, stderr } = inOuter(tool("pid1"), "sh", "-c", script);
      assert.deepEqual([status, stdout], [5, "got\n"], stderr);
    }
  });

  for (const [what, words, out] of [
    ["maps of a child", ["nsexec", "--user", "--map-root-user", "--pid", "--", "id", "-u"], /^0$/],
    ["a namespace that is joined", ["nsexec", "--target", "1", "--net", "--", "echo", "joined"], /^joined$/],
    ["a group", ["cgset", "1"], /processes/],
  ] as const) {
    test(`numbers are those of the caller: ${what}`, () => {
      const [name, ...more] = words;
      const { status, stdout, stderr } = inOuter(tool(name), ...more);
      assert.equal(status, 0, stderr);
      assert.match(stdout.trim(), out);
    });
  }

  test("a number that only /proc knows is nobody", () => {
    const script = `${tool("nsexec")} --target $1 --net -- echo joined`;
    const outside = `${process.pid}`; // above all that a new namespace has
    const { status, stderr } = inOuter("sh", "-c", script, "sh", outside);
    assert.equal(status, 125);
    assert.match(stderr, new RegExp(`^nsexec: no such process: -t ${outside}\n`));
  });

  test("contain list, explain and stop say so, rather than believe its numbers", () => {
    const name = `ownproc-${process.pid}`;
    const { status, stderr } = run([tool("contain"), "run", "--detach", "--name", name, "--", "sleep", "1000"]);
    assert.equal(status, 0, stderr);
    try {
      for (const words of [["list"], ["explain", "1"], ["explain", "mount", "/"], ["stop", "--grace", "1s", name]]) {
        const strange = inOuter(tool("contain"), ...words);
        assert.deepEqual([strange.status, strange.stdout], [125, ""], words.join(" "));
        assert.match(strange.stderr, STRANGE);
      }
    } finally {
      run([tool("contain"), "stop", "--grace", "0s", name]);
      run([tool("contain"), "rm", name]);
    }
  });

  test("contain run works, and doctor says what does not", () => {
    const { status, stdout, stderr } = inOuter(tool("contain"), "run", "--", "sh", "-c", "echo $$; exit 7");
    assert.deepEqual([status, stdout], [7, "1\n"], stderr);
    const doctor = inOuter(tool("contain"), "doctor", "--json").stdout;
    const check = doctor
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line))
      .find(({ what }) => what === "own /proc");
    assert.equal(check.state, "limited");
    assert.match(check.evidence[0].value, /^\d+\t1$/);
  });

  test("with a /proc of its own all is as ever", () => {
    const { status, stderr } = run(["unshare", "--pid", "--fork", "--mount-proc", tool("contain"), "explain", "1"]);
    assert.equal(status, 0, stderr);
  });
});

describe("a /proc that does not show us", need("root", "unshare"), () => {
  test("a link that was joined into it says whose it is", () => {
    const script = `unshare --pid --fork --mount-proc sleep 1000 & made=$!
      joined() { read -r other _ </proc/$made/task/$made/children; [ -n "$other" ] && [ "$(cat /proc/$other/comm)" = sleep ]; }
      until joined; do sleep 0.01; done
      "$1" --target $other --mount -- cgset 1; echo status $?
      kill -KILL $other; wait`;
    const { stdout, stderr } = run(["sh", "-c", script, "sh", tool("nsexec")]);
    assert.match(stdout, /^status 125$/m, stderr);
    assert.match(stderr, /^cgset: .*\/proc\/self\/.*\n +\/proc is that of another PID namespace/m);
  });
});
