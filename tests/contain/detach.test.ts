// Detached containers: what the caller gets, what the supervisor keeps, logs, wait, attach, rm, and what a killed supervisor leaves.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { detached, folder, ids, inspect, removeAll } from "../helpers/detached.ts";
import { cgroups } from "../helpers/leftovers.ts";
import { need } from "../helpers/need.ts";
import { stat, takesSignals, ticksIn } from "../helpers/proc.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { bin, NOBODY, run, sh } from "../helpers/run.ts";
import { describeOnce } from "../helpers/second.ts";
import { openTerminal } from "../helpers/terminal.ts";
import { eventually, pause } from "../helpers/wait.ts";

const dir = scratch("detach");
const rootfs = makeRootfs(dir);
/** Starts a detached container in the rootfs. */
const box = (argv: readonly string[], options: readonly string[] = []) => detached(["--rootfs", rootfs, ...options, "--", ...argv]);

/** The size of its terminal, as `stty size` says it. */
const sizeOf = (id: string) => run(["contain", "exec", id, "--", "stty", "-F", "/dev/console", "size"]).stdout.trim();

describe("contain run --detach", need("root"), () => {
  test("returns while the program runs, with nothing of the caller's kept open", () => {
    const { stdout, status } = sh(`id=$(exec 9>${dir}/lock; contain run -qd --rootfs ${rootfs} -- sleep 60 2>&1); echo $id`);
    assert.equal(status, 0);
    const id = stdout.trim();
    ids.push(id);
    const { supervisor, init } = inspect(id);
    const descriptors = readdirSync(`/proc/${supervisor.pid}/fd`).sort((a, b) => Number(a) - Number(b));
    const files = descriptors.map((fd) => readlinkSync(`/proc/${supervisor.pid}/fd/${fd}`));
    assert.deepEqual(files.slice(0, 3), ["/dev/null", join(folder(id), "supervisor.log"), join(folder(id), "supervisor.log")]);
    assert.deepEqual(
      files.slice(3).filter((file) => !/^anon_inode|^pipe|^\/dev\/kmsg$/.test(file)),
      [join(folder(id), "log"), `mnt:[${statSync(`/proc/${init?.pid}/ns/mnt`).ino}]`], // what its tmpfs hold is asked after its end
    );
    assert.ok(files.length < 18, files.join());
    assert.equal(readlinkSync(`/proc/${supervisor.pid}/cwd`), "/");
    assert.deepEqual(
      [5, 6, 7].map((field) => stat(supervisor.pid, field)),
      [`${supervisor.pid}`, `${supervisor.pid}`, "0"],
      "group and session of its own, no terminal",
    );
    assert.equal(statSync(`/proc/${init?.pid}/fd/0`).rdev, 0x103, "/dev/null");
    for (const fd of [1, 2]) assert.match(readlinkSync(`/proc/${init?.pid}/fd/${fd}`), /^pipe:/);
    assert.deepEqual(readdirSync(`/proc/${init?.pid}/fd`), ["0", "1", "2"]);
  });

  test("a program that cannot be started is told to the caller, whatever descriptors it has open", () => {
    for (const init of ["", "--init"]) {
      const open = [3, 4, 5, 6, 7, 8, 9].map((fd) => `${fd}<${import.meta.filename}`).join(" ");
      const { stdout, status } = sh(`exec ${open}; contain run -qd ${init} --rootfs ${rootfs} -- /none`);
      assert.deepEqual([stdout, status], ["", 127], init);
    }
  });

  test("the supervisor has at most 12 MB of its own, and takes no CPU time", async () => {
    for (const options of [[], ["-t"]]) {
      const { supervisor } = inspect(box(["sleep", "60"], options));
      const rollup = readFileSync(`/proc/${supervisor.pid}/smaps_rollup`, "utf8");
      const own = [...rollup.matchAll(/^Private_(?:Clean|Dirty): +(\d+) kB/gm)].reduce((sum, [, kb]) => sum + Number(kb), 0);
      assert.ok(own > 0 && own < 12 * 1024, `${own} kB`);
      const ticks = await ticksIn(2000, supervisor.pid);
      assert.ok(ticks <= 1, `${ticks} ticks`);
    }
  });

  for (const [status, argv, message] of [
    [127, ["--", "nosuch"], /nosuch: not found in PATH inside the rootfs/],
    [127, ["--init", "--", "nosuch"], /nosuch: not found in PATH inside the rootfs/],
    [127, ["-t", "--", "nosuch"], /nosuch: not found in PATH inside the rootfs/],
    [126, ["--", "/etc"], /\/etc: cannot be executed inside the rootfs/],
    [125, ["--workdir", "/nosuch", "--", "true"], /--cwd \/nosuch: no such directory inside the root/],
    [125, ["--workdir", "relative", "--", "true"], /starts with \//],
    [125, ["--set", "cgroup.nosuch=1", "--", "true"], /cgroup/],
  ] as const) {
    test(`a start that fails gives ${status} and leaves nothing: ${argv.join(" ")}`, () => {
      const name = `detach-fail-${process.pid}`;
      const words = ["contain", "run", "-d", "--rootfs", rootfs, "--name", name, ...argv];
      const { status: got, stdout, stderr } = run(words);
      assert.equal(got, status, stderr);
      assert.equal(stdout, "");
      assert.match(stderr, message);
      assert.doesNotMatch(run(["contain", "list"]).stdout, new RegExp(name));
    });
  }

  test("the steps until the start are told to the caller, the end to the supervisor's log", async () => {
    const { stdout, stderr } = run(["contain", "run", "-d", "--rootfs", rootfs, "--", "sh", "-c", "echo x; exit 3"]);
    const id = stdout.trim();
    ids.push(id);
    assert.match(stderr, /\[contain\] running: sh/);
    assert.doesNotMatch(stderr, /exited/);
    assert.equal(run(["contain", "wait", id]).status, 3);
    assert.match(readFileSync(join(folder(id), "supervisor.log"), "utf8"), /^\[contain\] container exited: exit status 3\n/);
    assert.equal(run(["contain", "logs", id]).stdout, "x\n");
  });

  test("an ordinary user's", () => {
    const runtime = join(dir, "runtime");
    mkdirSync(runtime);
    run(["chown", "65534:65534", runtime]);
    const how = { ...NOBODY, env: { XDG_RUNTIME_DIR: runtime } };
    for (const tty of ["", "-t"]) {
      const script = `id=$(contain run -qd ${tty} --rootfs ${rootfs} -- sh -c 'id -u; sleep 0.5; exit 4') && contain logs -f $id; contain wait $id; contain rm $id`;
      const { stdout, stderr, status } = sh(script, how);
      assert.equal(stdout.replaceAll("\r", ""), "0\n4\n", stderr);
      assert.equal(status, 0);
    }
    assert.deepEqual(readdirSync(join(runtime, "contain")), []);
  });

  test("the printed chain does the same", async () => {
    const { stdout: script } = run([
      "contain",
      "run",
      "-d",
      "--rootfs",
      rootfs,
      "--print-chain",
      "--",
      "sh",
      "-c",
      "echo out; echo err >&2",
    ]);
    const log = join(dir, /contain-[0-9a-f]{12}\.log/.exec(script)?.[0] ?? "");
    assert.equal(sh(script, { cwd: dir }).status, 0);
    // cgset says what it writes, also when it removes the group.
    await eventually(() => existsSync(log) && readFileSync(log, "utf8").startsWith("out\nerr\n"), "it writes");
  });

  test("--preserve-fds and --json go with it", async () => {
    const { stdout } = sh(`echo passed >in; contain run -qd --preserve-fds 1 --json report --rootfs ${rootfs} -- sh -c 'cat <&3' 3<in`, {
      cwd: dir,
    });
    const id = stdout.trim();
    ids.push(id);
    run(["contain", "wait", id]);
    assert.equal(run(["contain", "logs", id]).stdout, "passed\n");
    assert.equal((JSON.parse(readFileSync(join(dir, "report"), "utf8")) as { status: number }).status, 0);
  });

  test("--preserve-fds of more than the caller has open takes nothing from the log", () => {
    const { stdout } = sh(`contain run -qd --preserve-fds 12 --rootfs ${rootfs} -- sh -c 'echo one; sleep 0.1; echo two'`);
    const id = stdout.trim();
    ids.push(id);
    run(["contain", "wait", id]);
    assert.equal(run(["contain", "logs", id]).stdout, "one\ntwo\n");
  });

  test("a --json that cannot be written takes neither status nor log", () => {
    const { stdout } = sh(`contain run -qd --json /dev/full --rootfs ${rootfs} -- sh -c 'echo out; exit 3'`);
    const id = stdout.trim();
    ids.push(id);
    assert.equal(run(["contain", "wait", id]).stdout, "3\n");
    assert.equal(run(["contain", "logs", id]).stdout, "out\n");
    const { status, stderr } = run(["contain", "run", "-q", "--json", "/dev/full", "--rootfs", rootfs, "--", "sh", "-c", "exit 3"]);
    assert.equal(status, 3);
    assert.match(stderr, /--json \/dev\/full: could not be written: ENOSPC/);
  });

  test("twelve at once", async () => {
    const script = 'for i in 1 2 3 4 5 6 7 8 9 10 11 12; do contain run -qd --rootfs $ROOTFS -- sh -c "exit $i" & done; wait';
    const { stdout } = sh(script, { env: { ROOTFS: rootfs } });
    const started = stdout.trim().split("\n");
    ids.push(...started);
    assert.equal(new Set(started).size, 12);
    const statuses = started.map((id) => run(["contain", "wait", id]).status);
    assert.deepEqual(
      statuses.toSorted((a, b) => a - b),
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
    );
  });
});

describeOnce("logs, wait, list, stop, kill, rm", need("root"), () => {
  test("logs has both outputs in order; -f goes on to the end", async () => {
    const id = box(["sh", "-c", "for i in 1 2 3 4 5 6 7 8; do echo out $i; echo err $i >&2; sleep 0.5; done"]);
    const follower = spawn(join(bin, "contain"), ["logs", "-f", id], { stdio: ["ignore", "pipe", "inherit"] });
    const times: number[] = [];
    let text = "";
    for await (const chunk of follower.stdout) {
      times.push(Date.now());
      text += String(chunk);
    }
    const all = [1, 2, 3, 4, 5, 6, 7, 8].map((i) => `out ${i}\nerr ${i}\n`).join("");
    assert.equal(text, all);
    assert.ok((times.at(-1) ?? 0) - (times[0] ?? 0) > 600, "it came as it was written");
    assert.equal(run(["contain", "logs", id]).stdout, all);
    assert.equal(run(["contain", "logs", "-f", id]).stdout, all);
    assert.equal(run(["contain", "inspect", id]).status, 0);
  });

  test("logs -f into a pipe that is closed ends", () => {
    const id = box(["sh", "-c", "while :; do echo line; sleep 0.1; done"]);
    assert.equal(sh(`contain logs -f ${id} | head -n 3`).stdout, "line\nline\nline\n");
    run(["contain", "kill", id]);
  });

  for (const [end, status] of [
    [["sh", "-c", "sleep 0.3; exit 42"], 42],
    [["sh", "-c", "kill -TERM $$; sleep 0.2"], 0], // PID 1 without a handler
    [["true"], 0],
  ] as const) {
    test(`wait prints ${status} and exits with it: ${end.join(" ")}`, () => {
      const id = box(end);
      for (let again = 0; again < 2; again++) {
        const waited = run(["contain", "wait", id]);
        assert.equal(waited.stdout, `${status}\n`);
        assert.equal(waited.status, status);
      }
      assert.equal(inspect(id).status, "exited");
      assert.match(run(["contain", "list"]).stdout, new RegExp(`${id} .* exited \\(${status}\\)`));
    });
  }

  for (const [how, argv, status] of [
    ["stop", ["stop"], 143],
    ["stop with a grace of its own", ["stop", "--grace", "0.2"], 137],
    ["kill", ["kill"], 137],
  ] as const) {
    test(`${how}, then rm`, () => {
      const trap = status === 143 ? 'trap "exit 143" TERM' : 'trap "" TERM';
      const id = box(["sh", "-c", `${trap}; echo ready; while :; do sleep 0.1; done`]);
      sh(`contain logs -f ${id} | head -n 1`);
      const refused = run(["contain", "rm", id]);
      assert.equal(refused.status, 125);
      assert.match(refused.stderr, /is running/);
      assert.equal(run(["contain", ...argv, id]).status, 0);
      assert.equal(run(["contain", "wait", id]).status, status);
      const { ended } = inspect(id);
      assert.equal(ended?.status, status);
      assert.equal(run(["contain", "rm", id]).status, 0);
      assert.equal(existsSync(folder(id)), false);
      assert.equal(run(["contain", "wait", id]).status, 125);
    });
  }

  test("a container that was not detached has no log, and its status goes to who started it", async () => {
    const name = `detach-foreground-${process.pid}`;
    const child = spawn(join(bin, "contain"), ["run", "-q", "--name", name, "--rootfs", rootfs, "--", "sleep", "60"], { stdio: "ignore" });
    const ended = new Promise((resolve) => child.on("exit", resolve));
    await eventually(() => /"status": "running"/.test(run(["contain", "inspect", name]).stdout), "it runs");
    for (const [command, message] of [
      ["logs", /was not detached: its output goes to the process that started it/],
      ["wait", /was not detached: its status goes to the process that started it/],
      ["attach", /has no terminal to attach to/],
    ] as const) {
      const { status, stderr } = run(["contain", command, name]);
      assert.equal(status, 125);
      assert.match(stderr, message);
    }
    run(["contain", "kill", name]);
    await ended;
  });

  test("a supervisor killed by SIGKILL: the container dies, list says dead, gc cleans up", () => {
    // With a /run and a control group hierarchy of its own, so that gc finds no other test's containers.
    const top = /^\S+ (\S+) cgroup2 /m.exec(readFileSync("/proc/mounts", "utf8"))?.[1] ?? "";
    const group = join(top, `contain-test-${process.pid}`);
    mkdirSync(group);
    const script = `
      mount -t tmpfs none /run
      umount "$TOP" && mount -t cgroup2 cgroup2 "$TOP"
      id=$(contain run -qd --rootfs ${rootfs} -- sh -c 'sleep 61 & sleep 61')
      init=$(contain list --json | grep -o '"pid":[0-9]*' | cut -d: -f2)
      supervisor=$(contain inspect $id | grep -A 1 '"supervisor"' | grep -o '[0-9][0-9]*')
      group=$(contain inspect $id | grep '"group"' | cut -d '"' -f 4)
      kill -9 $supervisor
      contain wait $id; echo wait $?
      for i in $(seq 100); do [ -d /proc/$init ] || break; sleep 0.2; done
      [ -d /proc/$init ] && echo lives
      contain list | grep -o ' dead '
      contain gc; echo gc $?
      ls /run/contain
      [ -n "$group" ] && [ -d "$group" ] && echo group stays
      contain list -q`;
    const enter = `echo $$ >${group}/cgroup.procs; exec unshare --mount --cgroup sh -c "$SCRIPT"`;
    const { stdout, stderr } = sh(enter, { env: { SCRIPT: script, TOP: top } });
    rmdirSync(group);
    assert.match(stderr, /^contain: ([0-9a-f]{12}): unknown exit status\n +its supervisor was killed, and the container with it/);
    assert.match(stdout, /^wait 125\n dead \ncontainer ([0-9a-f]{12}) \(sh\): its supervisor, PID \d+, was killed\ngc 0\n$/);
  });
});

describe("contain attach", need("root", "tmux", "bash"), () => {
  test("a terminal: keys, size, redraw, Ctrl-P Ctrl-Q, and again, by two at once, to the end", { timeout: 300_000 }, async () => {
    const { stdout } = run(["contain", "run", "-qdt", "--env", "PS1=in> ", "--", "bash", "--norc"]);
    const id = stdout.trim();
    ids.push(id);
    const first = openTerminal(
      `stty -g >${dir}/a; contain attach ${id}; echo status $?; stty -g >${dir}/b.new; mv ${dir}/b.new ${dir}/b; exec sleep 60`,
    );
    const second = openTerminal(`read go; contain attach ${id}; echo status $?; exec sleep 60`);
    const third = openTerminal("sleep 60");
    first.press("Enter");
    await first.until(/in> ?$/);
    first.type("stty size; x=kept");
    await first.until(/^24 80$/m);
    first.resize(99, 33);
    await eventually(() => sizeOf(id) === "33 99", "the size is passed on");
    first.type("stty size");
    await first.until(/^33 99$/m);
    first.press("C-p"); // held back until the next key: here the last command
    first.press("Enter");
    await first.until(/33 99[\s\S]*33 99/m);
    first.press("C-p", "C-q");
    await first.until(new RegExp(`detached from ${id}, which goes on running\nstatus 0`));
    await eventually(() => existsSync(join(dir, "b")), "its attributes are told");
    assert.equal(readFileSync(join(dir, "b"), "utf8"), readFileSync(join(dir, "a"), "utf8"));
    assert.equal(inspect(id).status, "running");

    second.press("Enter");
    await second.until(/in> ?$/); // drawn again by the size change
    second.type("echo $x; stty size");
    await second.until(/^kept\n24 80$/m);
    third.hangUp();
    const piped = sh(`echo 'echo from a pipe' | timeout --preserve-status 3 contain attach ${id}`); // both see both
    assert.match(piped.stdout, /from a pipe\r\n/);
    assert.equal(piped.status, 143);
    await second.until(/^from a pipe$/m);
    second.type("exit 12");
    await second.until(/status 12/);
    assert.equal(run(["contain", "wait", id]).status, 12);
    assert.match(run(["contain", "logs", id]).stdout, /kept\r\n24 80\r\n/);
  });

  test("to a container that has its terminal in the foreground elsewhere", { timeout: 300_000 }, async () => {
    const name = `attach-foreground-${process.pid}`;
    const owner = openTerminal(`contain run -qt --name ${name} --env 'PS1=in> ' -- bash --norc; echo status $?; exec sleep 60`);
    const guest = openTerminal(`read go; contain attach ${name}; echo guest $?; exec sleep 60`);
    await owner.until(/in> ?$/);
    guest.press("Enter");
    await eventually(() => / -icanon/.test(run(["stty", "-F", guest.tty, "-a"]).stdout), "its keys are passed on");
    guest.press("Enter");
    await guest.until(/in> ?$/);
    guest.type("echo $((6 * 7))");
    await owner.until(/^42$/m);
    owner.type("exit 3");
    await owner.until(/status 3/);
    await guest.until(/guest 0/); // its status is the owner's to know
  });

  test("a reader that is killed, or stalled for a while, harms nobody", { timeout: 300_000 }, async () => {
    const id = box(["sh", "-c", `stty -opost; yes ${"y".repeat(99)} | head -c 20000000 | cat; sleep 600`], ["-t"]);
    const readers = [1, 2, 3].map(() => spawn(join(bin, "contain"), ["attach", id], { stdio: ["ignore", "ignore", "inherit"] }));
    const ended = readers.map((reader) => new Promise((resolve) => reader.on("exit", resolve)));
    await eventually(() => readers.every(({ pid = 0 }) => takesSignals(pid)), "they are attached");
    readers[0]?.kill("SIGKILL");
    readers[1]?.kill("SIGSTOP");
    await pause(500);
    readers[1]?.kill("SIGCONT");
    await eventually(() => run(["contain", "logs", id]).stdout.length === 20_000_000, "everything is in the log");
    const { supervisor } = inspect(id);
    const files = () => readdirSync(`/proc/${supervisor.pid}/fd`).length;
    const before = files();
    readers[1]?.kill("SIGTERM");
    readers[2]?.kill("SIGTERM");
    await Promise.all(ended);
    await eventually(() => files() === before - 2, "their descriptors are closed");
    run(["contain", "kill", id]);
    assert.equal(run(["contain", "wait", id]).status, 137);
  });

  test("without a terminal: the output from now on, signals passed on, the status", { timeout: 300_000 }, async () => {
    const id = box(["sh", "-c", 'trap "echo caught; exit 7" INT; echo before; while :; do sleep 0.1; done']);
    sh(`contain logs -f ${id} | head -n 1`);
    const child = spawn(join(bin, "contain"), ["attach", id], { stdio: ["ignore", "pipe", "pipe"] });
    let [out, err] = ["", ""];
    child.stdout.on("data", (chunk) => {
      out += String(chunk);
    });
    child.stderr.on("data", (chunk) => {
      err += String(chunk);
    });
    const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
    await eventually(() => takesSignals(child.pid ?? 0), "it passes signals on");
    child.kill("SIGINT");
    assert.equal(await ended, 7);
    assert.equal(out, "caught\n");
    assert.match(err, /SIGINT passed on to/);
  });

  test("nothing is left of all that", () => {
    removeAll();
    const groups = cgroups();
    for (const id of ids) {
      assert.equal(existsSync(folder(id)), false);
      assert.deepEqual(
        groups.filter((line) => line.includes(id)),
        [],
      );
    }
  });
});
