// --restart and contain restart: one id, one name, one log and one supervisor for several lives.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readlinkSync, rmdirSync, rmSync, statSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { detached, folder, inspect } from "../helpers/detached.ts";
import { need } from "../helpers/need.ts";
import { stat } from "../helpers/proc.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { run } from "../helpers/run.ts";
import { start } from "../helpers/started.ts";
import { openTerminal, PROMPT } from "../helpers/terminal.ts";
import { eventually, pause, within } from "../helpers/wait.ts";

const dir = scratch("restart");
const rootfs = makeRootfs(dir);
const contain = (...words: string[]) => run(["contain", ...words]);
/** From a relative rootfs, as a person would type it. */
const box = (policy: string, script: string, ...options: string[]) =>
  detached(["--rootfs", "./rootfs", "--restart", policy, ...options, "--", "sh", "-c", script], { cwd: dirname(rootfs) });
const field = (id: string, path: string) => contain("inspect", "-f", `{{${path}}}`, id).stdout.trim();
const status = (id: string) => field(id, ".State.Status");
const lines = (id: string) => contain("logs", id).stdout.replaceAll("\r", "").split("\n").slice(0, -1);
const STAYS = "echo up; trap 'exit 0' TERM; while :; do sleep 0.05; done";

describe("contain run --restart", need("root"), () => {
  for (const [words, wanted] of [
    [["--restart", "sometimes"], /must be no, on-failure\[:N\], always or unless-stopped/],
    [["--restart", "always:3"], /only on-failure has a number/],
    [["--restart", "on-failure:x"], /"x" is not a whole number/],
    [["--restart", "on-failure:-1"], /"-1" is not a whole number/],
    [["--restart", "always", "--rm"], /--restart and --rm exclude each other/],
  ] as const)
    test(`${words.join(" ")}: 125`, () => {
      const { status, stderr } = contain("run", "--rootfs", rootfs, ...words, "--", "true");
      assert.equal(status, 125);
      assert.match(stderr, wanted);
    });

  test("no and --rm go together, and nothing is started again", () => {
    assert.equal(contain("run", "-q", "--rootfs", rootfs, "--restart", "no", "--rm", "--", "sh", "-c", "exit 3").status, 3);
  });

  test("in the foreground: three more lives, each with its verdict, and the last status", () => {
    const { status, stdout, stderr } = contain("run", "--rootfs", rootfs, "--restart", "on-failure:3", "--", "sh", "-c", "echo up; exit 3");
    assert.deepEqual([status, stdout], [3, "up\nup\nup\nup\n"]);
    assert.equal(stderr.match(/verdict: PID 1 \(sh\) exited with 3/g)?.length, 4);
    assert.deepEqual(
      stderr.match(/again in .*$/gm),
      [100, 200, 400].map((ms, i) => `again in ${ms} ms: --restart on-failure:3, restart ${i + 1}`),
    );
    assert.match(stderr, /not started again: it was started again 3 times\n/);
  });

  for (const options of [[], ["--init"], ["-t"]])
    test(`detached ${options.join(" ")}: the log goes on, the restarts are counted`, () => {
      const id = box("on-failure:3", "echo up; exit 3", ...options);
      assert.equal(contain("wait", id).stdout, "3\n");
      assert.deepEqual(lines(id), ["up", "up", "up", "up"]);
      assert.equal(field(id, "json .HostConfig.RestartPolicy"), '{"Name":"on-failure","MaximumRetryCount":3}');
      assert.equal(field(id, ".RestartCount"), "3");
      assert.match(contain("list").stdout, new RegExp(`${id} .* exited \\(3\\), 3 restarts `));
    });

  test("the bound of the log is that of all lives", () => {
    const id = box("on-failure:2", "yes line | head -n 1000; echo last; exit 3", "--log-size", "64K");
    contain("wait", id);
    const parts = readdirSync(folder(id)).filter((name) => name.startsWith("log"));
    const size = parts.reduce((sum, name) => sum + statSync(join(folder(id), name)).size, 0);
    assert.ok(parts.length <= 4 && size > 32 << 10 && size <= 64 << 10, `${parts.join()}: ${size} bytes`);
    assert.equal(lines(id).at(-1), "last");
  });

  test("contain events tells each life", () => {
    const env = { CONTAIN_ROOT: join(dir, "states") };
    const own = (...words: string[]) => run(["contain", ...words], { env }).stdout;
    own("events", "--until", "0s"); // from now on they are kept
    own("run", "-q", "--rootfs", rootfs, "--restart", "on-failure:1", "--", "false");
    const id = own("run", "-qd", "--rootfs", rootfs, "--", "sleep", "1000").trim();
    own("restart", "-t", "0", id);
    own("rm", "-f", id);
    const found = own("events", "--since", "1h", "--until", "0s").matchAll(/^\S+Z container (\w+) [0-9a-f]{12} /gm);
    const actions = [...found].map(([, action]) => action);
    assert.deepEqual(actions, [
      ...["create", "start", "die", "start", "die", "destroy"],
      ...["create", "start", "die", "start", "restart", "die", "destroy"],
    ]);
  });

  test("on-failure is content with 0, unless-stopped is not", async () => {
    const script = "test -e /run/there && exit 0; touch /run/there; exit 4";
    mkdirSync(join(dir, "shared"), { recursive: true });
    const shared = ["-v", `${join(dir, "shared")}:/run`];
    const once = box("on-failure", script, ...shared);
    assert.equal(contain("wait", once).stdout, "0\n");
    assert.equal(field(once, ".RestartCount"), "1");
    const unless = box("unless-stopped", script, ...shared);
    await eventually(() => Number(field(unless, ".RestartCount")) >= 2, "it is started again after 0");
    assert.equal(contain("stop", unless).status, 0);
  });

  /** One that waits for its next start, for a second and more. */
  const waiting = async () => {
    const id = box("always", "exit 5");
    await eventually(() => status(id) === "restarting" && Number(field(id, ".RestartCount")) >= 4, "it waits");
    return id;
  };

  test("while it waits: told, no exec, no HUP, and `stop` ends it for good", async () => {
    const id = await waiting();
    for (const [words, told] of [
      [["list"], new RegExp(`${id} .* restarting \\(5\\), \\d+ restarts `)],
      [["exec", id, "--", "true"], /its status is restarting\n.*exit status 5/],
      [["kill", "-s", "HUP", id], /its status is restarting/],
      [["rm", id], /is restarting/],
    ] as const) {
      const isTold = () => {
        const { stdout, stderr } = contain(...words);
        return told.test(stdout + stderr);
      };
      await eventually(isTold, words.join(" ")); // on a busy machine it may run at this moment
    }
    assert.equal(field(id, ".State.Restarting .State.ExitCode"), "");
    assert.deepEqual([contain("stop", id).status, status(id), contain("wait", id).stdout], [0, "exited", "5\n"]);
  });

  for (const command of [["kill"], ["kill", "-s", "INT"], ["rm", "-f"]])
    test(`while it waits: ${command.join(" ")} ends it`, async () => {
      const id = await waiting();
      const { supervisor } = inspect(id);
      assert.equal(contain(...command, id).status, 0);
      assert.ok(["Z", "X", undefined].includes(stat(supervisor.pid, 3)), "its supervisor has ended");
      assert.equal(status(id), command[0] === "rm" ? "" : "exited");
    });

  test("while it waits: kill -9 of the supervisor leaves a state, which rm forgets, and no group", async () => {
    const id = await waiting();
    const { supervisor } = inspect(id);
    process.kill(supervisor.pid, "SIGKILL");
    await eventually(() => status(id) === "dead", "dead");
    assert.equal(run(["find", "/sys/fs/cgroup", "-name", `contain-${id}`]).stdout, "");
    assert.equal(contain("rm", id).status, 0);
    assert.ok(!existsSync(folder(id)));
  });

  test("`contain kill` ends it for good, a kill from elsewhere does not, nor does a signal that it is to handle", async () => {
    const id = box("always", `trap : HUP; ${STAYS}`);
    contain("kill", "-s", "HUP", id);
    process.kill(inspect(id).init.pid, "SIGKILL");
    await eventually(() => field(id, ".RestartCount") === "1" && status(id) === "running", "it runs again");
    assert.equal(contain("kill", id).status, 0);
    assert.equal(contain("wait", id).stdout, "137\n");
    assert.match(contain("inspect", id).stdout, /was killed by contain/);
  });

  test("a next start that fails is the end, and is remembered", async () => {
    const source = join(dir, "volume");
    mkdirSync(source, { recursive: true });
    const id = box("always", STAYS, "-v", `${source}:/mnt`);
    rmdirSync(source);
    process.kill(inspect(id).init.pid, "SIGKILL");
    assert.equal(contain("wait", id).stdout, "125\n");
    assert.match(field(id, ".ended.reason"), /failed/);
    assert.equal(run(["find", "/sys/fs/cgroup", "-name", `contain-${id}`]).stdout, "");
  });

  test("SIGTERM to a supervisor in the foreground ends it while it waits, with the program's status", async () => {
    const one = start(`exec contain run --rootfs ${rootfs} --restart always -- sh -c 'exit 6'`);
    await eventually(() => /again in 800 ms/.test(one.output().stderr), "it waits");
    one.child.kill("SIGTERM");
    assert.equal(await one.ended, 6);
    assert.match(one.output().stderr, /not started again: it was asked to end\n$/);
  });

  test("Ctrl-C ends it for good: its program, and while it waits", async () => {
    for (const [script, seen] of [
      ["trap 'exit 0' INT; echo ready to go; while :; do sleep 0.05; done", /^ready to go/m],
      ["exit 7", /again in 1\.6 s/],
    ] as const) {
      const terminal = openTerminal();
      await terminal.prompts(1);
      terminal.type(`clear; contain run --rootfs ${rootfs} --restart always -- sh -c "${script}"`);
      await terminal.until(seen);
      const over = new RegExp(`not started again[^]*^${PROMPT}`, "m");
      // Its keys are heard a moment later.
      for (let tries = 0; tries < 60 && !over.test(terminal.screen()); tries++) {
        terminal.press("C-c");
        await within(2200, () => over.test(terminal.screen()));
      }
      assert.match(terminal.screen(), over);
    }
  });
});

describe("contain restart", need("root"), () => {
  const answer = (port: number) =>
    new Promise<string>((resolve, reject) => {
      let text = "";
      connect(port, "127.0.0.1")
        .on("data", (data) => (text += data))
        .on("close", () => resolve(text))
        .on("error", reject);
    });

  const freePort = () =>
    new Promise<number>((resolve) => {
      const server = createServer().listen(0, "127.0.0.1", () => {
        const { port } = server.address() as AddressInfo;
        server.close(() => resolve(port));
      });
    });

  test("id, name, published port, log and supervisor stay; PID 1 is another; nothing piles up", async () => {
    const serve = "echo up; trap 'exit 0' TERM; while :; do echo hello | nc -l -p 80 & wait $!; done";
    const port = await freePort();
    const id = box("no", serve, "--name", "again", "--net", "veth", "-p", `127.0.0.1:${port}:80`, "--init", "--health-cmd", "true");
    const before = inspect(id);
    const fds = `/proc/${before.supervisor.pid}/fd`;
    /** Of what the supervisor makes for a life. Sockets of the last answer may be closing, and a file may be written at this moment. */
    const open = async () => {
      let least = Number.POSITIVE_INFINITY;
      for (let looks = 0; looks < 10; looks++, await pause(10)) {
        const links = readdirSync(fds).map((fd) => {
          try {
            return readlinkSync(join(fds, fd));
          } catch {
            return ""; // closed by now
          }
        });
        least = Math.min(least, links.filter((link) => /^(anon_inode:|pipe:|mnt:|\/dev\/)/.test(link)).length);
      }
      return least;
    };
    const counts = [];
    for (let i = 0; i < 3; i++) {
      assert.equal(contain("restart", "-t", "5s", "again").status, 0);
      let text = "";
      for (let tries = 0; text === "" && tries < 1000; tries++, await pause(50)) text = await answer(port);
      assert.equal(text, "hello\n");
      counts.push(await open());
    }
    const after = inspect(id);
    assert.equal(after.supervisor.pid, before.supervisor.pid);
    assert.notEqual(after.init.pid, before.init.pid);
    assert.equal(new Set(counts).size, 1, counts.join());
    assert.deepEqual(lines(id), ["up", "up", "up", "up"]);
    assert.equal(field(id, ".RestartCount"), "0");
    assert.equal(contain("stop", "again").status, 0);
  });

  test("on a terminal of its own, with what was attached", () => {
    const id = box("no", STAYS, "-t");
    assert.equal(contain("restart", id).status, 0);
    assert.deepEqual(lines(id), ["up", "up"]);
    assert.equal(contain("exec", id, "--", "test", "-t", "0").status, 1);
    assert.equal(contain("stop", id).status, 0);
  });

  test("one in the foreground, by its name, and one that waits for its next start", async () => {
    const name = `restarted-${process.pid}`;
    const one = start(`exec contain run -q --name ${name} --rootfs ${rootfs} -- sh -c "${STAYS}"`);
    await one.shows("up\n");
    assert.equal(contain("restart", name).status, 0);
    await one.shows("up\nup\n");
    assert.equal(contain("stop", name).status, 0);
    assert.equal(await one.ended, 0);

    const flag = join(dir, "flag");
    mkdirSync(flag, { recursive: true });
    const id = box("always", `test -e /mnt/ok || exit 1; ${STAYS}`, "-v", `${flag}:/mnt`);
    await eventually(() => status(id) === "restarting" && Number(field(id, ".RestartCount")) >= 5, "it waits for seconds");
    run(["touch", join(flag, "ok")]);
    assert.equal(contain("restart", id).status, 0);
    assert.deepEqual([status(id), field(id, ".RestartCount")], ["running", "0"]);
    rmSync(flag, { recursive: true });
    assert.equal(contain("stop", id).status, 0);
  });

  test("a PID 1 that is deaf is killed when the time is over; a paused one is thawed", () => {
    const id = box("no", "echo up; sleep 1000", "--grace", "1h");
    contain("pause", id);
    assert.equal(contain("restart", "-t", "100ms", id).status, 0);
    assert.deepEqual(lines(id), ["up", "up"]);
    assert.equal(status(id), "running");
  });

  test("of one that is not there: 125", () => {
    assert.equal(contain("restart", "nobody").status, 125);
  });
});
