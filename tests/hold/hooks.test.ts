// pivot --hook and hold --hook: where they run, what they are given, and what becomes of one that fails.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { need } from "../helpers/need.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { run, sh } from "../helpers/run.ts";

const dir = scratch("hooks");
const rootfs = makeRootfs(dir);
mkdirSync(join(rootfs, "out"));

interface Hook {
  readonly path: string;
  readonly args?: readonly string[];
  readonly env?: readonly string[];
  readonly timeout?: number;
}

let files = 0;
function hookFile(hooks: readonly Hook[], state: object = { id: "box", status: "created" }): string {
  const file = join(dir, `hooks-${++files}.json`);
  writeFileSync(file, JSON.stringify({ hooks, state }));
  return file;
}
const shell = (script: string, more: Partial<Hook> = {}): Hook => ({ path: "/bin/sh", args: ["sh", "-c", script], ...more });

const pivot = (hooks: readonly Hook[], ...program: string[]) =>
  run(["nsexec", "--pid", "--", "pivot", rootfs, "--rw", "--hook", `createContainer=${hookFile(hooks)}`, "--", ...program]);

/** Starts `hold` with hooks, lets it go, and waits for its end. */
function held(hooks: readonly Hook[], program: string) {
  const [file, fifo] = [hookFile(hooks), join(dir, `fifo-${files}`)];
  const hold = `hold --hook startContainer=${file} ${fifo} -- ${program}`;
  return sh(`mkfifo ${fifo}; echo >${fifo} & nsexec --pid -- pivot ${rootfs} --rw -- ${hold}; echo $?`);
}

describe("hooks", need("root"), () => {
  test("createContainer: with the host's files, in the container's namespaces, when all is mounted", () => {
    const script = `cat >${dir}/state; readlink /proc/self/ns/pid >${dir}/ns; grep -c " ${rootfs}/proc " /proc/self/mountinfo >${dir}/mounted; env >${dir}/env`;
    const { status, stdout, stderr } = pivot([shell(script, { env: ["A=b=c"] })], "/bin/sh", "-c", "readlink /proc/self/ns/pid; echo $$");
    assert.equal(status, 0, stderr);
    const read = (name: string) => sh(`cat ${dir}/${name}`).stdout;
    assert.deepEqual(JSON.parse(read("state")), { id: "box", status: "created", pid: 1 });
    assert.equal(`${read("ns")}1\n`, stdout);
    assert.equal(read("mounted"), "1\n");
    assert.deepEqual(
      read("env")
        .split("\n")
        .filter((line) => !/^(PWD|SHLVL|_)=/.test(line)),
      ["A=b=c", ""],
    );
  });

  test("startContainer: with the container's files, after the wait", () => {
    const hook = { path: "/bin/sh", args: ["sh", "-c", "cat >/out/state; echo >>/out/state; echo $0 $1 >/out/name", "zero", "one"] };
    const { stdout, stderr } = held([hook], "cat /out/state /out/name");
    assert.equal(stderr, "");
    const [state = "", name] = stdout.split("\n");
    assert.equal(JSON.parse(state).pid, 1);
    assert.equal(name, "zero one");
  });

  test("in their order; the first that fails ends it, with what it said", () => {
    const { status, stdout, stderr } = pivot(
      [shell(`echo one >${dir}/order`), shell("echo some words; echo the reason >&2; exit 7"), shell(`echo three >>${dir}/order`)],
      "/bin/echo",
      "ran",
    );
    assert.equal(status, 125);
    assert.equal(stdout, "");
    assert.equal(stderr, 'pivot: createContainer hook "/bin/sh": exit status 7: some words; the reason\n');
    assert.equal(sh(`cat ${dir}/order`).stdout, "one\n");
  });

  test("by a signal, by its time, for want of a file", () => {
    for (const [hook, told] of [
      [shell("kill -TERM $$"), /hook "\/bin\/sh": signal 15\n$/],
      [shell("sleep 100", { timeout: 1 }), /: it took longer than 1 s, and was killed\n$/],
      [{ path: "/no/such" }, /: exit status 127: .*"\/no\/such": no such file/],
    ] as const) {
      const { status, stderr } = pivot([hook], "/bin/true");
      assert.equal(status, 125);
      assert.match(stderr, told);
      const inside = held([hook], "true");
      assert.equal(inside.stdout, "125\n");
      assert.match(inside.stderr, told);
    }
  });

  test("a state and an output larger than a pipe are in nobody's way", () => {
    const file = hookFile([shell(`head -c 300000 /dev/zero; sleep 0; wc -c >${dir}/size`)], { note: "x".repeat(200_000) });
    const { status, stderr } = run(["nsexec", "--pid", "--", "pivot", rootfs, "--hook", `createContainer=${file}`, "--", "/bin/true"], {
      timeout: 100_000,
    });
    assert.equal(status, 0, stderr);
    assert.ok(Number(sh(`cat ${dir}/size`).stdout) > 200_000);
  });

  test("signals, limits and descriptors of the program are as without hooks", () => {
    const look = ["/bin/sh", "-c", "grep -E '^Sig[PBIC]' /proc/self/status; ls /proc/self/fd | wc -l; ulimit -n"];
    const { stdout } = run(["nsexec", "--pid", "--", "pivot", rootfs, "--rw", "--", ...look]);
    assert.equal(pivot([shell("true"), shell("true")], ...look).stdout, stdout);
  });

  test("wrong words", () => {
    const text = join(dir, "text");
    writeFileSync(text, "text");
    for (const [value, told] of [
      ["poststop=/x", /must be createContainer=FILE/],
      ["createContainer=/no/such", /: it cannot be read: ENOENT|cannot read.*ENOENT|ENOENT/],
      [`createContainer=${text}`, /: not JSON\n/],
      [`createContainer=${hookFile([{ path: "relative" }])}`, /: not a hook: \{"path":"relative"\}\n/],
    ] as const) {
      const { status, stderr } = run(["pivot", rootfs, "--hook", value, "--", "/bin/true"]);
      assert.equal(status, 125);
      assert.match(stderr, told);
    }
    assert.equal(existsSync(join(rootfs, "out/never")), false);
  });
});
