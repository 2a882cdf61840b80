// Pseudo-terminals: what is one inside, what passes through it, real programs in a real terminal, and that ours is given back.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { need } from "../helpers/need.ts";
import { childrenOf, commandOf, descendants, stat, ticksIn } from "../helpers/proc.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { bin, NOBODY, run, sh } from "../helpers/run.ts";
import { testOnce } from "../helpers/second.ts";
import { openTerminal, type Terminal } from "../helpers/terminal.ts";
import { eventually, pause } from "../helpers/wait.ts";

const dir = scratch("tty");
const rootfs = makeRootfs(dir);
const contain = ["contain", "run", "--quiet", "--rootfs", rootfs, "-t"];

/** The PID of the supervisor of the container that has this name. */
function supervisorOf(name: string): number {
  const { stdout, stderr } = run(["contain", "inspect", name]);
  assert.notEqual(stdout, "", stderr);
  return (JSON.parse(stdout) as { supervisor: { pid: number } }).supervisor.pid;
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

describe("a pseudo-terminal, inside", need("root"), () => {
  const questions = [
    ["tty", "/dev/pts/0"],
    ["test -t 0 && test -t 1 && test -t 2 && echo all", "all"],
    ["stty size", "24 80"],
    ["stat -c %t:%T /dev/console", "88:0"],
    ["test /dev/console -ef /dev/pts/0 && echo same", "same"],
    ["echo to the console >/dev/console", "to the console"],
    ["echo to the terminal >/dev/tty", "to the terminal"],
    ["ls /dev/pts", "0 *ptmx"],
    ["cut -d ' ' -f 6 /proc/self/stat", "1|2"], // its session is that of PID 1, or of the child of pid1
    ["readlink /proc/self/fd/* 2>/dev/null | grep -c socket", "0"],
  ] as const;
  const ways = [
    ["as root", [...contain], {}],
    ["as an ordinary user", [...contain], NOBODY],
    ["with --init", [...contain, "--init"], {}],
    ["with --rw", [...contain, "--rw"], {}],
    ["by hand", ["nsexec", "--tty", "--pid", "--", "pivot", "--tty", rootfs], {}],
    ["by hand, every link exec'd", ["nsexec", "--tty", "--pid", "--chain=exec", "--", "pivot", "--tty", "/"], {}],
    ["with --chain exec", ["contain", "run", "--quiet", "-t", "--chain", "exec"], {}],
  ] as const;
  for (const [how, argv, options] of ways) {
    test(how, () => {
      const separator = "-----";
      const script = questions.map(([question]) => question).join(`; echo ${separator}; `);
      const { status, stdout, stderr } = run([...argv, "--", "/bin/sh", "-c", `${script}; exit 7`], { ...options, input: "" });
      assert.equal(stderr, "");
      assert.equal(status, 7);
      const answers = stdout.replaceAll("\r\n", "\n").split(`${separator}\n`);
      for (const [i, [question, answer]] of questions.entries()) assert.match(answers[i] ?? "", new RegExp(`^(${answer})\\s*$`), question);
    });
  }

  test("one that nsexec makes itself", () => {
    const { status, stdout } = run(["nsexec", "--uts", "--tty", "--", "sh", "-c", "tty; stty size; kill -TERM $$"], { input: "" });
    assert.match(stdout, /^\/dev\/pts\/\d+\r\n24 80\r\n$/);
    assert.equal(status, 143);
  });

  for (const [argv, message] of [
    [["pivot", "--tty", rootfs, "--", "true"], /--tty: nobody holds the other end of the pseudo-terminal\n.*nsexec --tty/],
    [["pivot", "--tty", "--no-dev", rootfs, "--", "true"], /--tty needs the \/dev\/pts that --no-dev leaves out/],
    [["nsexec", "--tty", "--foreground", "--", "true"], /--tty and --foreground exclude each other/],
  ] as const) {
    testOnce(`refused: ${argv.slice(0, -1).join(" ").replace(rootfs, "ROOTFS")}`, () => {
      const { status, stderr } = run(argv);
      assert.equal(status, 125);
      assert.match(stderr, message);
    });
  }

  test("the printed chain does the same", () => {
    const { stdout: script } = run([...contain, "--print-chain", "--", "sh", "-c", "tty; exit 6"]);
    assert.match(script, /nsexec .*--tty .*-- pivot .*--tty/);
    const { status, stdout } = sh(script);
    assert.equal(stdout, "/dev/pts/0\r\n");
    assert.equal(status, 6);
  });

  test("a program that is not there: 127, said on standard error", () => {
    const { status, stdout, stderr } = run([...contain, "--", "nosuch"]);
    assert.equal(status, 127);
    assert.match(stderr, /pivot: nosuch: not found in PATH inside the rootfs/);
    assert.equal(stdout, "");
  });
});

describe("bytes through a pseudo-terminal", need("root", "bash", "vim"), () => {
  for (const [what, argv, input, expected] of [
    ["end of file at once", ["cat"], "", /^$/],
    ["a line, then the end", ["cat"], "one\n", /^one\r\none\r\n$/],
    ["a line without its end", ["cat"], "one\ntwo", /^one\r\ntwoone\r\ntwo$/],
    ["more than one reader at the end", ["sh", "-c", "cat; echo -; cat; echo ."], "", /^-\r\n\.\r\n$/],
    ["a shell that edits lines", ["sh"], "echo $((20 + 3))\n", /23\r\n/],
  ] as const) {
    test(`from a pipe: ${what}`, () => {
      const { status, stdout } = run([...contain, "--", ...argv], { input });
      assert.equal(status, 0);
      assert.match(stdout, expected);
    });
  }

  test("from a pipe: bash, which switches to raw mode and back", () => {
    const { status, stdout } = run(["contain", "run", "-qt", "--", "bash", "--norc"], { input: "echo $((20 + 3))\n" });
    assert.equal(status, 0);
    assert.match(stdout, /23\r\n/);
    assert.doesNotMatch(stdout, /no job control/);
  });

  test("50 MB of random bytes come out as they are", () => {
    const file = join(dir, "random");
    const bytes = randomBytes(50 << 20);
    writeFileSync(file, bytes);
    const out = join(dir, "out");
    const { status, stderr } = sh(`contain run -qt -- sh -c 'stty -opost; cat ${file}' </dev/null >${out}`, { timeout: 300_000 });
    assert.equal(status, 0, stderr);
    assert.equal(sha256(readFileSync(out)), sha256(bytes));
    for (const big of [file, out]) rmSync(big);
  });

  testOnce("50 MB of lines through a pipe", () => {
    const raw = sh("contain run -qt -- sh -c 'stty -opost; yes | head -c 52428800' </dev/null | md5sum", { timeout: 300_000 });
    assert.equal(raw.stdout, sh("yes | head -c 52428800 | md5sum").stdout);
    const lines = sh("contain run -qt -- sh -c 'seq 200000' </dev/null | md5sum", { timeout: 300_000 });
    assert.equal(lines.stdout, sh("seq 200000 | sed 's/$/\\r/' | md5sum").stdout);
  });

  test("5 MB of random bytes go in as they are, into a program that reads slowly", { timeout: 300_000 }, async () => {
    const bytes = randomBytes(5 << 20);
    const script = `stty raw -echo; echo ready; sleep 1; head -c ${bytes.length} | sha256sum`;
    const child = spawn(join(bin, "contain"), [...contain.slice(1), "--", "sh", "-c", script], { stdio: ["pipe", "pipe", "inherit"] });
    let text = "";
    for await (const chunk of child.stdout) {
      if (text === "") child.stdin.end(bytes);
      text += String(chunk);
    }
    assert.match(text, new RegExp(sha256(bytes)));
  });

  test("a reader that goes away ends the container, as a terminal that is closed does", () => {
    const { stdout } = sh("contain run -qt --grace 1 -- yes </dev/null | head -n 1; contain run -qt --grace 1 -- yes <&- | head -n 2");
    assert.equal(stdout, "y\r\ny\r\ny\r\n");
  });

  test("a reader that reads nothing does not keep SIGTERM from ending it", { timeout: 300_000 }, async () => {
    const name = `tty-stalled-${process.pid}`;
    const child = spawn(join(bin, "contain"), [...contain.slice(1), "--name", name, "--grace", "0", "--", "yes"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    child.stdout.pause();
    const ended = new Promise<number | null>((resolve) => child.on("exit", resolve));
    await eventually(() => descendants(child.pid ?? 0).some((pid) => commandOf(pid) === "yes" && stat(pid, 3) === "S"), "it waits");
    // The second one gives up on what was not read.
    await eventually(() => child.exitCode !== null || !child.kill("SIGTERM"), "SIGTERM ends it");
    assert.equal(await ended, 137);
    child.stdout.destroy();
  });

  for (const [what, script] of [
    ["idle", "sleep 60"],
    ["when PID 1 has closed the terminal", "exec </dev/null >/dev/null 2>&1; sleep 60"],
    ["with an end of file that nobody reads", "sleep 60"],
  ] as const) {
    test(`the supervisor takes no CPU time, ${what}`, { timeout: 300_000 }, async () => {
      const name = `tty-idle-${process.pid}`;
      const child = spawn(join(bin, "contain"), [...contain.slice(1), "--name", name, "--", "sh", "-c", script], {
        stdio: [what.includes("end of file") ? "ignore" : "pipe", "pipe", "inherit"],
      });
      const ended = new Promise((resolve) => child.on("exit", resolve));
      try {
        await eventually(() => /"status": "running"/.test(run(["contain", "inspect", name]).stdout), "it runs");
        const ticks = await ticksIn(2000, child.pid ?? 0);
        assert.ok(ticks <= 2, `${ticks} ticks of 10 ms in 2 s`);
      } finally {
        run(["contain", "kill", name]);
        await ended;
      }
    });
  }
});

describe("in a terminal", need("root", "tmux", "bash", "vim", "top"), () => {
  const host = "contain run -qt --env PS1='in> '";
  /** Waits until keys go to the container: its supervisor has the terminal, in raw mode. */
  const relayed = (t: Terminal) =>
    eventually(() => stat(t.pid, 8) !== `${t.pid}` && / -icanon/.test(run(["stty", "-F", t.tty, "-a"]).stdout), "keys are passed on");

  test("bash: Ctrl-Z, fg, Ctrl-C, and no warning about job control", { timeout: 300_000 }, async () => {
    for (const init of ["", "--init"]) {
      const t = openTerminal(`${host} ${init} -- bash --norc; echo status $?; sleep 60`);
      assert.doesNotMatch(await t.until(/in> $|in>$/), /no job control/);
      t.type("sleep 100");
      await t.foreground("sleep 100");
      t.press("C-z");
      await t.until(/Stopped +sleep 100/);
      t.type("jobs -l; fg");
      await t.foreground("sleep 100");
      t.press("C-c");
      t.type("echo $?");
      await t.until(/^130$/m);
      t.type("sleep 50 & wait");
      await eventually(() => descendants(t.pid).some((pid) => commandOf(pid) === "sleep 50"));
      t.press("C-c");
      t.type("kill %1; echo a; stty size");
      await t.until(/^24 80$/m);
      t.type("exit 9");
      await t.until(/status 9/);
    }
  });

  testOnce("ash of the rootfs: Ctrl-Z, fg, Ctrl-C", { timeout: 300_000 }, async () => {
    const t = openTerminal(`contain run -qt --rootfs ${rootfs} -- sh; echo status $?; sleep 60`);
    assert.doesNotMatch(await t.until(/# $|#$/), /job control turned off/);
    t.type("sleep 100");
    await t.foreground("sleep 100");
    t.press("C-z");
    await t.until(/Stopped.*sleep 100/);
    t.type("fg");
    await t.foreground("sleep 100");
    t.press("C-c");
    t.type("echo end $?");
    await t.until(/end 130/);
    t.press("C-d");
    await t.until(/status 0/);
  });

  test("Ctrl-C and Ctrl-Z of a program that has no shell above it", { timeout: 300_000 }, async () => {
    for (const [program, end] of [
      [`sh -c 'trap "echo caught" INT; sleep 100; sleep 1; echo on'`, /caught\n(.*\n)*on\n(.*\n)*status 0/],
      ["sleep 100", /status 130/],
    ] as const) {
      const t = openTerminal(`${host} --init -- ${program}; echo status $?; sleep 60`);
      await t.foreground("sleep 100");
      t.press("C-z"); // stops nothing for good: nobody could continue it
      t.press("C-c");
      await t.until(end);
    }
  });

  test("the window's size, at the start and when it changes", { timeout: 300_000 }, async () => {
    const t = openTerminal(`${host} -- bash --norc; sleep 60`);
    await t.until(/in> ?$/);
    t.type("trap 'stty size' WINCH; stty size");
    await t.until(/^24 80$/m);
    t.resize(101, 37);
    t.type("");
    await t.until(/37 101$/m);
  });

  test("vim, and vi of busybox: full screen, keys, colours, redrawn after a resize", { timeout: 300_000 }, async () => {
    for (const editor of ["vim -u NONE", "busybox vi"]) {
      const t = openTerminal(`${host} -- sh -c 'cd /dev/shm; ${editor} file; cat file'; echo status $?; sleep 60`);
      await t.until(/^~$/m);
      t.press("i");
      t.type("first line");
      t.press("-l", "second");
      await t.until(/second/);
      t.press("Escape");
      await pause(500); // an Escape that is followed at once is the beginning of another key
      t.resize(60, 15);
      await t.until(/^first line\n.*second/m);
      t.type(":wq");
      await t.until(/^first line\nsecond\n(.*\n)*status 0/m);
    }
  });

  testOnce("top: draws itself again and again, q ends it", { timeout: 300_000 }, async () => {
    const t = openTerminal(`${host} -- top -d 0.5; echo status $?; sleep 60`);
    await t.until(/top - [\s\S]*PID +USER[\s\S]* 1 root/);
    t.press("q");
    await t.until(/status 0/);
  });

  const ends: readonly (readonly [string, (name: string, t: Terminal) => void, RegExp])[] = [
    ["it exits", (_, t) => t.type("exit 3"), /^3$/],
    ["the supervisor gets SIGTERM", (name) => process.kill(supervisorOf(name), "SIGTERM"), /^137$/],
    ["the supervisor gets SIGHUP", (name) => process.kill(supervisorOf(name), "SIGHUP"), /^(129|137)$/],
    ["the supervisor is killed by SIGKILL", (name) => process.kill(supervisorOf(name), "SIGKILL"), /^137$/],
    ["PID 1 is killed", (name) => run(["contain", "kill", name]), /^137$/],
    ["contain stop", (name) => run(["contain", "stop", "--grace", "0", name]), /^137$/],
  ];
  for (const [i, [how, act, status]] of ends.entries()) {
    test(`the terminal is as before when ${how}`, { timeout: 300_000 }, async () => {
      const name = `tty-end-${process.pid}-${i}`;
      const [before, after] = [join(dir, `before${i}`), join(dir, `after${i}`)];
      const script = `stty erase '#'; stty -g >${before}; ${host} --name ${name} --grace 1 -- bash --norc; s=$?; until [ "$(stty -g)" = "$(cat ${before})" ]; do sleep 0.05; done; stty -g >${after}.new; echo $s >>${after}.new; mv ${after}.new ${after}; sleep 60`;
      const t = openTerminal(script);
      await t.until(/in> ?$/);
      t.type("stty -a | grep -o 'erase = .'");
      await t.until(/^erase = #$/m); // what was set outside holds inside
      act(name, t);
      await eventually(() => existsSync(after), "it ends");
      const [attributes, code] = readFileSync(after, "utf8").split("\n");
      assert.equal(attributes, readFileSync(before, "utf8").trim());
      assert.match(code ?? "", status);
      run(["contain", "rm", name]);
    });
  }

  test("the terminal is closed: the container gets SIGHUP and ends", { timeout: 300_000 }, async () => {
    const name = `tty-hangup-${process.pid}`;
    for (const program of ["bash --norc", "sleep 1000"]) {
      const t = openTerminal(`${host} --grace 1 --name ${name} -- ${program}`);
      await t.foreground(program);
      t.hangUp();
      await eventually(() => run(["contain", "inspect", name]).status !== 0, "it is gone");
    }
  });

  test("a job in the background waits for fg before it takes the terminal", { timeout: 300_000 }, async () => {
    const t = openTerminal(`PS1='out> ' exec bash --norc`);
    await t.until(/out> ?$/);
    t.type(`${host} -- bash --norc &`);
    await eventually(() => childrenOf(t.pid).some((pid) => stat(pid, 3) === "T"), "it is stopped");
    t.type("echo $((40 + 2))");
    await t.until(/^42$/m);
    t.type("jobs");
    await t.until(/Stopped/);
    t.type("fg");
    await relayed(t);
    t.type("echo $$ inside");
    await t.until(/^1 inside$/m);
    t.type("exit");
    t.type("stty -a | grep -c ' -icanon'; echo $((1 + 1)) outside");
    await t.until(/^2 outside$/m);
  });

  test("stopped and continued from outside, it takes the terminal again", { timeout: 300_000 }, async () => {
    const name = `tty-stop-${process.pid}`;
    const t = openTerminal(`PS1='out> ' exec bash --norc`);
    await t.until(/out> ?$/);
    t.type(`${host} --name ${name} -- bash --norc`);
    await t.until(/in> ?$/);
    process.kill(supervisorOf(name), "SIGSTOP");
    await t.until(/Stopped[\s\S]*out> ?$/);
    t.resize(90, 30);
    t.type("fg");
    await relayed(t);
    t.type("stty size; echo $$ inside");
    await t.until(/^30 90\n1 inside$/m);
    t.type("exit");
  });
});
