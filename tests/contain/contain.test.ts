// contain run: what it says, what the program finds inside, how it ends.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { hierarchy } from "../helpers/group.ts";
import { need } from "../helpers/need.ts";
import { refusal } from "../helpers/refusal.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { isNative, type RunOptions, run, sh } from "../helpers/run.ts";
import { describeOnce } from "../helpers/second.ts";
import { start } from "../helpers/started.ts";

const dir = scratch("contain");
const rootfs = makeRootfs(dir);
const quiet = (words: readonly string[], more?: RunOptions) => run(["contain", "run", "--quiet", ...words], more);
const script = (text: string, options: readonly string[] = [], more?: RunOptions) => quiet([...options, "--", "/bin/sh", "-c", text], more);
/** The lines on standard error, without the report of what the container used, and without the verdict. */
const said = (stderr: string) => stderr.split("\n").filter((line) => line !== "" && !/^\[contain\] (it ran |verdict: | {2})/.test(line));

describe("contain run", need("root"), () => {
  const grouped = hierarchy !== undefined;
  const steps = (options: { limits?: string; end: string; command: string }) => [
    "[contain] confinement: none; root inside is root outside. --confine adds docker's rails.",
    ...(options.limits === undefined ? [] : [`[contain] applying cgroup limits: ${options.limits}`]),
    "[contain] creating namespaces: pid uts mnt ipc cgroup",
    "[contain] setting hostname: box",
    `[contain] setting up rootfs: ${rootfs}`,
    "[contain] mounting /proc",
    "[contain] pivoting root",
    `[contain] running: ${options.command}`,
    `[contain] container exited: ${options.end}`,
    ...(grouped ? ["[contain] cleaning up cgroups"] : []),
  ];
  const common = ["contain", "run", "--rootfs", rootfs, "--hostname", "box"];

  test("says each step as it is taken", () => {
    const { status, stderr, stdout } = run([...common, "--", "/bin/sh", "-c", "echo 'it runs'; exit 3"]);
    assert.deepEqual(said(stderr), steps({ command: "/bin/sh -c 'echo '\\''it runs'\\''; exit 3'", end: "exit status 3" }));
    assert.equal(stdout, "it runs\n");
    assert.equal(status, 3);
  });

  test("says the limits first", { ...(grouped ? {} : { skip: "needs cgroup v2" }) }, () => {
    const { stderr } = run([...common, "--set", "cgroup.max.descendants=7", "--", "/bin/true"]);
    const expected = steps({ limits: "set=cgroup.max.descendants=7", command: "/bin/true", end: "exit status 0" });
    assert.deepEqual(said(stderr), expected);
  });

  test("--quiet says none of it; failures are still told", () => {
    assert.equal(quiet(["/bin/true"]).stderr, "");
    assert.equal(quiet(["--init", "--rootfs", rootfs, "/bin/true"]).stderr, "");
    assert.match(quiet(["/none"]).stderr, /^pivot: "\/none": no such file inside the rootfs \/\n/);
  });

  test("a wrong program costs three lines at most, and one with --quiet: with --init, --confine and detached too", () => {
    for (const words of [[], ["--init"], ["--confine"], ["-d"], ["-d", "--init"]]) {
      const { status, stderr } = run(["contain", "run", "--rootfs", rootfs, ...words, "--", "nosuch"]);
      assert.equal(status, 127);
      const [, after = ""] = stderr.split("[contain] running: nosuch\n");
      assert.match(
        after,
        /^\w+: nosuch: not found in PATH inside the rootfs .*\n\[contain\] container did not start: .*\n(\[contain\] cleaning up cgroups\n)?$/,
      );
      assert.match(quiet([...words, "--rootfs", rootfs, "nosuch"]).stderr, /^\w+: nosuch: not found in PATH .*\n$/);
    }
  });

  test("a program that does not start, or is killed, is told as that", () => {
    const missing = run([...common, "--", "none"]);
    assert.equal(missing.status, 127);
    assert.ok(missing.stderr.includes("[contain] container did not start: pivot failed (exit status 127)\n"), missing.stderr);
    const own = run([...common, "--", "/bin/sh", "-c", "exit 127"]);
    assert.equal(own.status, 127);
    assert.ok(own.stderr.includes("[contain] container exited: exit status 127\n"), own.stderr);
    const killed = run([...common, "--init", "--", "/bin/sh", "-c", "kill -9 $$"]);
    assert.equal(killed.status, 137);
  });

  test("inside: PID 1, its own host name, cgroup, processes, and an environment of four variables", () => {
    const { stdout } = script(
      "echo $$; hostname; tail -n 1 /proc/self/cgroup; ls -d /proc/[0-9]* | wc -l; tr '\\0' '\\n' </proc/1/environ | cut -d= -f1 | sort | tr '\\n' ' '; echo $PATH $HOME $HOSTNAME; pwd; id -u",
      [],
      { env: { SECRET: "canary", TERM: "dumb" } },
    );
    const [pid, host, group, count, names, values, ...rest] = stdout
      .replace("HOME HOSTNAME PATH TERM ", "HOME HOSTNAME PATH TERM\n")
      .split("\n");
    assert.deepEqual([pid, host, names], ["1", "sandbox", "HOME HOSTNAME PATH TERM"]);
    if (grouped) assert.equal(group, "0::/");
    assert.ok(Number(count) < 4, stdout);
    assert.equal(values, "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin /root sandbox");
    assert.deepEqual(rest, ["/", "0", ""]);
    assert.equal(script("echo $TERM", [], { env: { TERM: "dumb" } }).stdout, "dumb\n");
    assert.equal(script("echo $TERM", [], { env: { TERM: undefined } }).stdout, "xterm\n");
  });

  test("the host's environment and command line cannot be read from inside, with and without --init", () => {
    for (const options of [[], ["--init"]]) {
      const { stdout } = script("cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline | tr '\\0' '\\n'", options, {
        env: { SECRET: "canary-7391" },
      });
      assert.doesNotMatch(stdout, /canary-7391/);
      assert.match(stdout, /HOSTNAME=sandbox/);
      assert.doesNotMatch(stdout, /contain\.cjs/);
    }
  });

  for (const [what, options, text, output] of [
    ["--env, repeated, the last one wins", ["--env", "A=1", "-e", "B=x y=z", "--env=A=2"], 'echo "$A|$B"', "2|x y=z\n"],
    ["--workdir", ["--workdir", "/usr/bin"], "pwd", "/usr/bin\n"],
    ["--hostname", ["--hostname", "a-name"], "hostname; echo $HOSTNAME", "a-name\na-name\n"],
    ["--init: pid1 is PID 1", ["--init"], "echo $$; cat /proc/1/comm", "2\npid1\n"],
    ["--rootfs: that directory", ["--rootfs", rootfs], "cat /etc/passwd | wc -l; ls / | grep -c boot", "2\n0\n"],
    ["--rootfs: read-only", ["--rootfs", rootfs], "touch /tmp/x 2>/dev/null || echo ro", "ro\n"],
    ["--rw: writable", ["--rootfs", rootfs, "--rw"], "touch /tmp/x && rm /tmp/x && echo rw", "rw\n"],
    ["without --rootfs: the host's /, read-only", [], `cat ${dir}/note; touch ${dir}/new 2>/dev/null || echo ro`, "of the host\nro\n"],
  ] as const) {
    writeFileSync(join(dir, "note"), "of the host\n");
    test(what, () => {
      const { stdout, stderr } = script(text, options);
      assert.equal(stderr, "");
      assert.equal(stdout, output);
    });
  }

  test("standard input comes through, whole", () => {
    assert.equal(quiet(["/bin/cat"], { input: "in\n" }).stdout, "in\n");
    const big = "0123456789abcdef".repeat(100_000);
    assert.equal(quiet(["--init", "--rootfs", rootfs, "/bin/cat"], { input: big }).stdout, big);
  });

  for (const status of [0, 1, 2, 3, 7, 42, 64, 99, 100, 124, 125, 126, 127, 128, 129, 130, 137, 143, 200, 254, 255]) {
    test(`exit status ${status} is passed on`, () => {
      assert.equal(script(`exit ${status}`, status % 2 ? ["--init"] : []).status, status);
    });
  }

  for (const [signal, number] of [
    ["HUP", 1],
    ["INT", 2],
    ["ABRT", 6],
    ["KILL", 9],
    ["SEGV", 11],
    ["TERM", 15],
    ["RTMIN", 34],
  ] as const) {
    test(`killed by ${signal}: exit status ${128 + number}`, () => {
      assert.equal(script(`kill -${number} $$; sleep 5`, ["--init"]).status, 128 + number);
    });
  }

  test("PID 1 killed from outside: 137, and told", async () => {
    const run = start("exec contain run -- /bin/sh -c 'echo ready; exec sleep 60'");
    await run.shows("ready");
    sh(`kill -9 $(pgrep -P ${run.child.pid})`);
    assert.equal(await run.ended, 137);
    assert.match(run.output().stderr, /container exited: killed by SIGKILL \(exit status 137\)/);
  });
});

describe("contain run: signals", need("root"), () => {
  const SIGNALS = ["TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "ALRM", "WINCH", "CONT", "PIPE"] as const;
  for (const options of ["", "--init"]) {
    test(`are forwarded: ${SIGNALS.join(" ")} ${options}`, async () => {
      const traps = SIGNALS.map((name) => `trap "echo got-${name}" ${name}`).join("; ");
      const run = start(
        `exec contain run -q ${options} -- /bin/sh -c '${traps}; trap "exit 42" PROF; echo ready; while :; do sleep 0.05; done'`,
      );
      await run.shows("ready");
      for (const name of SIGNALS) {
        run.child.kill(`SIG${name}`);
        await run.shows(`got-${name}`);
      }
      run.child.kill("SIGPROF");
      assert.equal(await run.ended, 42);
    });
  }

  test("the supervisor forwards SIGTERM though its parent ignored it, and the program starts with none ignored", async () => {
    const run = start(
      `trap "" TERM INT HUP; exec contain run -q --init -- /bin/sh -c 'grep SigIgn /proc/self/status; echo ready; exec sleep 60'`,
    );
    await run.shows("ready");
    assert.match(run.output().stdout, /^SigIgn:\t0{16}\n/);
    run.child.kill("SIGTERM");
    assert.equal(await run.ended, 143);
  });

  test("a container that is stopped and continued goes on", async () => {
    const run = start("exec contain run -q --init -- /bin/sh -c 'echo ready; sleep 1; exit 6'");
    await run.shows("ready");
    const [child] = sh(`pgrep -P ${run.child.pid}`).stdout.trim().split("\n");
    sh(`kill -STOP ${child}; sleep 0.2; kill -CONT ${child}`);
    assert.equal(await run.ended, 6);
  });
});

describeOnce("contain run: --print-chain", need("root"), () => {
  for (const [words, status, output] of [
    [["/bin/sh", "-c", "echo $$ $(hostname) $HOME; exit 7"], 7, "1 sandbox /root\n"],
    [
      ["--init", "--hostname", "h", "--env", 'A=it\'s a "b" $c\n d', "--", "/bin/sh", "-c", 'echo "$$ $(hostname) $A"; exit 8'],
      8,
      '2 h it\'s a "b" $c\n d\n',
    ],
    [["--rootfs", rootfs, "--rw", "--workdir", "/tmp", "--", "/bin/sh", "-c", "pwd; kill -9 $$; exit 1"], 1, "/tmp\n"],
    [["--init", "--rootfs", rootfs, "--", "/bin/sh", "-c", "kill -15 $$"], 143, ""],
    [["--rootfs", rootfs, "--", "none"], 127, ""],
    ...(hierarchy === undefined
      ? []
      : [[["--set", "cgroup.max.descendants=7", "--", "/bin/sh", "-c", "tail -n 1 /proc/self/cgroup"], 0, "0::/\n"]]),
  ] as [string[], number, string][]) {
    test(`pasted into sh it does the same: ${words.filter((word) => !word.startsWith(dir)).join(" ")}`, () => {
      const direct = quiet(words);
      const printed = run(["contain", "run", "--print-chain", ...words]);
      assert.equal(printed.status, 0);
      assert.equal(printed.stderr, "");
      const pasted = sh(printed.stdout, { env: { PATH: process.env["PATH"] } });
      assert.equal(direct.stdout, output);
      assert.deepEqual([pasted.status, pasted.stdout], [direct.status, direct.stdout], pasted.stderr);
      assert.equal(direct.status, status);
    });
  }

  test("it runs nothing", () => {
    const { stdout, stderr } = run(["contain", "run", "--trace", "--print-chain", "--rootfs", rootfs, "--", "/bin/true"]);
    assert.match(stdout, /nsexec .*--pid .* -- pivot --no-unshare .* -- \/bin\/true$/m);
    assert.doesNotMatch(stderr, /clone3|unshare|mkdir|mount/);
  });
});

describeOnce("contain run: wrong words are refused before anything is done", need("root"), () => {
  for (const [words, message] of [
    [[], /^contain: missing program\n +\[options\] \[--\] PROG \[ARG…\]\n$/],
    [["--"], /^contain: missing program/],
    [["--rootf", rootfs, "/bin/true"], /^contain: unknown option --rootf\n +did you mean --rootfs\?\n$/],
    [["--rootfs"], /^contain: --rootfs needs a value: --rootfs DIR\n/],
    [["--rootfs", "", "/bin/true"], /^contain: --rootfs was given an empty value\n/],
    [["--rootfs", join(dir, "none"), "/bin/true"], /^pivot: ROOTFS .*\/none: no such directory\n/],
    [["--rootfs", join(dir, "note"), "/bin/true"], /^pivot: ROOTFS .*\/note: not a directory\n/],
    [["--rootfs", "/", "--rootfs", "/", "/bin/true"], /^contain: --rootfs was given twice\n/],
    [["--env", "=A", "/bin/true"], /--env "=A": must be NAME=VALUE, or NAME for the caller's value\n/],
    [["--workdir", "tmp", "/bin/true"], /(--workdir|--cwd) tmp: must be a path inside the root that starts with \/\n/],
    [["--hostname", "h".repeat(65), "/bin/true"], /--hostname h+: it has 65 bytes\n/],
    [["--memory", "64X", "/bin/true"], /--memory: "64X" is not a size\n/],
    [["--pids", "-2", "/bin/true"], /--pids: "-2" is not a whole number/],
    [["--cpu", "many", "/bin/true"], /--cpu/],
    [["--quiet=1", "/bin/true"], /^contain: --quiet takes no value\n/],
    [["--chain", "fork", "/bin/true"], /^contain: --chain fork: must be call or exec\n/],
  ] as const) {
    test(`contain run ${words.join(" ").replaceAll(dir, "").replace(/h{9,}/, "h…")}`, () => {
      assert.match(refusal(["contain", "run", ...words]), message);
    });
  }

  test("no such command, no command", () => {
    const UNKNOWN = [
      [["runn"], /^contain: unknown command: runn\n +did you mean run\?\n$/],
      [["xyzzy"], /^contain: unknown command: xyzzy\n +the commands are run, /],
      [[], /^contain: missing command\n +the commands are run, /],
    ] as const;
    for (const [words, message] of UNKNOWN) {
      const { status, stderr } = run(["contain", ...words]);
      assert.equal(status, 125);
      assert.match(stderr, message);
    }
  });

  test("a working directory that is missing inside", () => {
    const { status, stderr } = quiet(["--rootfs", rootfs, "--workdir", "/none", "/bin/true"]);
    assert.match(stderr, /^pivot: --cwd \/none: no such directory inside the root\n$/);
    assert.equal(status, 125);
  });
});

describe("contain run: odd surroundings", need("root"), () => {
  test("closed standard input, output and error stay closed", () => {
    const { stdout, status } = sh(`
      contain run -q -- /bin/sh -c 'ls -l /proc/self/fd' <&-; contain run -q --init --rootfs ${rootfs} -- /bin/sh -c '[ -e /proc/self/fd/0 ] || echo closed' <&-
      contain run -q -- /bin/sh -c 'exit 4' <&- >&- 2>&-`);
    assert.equal(status, 4);
    assert.match(stdout, /\nclosed\n$/);
  });

  test("standard output that nobody reads: the program gets its SIGPIPE, the container is cleaned up", () => {
    // Not as PID 1, to which the kernel sends no SIGPIPE that it does not handle.
    const { stderr } = sh("{ contain run --init -- /bin/sh -c 'sleep 0.3; exec /bin/echo x'; echo status $? >&2; } | true");
    assert.match(stderr, /container exited: exit status 141\n(\[contain\] .*\n)*status 141\n$/);
  });

  test("standard error that nobody reads changes nothing", () => {
    const { stdout } = sh("{ { contain run -- /bin/sh -c 'sleep 0.3; exit 5'; echo status $? >&3; } 2>&1 | true; } 3>&1");
    assert.equal(stdout, "status 5\n");
    assert.equal(sh("contain run -- /bin/sh -c 'exit 6' 2>/dev/full").status, 6);
  });

  test("from a working directory that has been removed", () => {
    mkdirSync(join(dir, "gone"));
    const { stdout, status } = sh(
      `cd ${dir}/gone && rmdir ../gone && contain run -q -- /bin/pwd && contain run -q --rootfs ${rootfs} -- /bin/pwd`,
    );
    assert.equal(stdout, "/\n/\n");
    assert.equal(status, 0);
  });

  test("umask and niceness are passed on", () => {
    assert.equal(sh("umask 027; nice -n 5 contain run -q -- /bin/sh -c 'umask; nice'").stdout, "0027\n5\n");
  });

  test("without a node on PATH: the native programs need none, the others say what to do", () => {
    const { status, stderr } = sh(`mkdir ${dir}/bin; for p in sh readlink; do ln -s $(command -v $p) ${dir}/bin/$p; done
      tools=$(dirname $(command -v contain)); env -i PATH=${dir}/bin $tools/contain run -q -- /bin/true`);
    assert.match(stderr, isNative ? /^$/ : /^contain: missing program: node is not on PATH \(.*\)\n +under sudo: sudo env PATH=/);
    assert.equal(status, isNative ? 0 : 125);
  });
});
