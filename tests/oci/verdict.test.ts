// contain-oci: why a container ended, at `delete`: in the engine's log, and remembered for `contain explain` and `contain list --engines`.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { need } from "../helpers/need.ts";
import { bin, run, sh } from "../helpers/run.ts";
import { checkSchema } from "../helpers/schemas.ts";
import { start } from "../helpers/started.ts";
import { eventually } from "../helpers/wait.ts";
import { bundles } from "./bundle.ts";

const { oci, bundle, leftOf, dir, states } = bundles("oci-verdict");
const SLEEPER = ["/bin/sleep", "1000"];
const log = join(dir, "log");

interface Finding {
  readonly code: string;
  readonly text: string;
  readonly certain: boolean;
  readonly evidence: readonly { readonly source: string; readonly value?: string }[];
}

function explained(word: string): {
  readonly container: { readonly id: string; readonly status?: number };
  readonly findings: readonly Finding[];
} {
  const { status, stdout, stderr } = run(["contain", "explain", "--json", word]);
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}
const codes = (word: string) => explained(word).findings.map(({ code }) => code);
const logged = () => (existsSync(log) ? readFileSync(log, "utf8") : "");

/** Created and started; it waits for its end where it is to end by itself. */
async function started(id: string, script: string | readonly string[], ends = false): Promise<number> {
  const made = oci("create", "--bundle", bundle(script), id);
  assert.equal(made.status, 0, made.stderr);
  assert.equal(oci("start", id).status, 0);
  const stateOf = () => JSON.parse(oci("state", id).stdout) as { pid: number; status: string };
  const { pid } = stateOf();
  if (ends) await eventually(() => stateOf().status === "stopped");
  return pid;
}

describe("contain-oci: the verdict at delete", need("root"), () => {
  test("run: in the log, at level info, and remembered", () => {
    const { status } = oci("--log", log, "--log-format", "json", "run", "--bundle", bundle("exit 3"), "run3");
    assert.equal(status, 3);
    const lines = logged()
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { level: string; msg: string });
    assert.deepEqual(lines[0] && [lines[0].level, lines[0].msg], ["info", "verdict: PID 1 (sh) exited with 3 by itself"]);
    const { container, findings } = explained("run3");
    assert.deepEqual([container.id, container.status], ["run3", 3]);
    assert.deepEqual(
      findings.map(({ code, certain }) => [code, certain]),
      [
        ["ended", true],
        ["exit", true],
      ],
    );
    assert.match(run(["contain", "list", "--engines"]).stdout, /^run3 .*exited \(3\) .*exit 3/m);
    assert.deepEqual(leftOf("run3"), []);
  });

  test("signals of the engine: who sent them, and the one before that was of no avail", async () => {
    await started("stopped", SLEEPER);
    for (const signal of ["TERM", "KILL"]) assert.equal(oci("kill", "stopped", signal).status, 0);
    await eventually(() => oci("kill", "stopped", "KILL").stderr.includes("not running"));
    assert.equal(oci("delete", "stopped").status, 0);
    const kill = explained("stopped").findings.find(({ code }) => code === "killed-by-contain");
    assert.match(
      kill?.text ?? "",
      /^PID 1 \(sleep\) was killed by contain: SIGKILL from contain-oci kill \(PID \d+\), run by .* before, SIGTERM from contain-oci kill .*, had not ended it$/,
    );
    assert.equal(kill?.certain, true);
  });

  test("delete --force says that it was that", async () => {
    await started("forced", SLEEPER);
    assert.equal(oci("delete", "--force", "forced").status, 0);
    assert.match(explained("forced").findings.at(-1)?.text ?? "", /SIGKILL from contain-oci delete --force/);
  });

  test("a plain success has no verdict, and a status that only the parent learnt is told as such", async () => {
    await started("fine", "exit 0", true);
    assert.equal(oci("delete", "fine").status, 0);
    const [first, ...more] = explained("fine").findings; // whoever adopts orphans here may have waited for it
    assert.ok(first?.code === "ended" || first?.code === "end-cannot-tell", first?.code);
    assert.deepEqual(more, []);
    assert.doesNotMatch(logged(), /fine/);
  });

  test("what was never started is not remembered", () => {
    assert.equal(oci("create", "--bundle", bundle(SLEEPER), "unstarted").status, 0);
    assert.equal(oci("delete", "unstarted").status, 0);
    assert.equal(run(["contain", "explain", "unstarted"]).status, 125);
  });

  test("while it runs: by its id, and in the list", async (t) => {
    t.after(() => oci("delete", "--force", "alive"));
    const pid = await started("alive", SLEEPER);
    const { stdout } = run(["contain", "explain", "alive"]);
    assert.match(stdout, new RegExp(`^PID ${pid}, sleep\\n`));
    const rows = run(["contain", "list", "--engines", "--json"])
      .stdout.trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    for (const one of rows) checkSchema("engines", one);
    const row = rows.find(({ id }) => id === "alive");
    assert.deepEqual([row.status, row.pid, row.root, row.command, row.age], ["running", pid, states, SLEEPER, undefined]);
    assert.match(row.created, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    assert.equal(run(["contain", "list", "--engines", "--filter", "id=x"]).status, 125);
  });

  test("a hundred are remembered, and what is no memory is passed over", async () => {
    const folder = join(states, "@ended");
    for (let i = 0; i < 120; i++) writeFileSync(join(folder, `old${i}.json`), i % 2 ? "{" : "[]");
    await started("newest", "exit 0", true);
    assert.equal(oci("delete", "newest").status, 0);
    assert.equal(readdirSync(folder).length, 100);
    assert.deepEqual(explained("newest").container.id, "newest");
    assert.equal(run(["contain", "explain", "old1"]).status, 125);
    assert.equal(run(["contain", "list", "--engines"]).status, 0);
  });

  test("a memory that cannot be written keeps nothing from being deleted", async () => {
    const folder = join(states, "@ended");
    sh(`rm -rf ${folder}; echo > ${folder}`);
    await started("forgotten", "exit 1", true);
    const { status, stderr } = oci("delete", "forgotten");
    sh(`rm ${folder}`);
    assert.deepEqual([status, leftOf("forgotten")], [0, []]);
    assert.match(stderr, /warning: no verdict: /);
  });

  test("a folder that others can write to is not believed", async () => {
    mkdirSync(join(states, "@ended"), { recursive: true });
    oci("run", "--bundle", bundle("exit 4"), "loose");
    assert.deepEqual(codes("loose"), ["ended", "exit"]);
    chmodSync(join(states, "@ended"), 0o777);
    const { status } = run(["contain", "explain", "loose"]);
    chmodSync(join(states, "@ended"), 0o700);
    assert.equal(status, 125);
  });

  test("under conmon: its name for it, and its exit file", need("conmon"), async (t) => {
    t.after(() => oci("delete", "--force", "mon"));
    const exits = join(dir, "exits");
    mkdirSync(exits);
    const words = `-c mon -u mon -n web-of-test -r ${bin}/contain-oci -b ${bundle("until [ -e /tmp/go ]; do sleep 0.1; done; exit 137")} -p ${dir}/monpid -l k8s-file:${dir}/monlog --exit-dir ${exits} --socket-dir-path ${dir}`;
    const spawned = sh(`conmon ${words} --runtime-arg --root --runtime-arg ${states} </dev/null >${dir}/monerr 2>&1`);
    assert.equal(spawned.status, 0, readFileSync(`${dir}/monerr`, "utf8"));
    await eventually(() => oci("state", "mon").stdout.includes('"created"'));
    assert.equal(oci("start", "mon").stderr, "");
    assert.match(run(["contain", "list", "--engines"]).stdout, /^mon +web-of-test +\d+ +running/m);
    assert.match(run(["contain", "explain", "web-of-test"]).stdout, /its engine calls it web-of-test/);
    assert.equal(oci("exec", "mon", "/bin/sh", "-c", ": >/tmp/go").status, 0);
    await eventually(() => existsSync(join(exits, "mon")));
    assert.equal(oci("delete", "mon").status, 0);
    const { container, findings } = explained("web-of-test");
    assert.deepEqual([container.id, container.status], ["mon", 137]);
    assert.match(findings.at(-1)?.text ?? "", /exited with 137 by itself, or SIGKILL killed it. Which: cannot tell/);
  });

  test("docker's name for it, which stands beside the files that docker mounts", async (t) => {
    const id = "d0".repeat(32);
    const files = join(dir, "docker/containers", id);
    mkdirSync(files, { recursive: true });
    writeFileSync(join(files, "hosts"), "");
    const state = join(files, "config.v2.json");
    const folder = bundle(["/bin/sleep", "1000"]);
    const config = JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));
    config.mounts.push({ destination: "/tmp/hosts", type: "bind", source: join(files, "hosts"), options: ["bind"] });
    writeFileSync(join(folder, "config.json"), JSON.stringify(config));
    t.after(() => oci("delete", "--force", id));
    for (const text of [undefined, "null", '{"Name":7}', '{"Name":"/quiet_turing"}']) {
      oci("delete", "--force", id);
      if (text !== undefined) writeFileSync(state, text);
      const made = oci("create", "--bundle", folder, id);
      assert.equal(made.status, 0, made.stderr);
    }
    assert.equal(oci("start", id).status, 0);
    assert.match(run(["contain", "list", "--engines"]).stdout, /^d0d0d0d0d0d0 +quiet_turing +\d+ +running/m);
    assert.match(run(["contain", "explain", "quiet_turing"]).stdout, /^PID \d+, sleep\n/);
    const watching = start(`CONTAIN_ROOT=${join(dir, "watched")} exec contain watch --json quiet_turing`);
    t.after(() => watching.child.kill("SIGKILL"));
    await watching.shows('"watching"');
    assert.equal(oci("kill", id, "KILL").status, 0);
    assert.equal(await watching.ended, 0);
    const [, ended] = watching.output().stdout.split("\n");
    const { event, name, engine, status } = JSON.parse(ended ?? "");
    assert.deepEqual([event, name, engine, status], ["ended", "quiet_turing", "contain-oci", 137]);
    assert.equal(oci("delete", id).status, 0);
    assert.deepEqual([explained("quiet_turing").container.id, codes("quiet_turing").at(-1)], [id, "killed-by-contain"]);
  });

  test("what calls itself containerd's shim: its files may be anything, and in a container nobody is believed", async (t) => {
    const folder = join(dir, "shims/bundle");
    mkdirSync(folder, { recursive: true });
    mkdirSync(join(dir, "shims/task"));
    const shim = join(folder, "containerd-shim-x");
    copyFileSync("/bin/sh", shim);
    const words = ["-c", "sleep 60; :", "-namespace", "space\x1b[31m", "-id", "task"];
    const child = spawn(shim, words, { cwd: folder, stdio: "ignore" });
    const slept = async (pid: number | undefined) => {
      const children = `/proc/${pid}/task/${pid}/children`;
      await eventually(() => readFileSync(children, "utf8") !== "");
      return readFileSync(children, "utf8").trim();
    };
    const pid = await slept(child.pid);
    t.after(() => {
      child.kill("SIGKILL");
      process.kill(Number(pid), "SIGKILL");
    });
    const config = join(dir, "shims/task/config.json");
    for (const text of ["null", '{"annotations":null}', '{"annotations":{"nerdctl/name":5},"hostname":7}', undefined]) {
      rmSync(config, { force: true });
      if (text === undefined) run(["mkfifo", config]);
      else writeFileSync(config, text);
      const { status, stdout, stderr } = run(["contain", "explain", pid]);
      assert.deepEqual([status, stderr], [0, ""]);
      assert.match(stdout, /it is the task task of containerd's namespace space\\x1b\[31m\n/);
    }
    const inside = spawn(join(bin, "nsexec"), ["--pid", "--fork", "--", shim, ...words], { cwd: folder, stdio: "ignore" });
    const liar = await slept(Number(await slept(inside.pid)));
    t.after(() => process.kill(Number(liar), "SIGKILL"));
    assert.doesNotMatch(run(["contain", "explain", liar]).stdout, /task of containerd/);
  });
});
