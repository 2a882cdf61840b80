// States and who they are about: another boot's, a stopped supervisor's, another folder's; and the lock.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { need } from "../helpers/need.ts";
import { isAlive, stat } from "../helpers/proc.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { bin, NOBODY, run } from "../helpers/run.ts";
import { eventually } from "../helpers/wait.ts";
import { World } from "../helpers/world.ts";

const dir = scratch("state");
const rootfs = makeRootfs(dir);
const SLEEP = ["--quiet", "--rootfs", rootfs, "--", "sleep", "1000"];

describe("states", { ...need("root", "nsenter", "unshare", "flock", "perl"), timeout: 300_000 }, () => {
  const world = new World("state");
  const contain = (...words: string[]) => world.run(["contain", ...words]);
  const statusOf = (id: string) =>
    contain("list")
      .stdout.split("\n")
      .find((line) => line.startsWith(id)) ?? "";
  after(() => world.sweep());

  describe("of another boot", () => {
    const id = "bbbbbbbbbbbb";

    /** A container's state whose processes are a stranger's by PID and start time, and of another boot. */
    async function forge(stranger: number): Promise<void> {
      const box = await world.start(SLEEP);
      const state = JSON.parse(world.sh(`cat /run/contain/${box.id}/state.json`).stdout);
      const process = { pid: stranger, started: stat(stranger, 22) ?? "", boot: "00000000-0000-4000-8000-000000000000" };
      const forged = { ...state, id, name: "old", supervisor: process, init: process, group: undefined };
      world.run(["sh", "-c", `mkdir /run/contain/${id}; cat >/run/contain/${id}/state.json`], { input: JSON.stringify(forged) });
      contain("kill", box.id);
      await box.ended;
    }

    for (const [words, status] of [
      [["kill", id], 125],
      [["kill", id, "TERM"], 125],
      [["stop", "--grace", "0", id], 125],
      [["exec", id, "true"], 125],
      [["pause", id], 125],
      [["update", id, "--pids", "5"], 125],
      [["rm", id], 0],
      [["gc"], 0],
      [["run", "--name", "old", "--quiet", "--rootfs", rootfs, "--", "true"], 0],
    ] as const)
      test(`\`contain ${words.slice(0, 3).join(" ")}\` takes it for dead, and does nothing to whoever has its PIDs`, async () => {
        const stranger = spawn("sleep", ["1000"]);
        const gone = new Promise((resolve) => stranger.on("exit", resolve));
        try {
          await forge(stranger.pid ?? 0);
          assert.match(statusOf(id), / dead /);
          assert.equal(contain(...words).status, status);
          assert.ok(isAlive(stranger.pid ?? 0), "the stranger lives");
        } finally {
          world.sh(`rm -rf /run/contain/${id}`);
          stranger.kill("SIGKILL");
          await gone;
        }
      });
  });

  describe("of a stopped supervisor", () => {
    test("list shows it, and that PID 1 is gone", async () => {
      const box = await world.start(SLEEP);
      process.kill(box.supervisor, "SIGSTOP");
      await eventually(
        () => / running \(supervisor stopped\) /.test(statusOf(box.id)),
        () => statusOf(box.id),
      );
      process.kill(box.pid, "SIGKILL");
      await eventually(
        () => / - +ending \(supervisor stopped\) /.test(statusOf(box.id)),
        () => statusOf(box.id),
      );
      const { status, stderr } = contain("exec", box.id, "true");
      assert.equal(status, 125);
      assert.match(stderr, /its status is ending\n.*its supervisor is stopped: kill -CONT/);
      assert.equal(contain("stop", box.id).status, 0);
      assert.equal(await box.ended, 137);
      assert.deepEqual(world.list(), []);
    });

    for (const [what, program, status] of [
      ["which takes the signal", 'trap "exit 5" TERM; while :; do sleep 0.1; done', 5],
      ["which does not", 'trap "" TERM; while :; do sleep 0.1; done', 137],
    ] as const)
      test(`stop --grace 1s continues it, and ends the container, ${what}`, async () => {
        const box = await world.start(["--quiet", "--rootfs", rootfs, "--", "sh", "-c", program]);
        process.kill(box.supervisor, "SIGSTOP");
        await eventually(() => stat(box.supervisor, 3) === "T");
        const stopped = world.run(["contain", "stop", "--grace", "1s", box.id], { timeout: 100_000 });
        assert.deepEqual([stopped.status, stopped.signal], [0, null]);
        assert.match(stopped.stderr, /its supervisor, PID \d+, is stopped: continuing it/);
        assert.equal(await box.ended, status);
      });

    test("stop --grace 1s kills PID 1 itself where the supervisor cannot be continued, and says so", async () => {
      const box = await world.start(["--quiet", "--rootfs", rootfs, "--", "sh", "-c", 'trap "" TERM; while :; do sleep 0.1; done']);
      const attach = process.arch === "arm64" ? 117 : 101;
      const tracer = spawn("perl", ["-e", `syscall(${attach}, 16, $ARGV[0] + 0, 0, 0); <STDIN>`, `${box.supervisor}`]);
      await eventually(() => stat(box.supervisor, 3) === "t");
      const stopped = world.run(["contain", "stop", "--grace", "1s", box.id], { timeout: 100_000 });
      assert.deepEqual([stopped.status, stopped.signal], [0, null]);
      assert.match(stopped.stderr, /is stopped: the grace time is over, so this command kills PID 1\n.*its state stays.*kill -CONT/s);
      assert.ok(!isAlive(box.pid));
      tracer.kill("SIGKILL");
      process.kill(box.supervisor, "SIGCONT");
      assert.equal(await box.ended, 137);
      assert.deepEqual(world.list(), []);
    });
  });

  describe("the lock", () => {
    test("whoever locks the folder delays nobody", async () => {
      const holder = spawn("sh", [
        "-c",
        world.enter(["flock", "/run/contain", "sh", "-c", "echo locked; exec sleep 1000"]).map(quote).join(" "),
      ]);
      await new Promise((resolve) => holder.stdout.once("data", resolve));
      const { status, stderr } = world.run(["contain", "run", "--name", "quick", ...SLEEP.slice(0, 4), "true"], { timeout: 60_000 });
      holder.kill("SIGKILL");
      world.sh("fuser -k /run/contain");
      assert.equal(status, 0, stderr);
    });

    test("twenty names at once: each is one container's, and no file is left", () => {
      const script =
        "for i in $(seq 20); do contain run --name n$((i % 2)) $0 -- sh -c 'until [ $(grep -c already /mnt/said) = 18 ]; do sleep 0.1; done' 2>>$1 && echo ran & done; wait; ls -A /run/contain";
      const { stdout } = world.sh(script.replace("$0", `--quiet --rootfs ${rootfs} --volume ${dir}:/mnt`).replace("$1", join(dir, "said")));
      assert.equal(stdout, "ran\nran\n");
      assert.equal(readFileSync(join(dir, "said"), "utf8").match(/name already in use: /g)?.length, 18);
    });
  });

  describe("inside a container of the host's root, where /run is read-only", () => {
    const tmp = ["--tmpfs", "/tmp"];
    for (const [name, outer, words, status, pattern] of [
      [
        "without --root: what to do",
        [],
        ["run", "-q", "--", "echo", "nested"],
        125,
        /\/run\/contain .*: EROFS\n.*--root DIR.*CONTAIN_ROOT/,
      ],
      ["with --root", tmp, ["--root", "/tmp/c", "run", "-q", "--", "echo", "nested"], 0, /^$/],
      ["with --root, detached", tmp, ["run", "-qd", "--root", "/tmp/c", "--", "echo", "nested"], 0, /^$/],
      [
        "in a confined one: what is missing",
        ["--confine", ...tmp],
        ["--root", "/tmp/c", "run", "-q", "--", "true"],
        125,
        /EPERM.*\n.*CAP_SYS_ADMIN/,
      ],
      ["in a confined one, by pivot", ["--confine"], ["pivot"], 125, /EPERM.*\n.*CAP_SYS_ADMIN/],
      ["in a confined one, by veth", ["--confine"], ["veth"], 125, /^veth: /],
      ["in a confined one, doctor", ["--confine"], ["doctor"], 0, /^$/],
    ] as const)
      test(`\`contain ${words[0]}\` ${name}; nobody tells root to be root`, () => {
        const tools: Record<string, string[]> = {
          pivot: [join(bin, "pivot"), rootfs, "--", "true"],
          veth: [join(bin, "veth"), "--bridge", "b0", "--address", "10.9.9.9/24", "--", "true"],
        };
        const program = tools[words[0]] ?? [join(bin, "contain"), ...words];
        const result = world.run(["contain", "run", "-q", ...outer, "--", ...program]);
        assert.equal(result.status, status, result.stderr);
        assert.match(result.stderr, pattern);
        assert.doesNotMatch(result.stderr + result.stdout, /\b(run|add one) as root\b|\bas root:/i);
      });
  });

  describe("in a folder of one's own (--root, CONTAIN_ROOT)", () => {
    const root = join(dir, "states/of/mine");

    test("every command finds its containers there, and no other", () => {
      const { stdout, stderr } = world.sh(
        `set -e
        id=$(contain --root ${root} run -qd --name own --rootfs ${rootfs} -- sleep 1000)
        stat -c %a ${root}
        contain list -q | grep -c . || true
        export CONTAIN_ROOT=${root}
        [ $(contain list -q) = $id ]; contain exec own -- hostname
        unset CONTAIN_ROOT; cd ${dir}/states
        contain inspect --root of/mine own | grep -c '"name": "own"'; contain stats --root of/mine own | grep -c own
        contain stop --root=of/mine own --grace 0; contain wait --root of/mine own || echo $?
        contain --root of/mine rm own; ls -A of/mine`,
      );
      assert.equal(stderr.replace(/^contain: .*\n/gm, ""), "");
      assert.equal(stdout, "700\n0\nsandbox\n1\n1\n137\n137\n");
    });

    test("a folder that is not ours alone is refused", () => {
      mkdirSync(join(dir, "open"), { mode: 0o777 });
      run(["chmod", "777", join(dir, "open")]);
      mkdirSync(join(dir, "theirs"));
      run(["chown", `${NOBODY.uid}`, join(dir, "theirs")]);
      writeFileSync(join(dir, "file"), "");
      symlinkSync(dir, join(dir, "link"));
      for (const [name, why] of [
        ["open", "others may write to it"],
        ["theirs", `it belongs to uid ${NOBODY.uid}`],
        ["file", "not a directory"],
        ["link", "it is a symbolic link"],
        ["file/below", "ENOTDIR"],
      ] as const) {
        const { status, stderr } = contain("--root", join(dir, name), "run", ...SLEEP);
        assert.equal(status, 125);
        assert.match(stderr, new RegExp(`${why}.*\n.*--root DIR`));
      }
      assert.ok(!existsSync(join(dir, "file/below")));
    });
  });
});

const quote = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;
