// `contain exec --tty`, and who the program of an exec is.
import assert from "node:assert/strict";
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { detached } from "../helpers/detached.ts";
import { need } from "../helpers/need.ts";
import { descendants, isAlive } from "../helpers/proc.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { run, sh } from "../helpers/run.ts";
import { describeOnce } from "../helpers/second.ts";
import { openTerminal } from "../helpers/terminal.ts";
import { eventually } from "../helpers/wait.ts";

const dir = scratch("exec-tty");
const rootfs = makeRootfs(dir);
appendFileSync(join(rootfs, "etc/passwd"), "app:x:1000:1001::/srv:/bin/sh\n");
appendFileSync(join(rootfs, "etc/group"), "app:x:1001:\nmore:x:1002:app\n");

describeOnce("who the program of an exec is", need("root"), () => {
  const who = 'echo "$(id -u):$(id -g):$(id -G):$HOME"';
  const cases: readonly (readonly [run: readonly string[], exec: readonly string[], expected: string])[] = [
    [["--user", "app"], [], "1000:1001:1001 1002:/srv"],
    [["--user", "app"], ["--user", "0"], "0:0:0:/root"],
    [["--user", "7:8"], [], "7:8:8:/"],
    [["--user", "7:8", "--init"], ["--user", "app:more"], "1000:1002:1002:/srv"],
    [[], ["--user", "app"], "1000:1001:1001 1002:/srv"],
    [["--env", "HOME=/elsewhere"], ["--user", "app"], "1000:1001:1001 1002:/elsewhere"],
  ];
  for (const [first, then, expected] of cases) {
    test(`run ${first.join(" ")}, exec ${then.join(" ")}: ${expected}`, () => {
      const id = detached(["--rootfs", rootfs, ...first, "--", "sleep", "1000"]);
      for (const tty of ["", "-t"]) {
        const { stdout, stderr } = sh(`contain exec ${tty} ${then.join(" ")} ${id} -- sh -c '${who}' </dev/null`);
        assert.equal(stdout.trim(), expected, stderr);
      }
    });
  }

  test("a name that the container does not know, and ids that are none", () => {
    const id = detached(["--rootfs", rootfs, "--", "sleep", "1000"]);
    for (const [user, pattern] of [
      ["nobody-here", /there is no user "nobody-here" in \/etc\/passwd of the container .*\n.*inside the root/],
      ["4294967295", /--user 4294967295: .*is not an id/],
      ["1:2:3", /--user "1:2:3": must be UID\[:GID\]/],
    ] as const) {
      const { status, stderr } = run(["contain", "exec", "--user", user, id, "--", "true"]);
      assert.equal(status, 125);
      assert.match(stderr, pattern);
    }
    const { status, stderr } = run(["nsexec", "--as", "1", "--setuid", "1", "--", "true"]);
    assert.equal(status, 125);
    assert.match(stderr, /--as excludes --setuid/);
  });
});

describe("contain exec --tty", need("root", "tmux", "bash"), () => {
  let id = "";
  const shell = () => `contain exec -t --env PS1='in> ' ${id} -- bash --norc`;
  before(() => {
    id = detached(["--hostname", "box", "--volume", `${dir}:/mnt`, "--", "sleep", "1000"]);
  });

  test("a terminal of the container's own, whatever the input is", () => {
    for (const [input, script, expected] of [
      ["", "tty; stty size; stat -c %t:%T /dev/tty; test -t 0 && test -t 2 && echo all", "/dev/pts/0\n24 80\n5:0\nall"],
      ["typed\n", "read line; echo got $line; exit 5", "typed\ngot typed"],
    ] as const) {
      const { stdout, status, stderr } = run(["contain", "exec", "-t", id, "--", "sh", "-c", script], { input });
      assert.equal(stdout.replaceAll("\r\n", "\n").trim(), expected);
      assert.equal(stderr, "");
      assert.equal(status, input === "" ? 0 : 5);
    }
    const missing = run(["contain", "exec", "-t", id, "--", "nosuch"]);
    assert.deepEqual([missing.status, missing.stdout], [127, ""]);
    assert.match(missing.stderr, /nosuch: not found in PATH inside/);
    assert.equal(run(["contain", "exec", id, "--", "ls", "/dev/pts"]).stdout, "ptmx\n", "none is left");
  });

  test("raw mode, job control, Ctrl-C, the window's size", { timeout: 300_000 }, async () => {
    const t = openTerminal(`stty erase '#'; stty -g >${dir}/a; ${shell()}; echo status $?; stty -g >${dir}/b; sleep 60`);
    await t.until(/in> ?$/);
    t.type("hostname; stty -a | grep -o 'erase = .'");
    await t.until(/^box\nerase = #$/m);
    t.type("sleep 100");
    await t.foreground("sleep 100");
    t.press("C-z");
    await t.until(/Stopped +sleep 100/);
    t.type("fg");
    await t.foreground("sleep 100");
    t.press("C-c");
    t.type("echo $?");
    await t.until(/^130$/m);
    t.resize(101, 37);
    t.type("stty size");
    await t.until(/^37 101$/m);
    t.type("exit 9");
    await t.until(/status 9/);
    await eventually(() => existsSync(join(dir, "b")) && readFileSync(join(dir, "b"), "utf8").endsWith("\n"), "the settings are told");
    assert.equal(readFileSync(join(dir, "b"), "utf8"), readFileSync(join(dir, "a"), "utf8"));
  });

  for (const [how, signal, status] of [
    ["is killed by SIGKILL", "KILL", /^137$/],
    ["gets SIGTERM", "TERM", /^143$/],
    ["gets SIGHUP", "HUP", /^129$/],
  ] as const) {
    test(`the terminal is as before, and the program gone, when contain exec ${how}`, { timeout: 300_000 }, async () => {
      const [before, now] = [join(dir, `before-${signal}`), join(dir, `now-${signal}`)];
      const script = `stty -g >${before}; sh -c 'echo $$ >${dir}/pid; exec contain exec -t ${id} -- sh -c "echo up; exec sleep 777"'; s=$?; until [ "$(stty -g)" = "$(cat ${before})" ]; do sleep 0.05; done; (stty -g; echo $s) >${now}.new; mv ${now}.new ${now}; sleep 60`;
      const t = openTerminal(script);
      await t.until(/^up$/m);
      const pid = Number(readFileSync(join(dir, "pid"), "utf8"));
      const below = descendants(pid);
      assert.ok(below.length >= 1);
      process.kill(pid, `SIG${signal}`);
      await eventually(() => existsSync(now), "it ends");
      const [attributes, code] = readFileSync(now, "utf8").split("\n");
      assert.equal(attributes, readFileSync(before, "utf8").trim());
      assert.match(code ?? "", status);
      await eventually(() => !below.some(isAlive), "all is gone");
    });
  }

  test("the terminal is closed: SIGHUP, and SIGKILL for one that ignores it when the grace window is over", {
    timeout: 300_000,
  }, async () => {
    const box = detached(["--grace", "1", "--", "sleep", "1000"]);
    for (const trap of ["", "trap : HUP TERM;"]) {
      const mark = `${300 + trap.length}.${process.pid}`;
      const t = openTerminal(`contain exec -t ${box} -- sh -c '${trap} echo up; while :; do sleep ${mark}; done'`);
      await t.until(/^up$/m);
      t.hangUp();
      await eventually(() => !run(["contain", "exec", box, "--", "ps", "ax"]).stdout.includes(`do sleep ${mark}`), "it is gone");
    }
  });

  test("the printed chain does the same", () => {
    const { stdout: script } = run(["contain", "exec", "-t", "--print-chain", id, "--", "sh", "-c", "tty; exit 6"]);
    const { status, stdout } = sh(script, { input: "" });
    assert.deepEqual([status, stdout], [6, "/dev/pts/0\r\n"]);
  });
});
