// cgset on this host, whatever it has: controllers on cgroup v2, on cgroup v1, or not at all. Where limits are enforced: vm/vm.test.ts.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { need } from "../helpers/need.ts";
import { scratch } from "../helpers/rootfs.ts";
import { bin, NOBODY, type Result, run, sh } from "../helpers/run.ts";
import { pause } from "../helpers/wait.ts";

const mountsOf = (type: string) =>
  readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" "))
    .filter((words) => words[words.indexOf("-") + 1] === type)
    .map((words) => ({ place: words[4] ?? "", superOptions: (words.at(-1) ?? "").split(",") }));

const [top = { place: "", superOptions: [] }] = mountsOf("cgroup2");
const read = (...path: string[]) => readFileSync(join(top.place, ...path), "utf8").trim();
const controllers = top.place === "" ? [] : read("cgroup.controllers").split(" ");

const dir = scratch("cgset");
const group = `contain-test-cgset-${process.pid}`;
const groupDir = join(top.place, group);

/** Runs cgset on a group of its own; whatever it does, the group is gone afterwards. */
function onNewGroup(words: readonly string[]): Result & { readonly existed: boolean } {
  const name = `${group}-new`;
  const result = run(["cgset", "--name", name, ...words]);
  const existed = existsSync(join(top.place, name));
  if (existed) rmdirSync(join(top.place, name));
  return { ...result, existed };
}

const LIMITS: readonly (readonly [controller: string, v1: string, words: readonly string[], written: string])[] = [
  ["memory", "memory", ["--memory", "64M"], "memory.max <- 67108864"],
  ["memory", "memory", ["--memory-high", "1.5K"], "memory.high <- 1536"],
  ["memory", "memory", ["--swap", "1G"], "memory.swap.max <- 1073741824"],
  ["memory", "memory", ["--oom-group"], "memory.oom.group <- 1"],
  ["cpu", "cpu", ["--cpu", "0.5"], "cpu.max <- 50000 100000"],
  ["cpu", "cpu", ["--cpu-weight", "10000"], "cpu.weight <- 10000"],
  ["cpuset", "cpuset", ["--cpuset", "0"], "cpuset.cpus <- 0"],
  ["pids", "pids", ["--pids", "64"], "pids.max <- 64"],
  ["pids", "pids", ["--set", "pids.max=7"], "pids.max <- 7"],
  ["io", "blkio", ["--set", "io.weight=10"], ""],
];

describe("limits", need("root"), () => {
  for (const [controller, nameOnV1, words, written] of LIMITS) {
    const v1 = mountsOf("cgroup").find(({ superOptions }) => superOptions.includes(nameOnV1));
    const option = words.join(" ");
    if (v1 !== undefined) {
      test(`${option} is refused: cgroup v1 holds the ${controller} controller here, and the message says where`, () => {
        const { status, stdout, stderr, existed } = onNewGroup(words);
        assert.equal(
          stderr,
          `cgset: the ${controller} controller is not on cgroup v2: a cgroup v1 hierarchy holds it, mounted at ${v1.place}\n` +
            "       a controller is in one hierarchy at a time (cgroups(7)). Boot with systemd.unified_cgroup_hierarchy=1 to move all of them to cgroup v2\n",
        );
        assert.deepEqual({ status, stdout, existed }, { status: 125, stdout: "", existed: false });
      });
    } else if (!controllers.includes(controller)) {
      test(`${option} is refused: this kernel's cgroup v2 has no ${controller} controller`, () => {
        const { status, stderr, existed } = onNewGroup(words);
        assert.match(stderr, new RegExp(`^cgset: the ${controller} controller is not available in ${top.place}\n.*lists: `));
        assert.deepEqual({ status, existed }, { status: 125, existed: false });
      });
    } else if (written !== "") {
      test(`${option} is written: cgroup v2 has the ${controller} controller here`, () => {
        const { status, stderr, existed } = onNewGroup(words);
        assert.ok(stderr.startsWith(`[cgset] ${written}\n`), stderr);
        assert.deepEqual({ status, existed }, { status: 0, existed: true });
      });
    }
  }

  const memoryOnV1 = mountsOf("cgroup").some(({ superOptions }) => superOptions.includes("memory"));
  if (memoryOnV1) {
    test("contain run with a limit is refused the same way here, before anything is made; without one it runs", () => {
      const { status, stderr } = run(["contain", "run", "--memory", "64M", "--", "/bin/echo", "never"]);
      assert.match(stderr, /^cgset: the memory controller is not on cgroup v2: .*\n.*systemd\.unified_cgroup_hierarchy=1/m);
      assert.doesNotMatch(stderr, /creating namespaces/);
      assert.equal(status, 125);
      const id = /contain-\w+/.exec(run(["contain", "run", "--print-chain", "--", "/bin/true"]).stdout)?.[0] ?? "none";
      assert.equal(existsSync(join(top.place, id)), false);
      assert.equal(run(["contain", "run", "--quiet", "--", "/bin/true"]).status, 0);
    });
  }
});

const WRONG: readonly (readonly [words: readonly string[], message: RegExp])[] = [
  [["--memory"], /^cgset: --memory needs a value: --memory SIZE$/m],
  [["--memory", ""], /^cgset: --memory was given an empty value$/m],
  [["--memory", "much"], /--memory: "much" is not a size\n.*64M, 1\.5G, 67108864/],
  [["--memory", "64X"], /"64X" is not a size/],
  [["--memory", "-5"], /"-5" is not a size/],
  [["--memory", "1e3"], /"1e3" is not a size/],
  [["--memory", "1.5"], /"1\.5" is not a size/],
  [["--memory", "64 M"], /"64 M" is not a size/],
  [["--memory", "Max"], /"Max" is not a size/],
  [["--memory", "99999999T"], /more than a 64-bit kernel can count/],
  [["--memory", "1M", "--memory", "2M"], /--memory was given twice/],
  [["--memory-high", "x"], /--memory-high: "x" is not a size/],
  [["--swap", "x"], /--swap: "x" is not a size/],
  [["--cpu", "abc"], /--cpu "abc" is not a CPU limit\n.*50%/],
  [["--cpu", "-1"], /"-1" is not a CPU limit/],
  [["--cpu", "50 %"], /"50 %" is not a CPU limit/],
  [["--cpu", "0"], /the quota would be 0 µs\n.*from 1000/],
  [["--cpu", "0.5%"], /the quota would be 500 µs/],
  [["--cpu", "999 100000"], /the quota would be 999 µs/],
  [["--cpu", "999999999999999999999"], /the quota would be 1e\+21 µs/],
  [["--cpu", "50000 999"], /the period is from 1000 to 1000000 µs/],
  [["--cpu", "max 1000001"], /the period is from 1000 to 1000000 µs/],
  [["--cpu-weight", "0"], /--cpu-weight: "0" is not a whole number from 1 to 10000/],
  [["--cpu-weight", "10001"], /"10001" is not a whole number from 1 to 10000/],
  [["--cpuset", "0-"], /--cpuset "0-" is not a list of CPUs\n.*0-2,4/],
  [["--pids", "-2"], /--pids: "-2" is not a whole number from 0 to 4194304/],
  [["--pids", "1.5"], /"1\.5" is not a whole number/],
  [["--pids", "4194305"], /"4194305" is not a whole number from 0 to 4194304/],
  [["--io", "8:0"], /--io "8:0": must be a block device and its limits: "8:0 rbps=1048576"/],
  [["--io", "8:0 speed=5"], /keys rbps, wbps, riops, wiops/],
  [["--io", "8:0 rbps=-5"], /--io "8:0 rbps=-5": must be/],
  [["--io", "/dev/null rbps=5"], /\/dev\/null is not a block device/],
  [["--io", "/no/such rbps=5"], /\/no\/such is not a block device/],
  [["--oom-group=yes"], /--oom-group takes no value/],
  [["--set", "memory.max"], /--set "memory\.max": must be FILE=VALUE/],
  [["--set", "../cgroup.procs=1"], /must be FILE=VALUE/],
  [["--set", "memory=1"], /must be FILE=VALUE/],
  [["--set", "cgroup.colour=red"], /cgroup\.colour: this kernel has no such file\n.*cgroup\.procs/],
  [["--freeze", "--thaw"], /--freeze and --thaw exclude each other/],
  [["--freeze", "--", "/bin/true"], /they do not go with PROG/],
  [["--freezer"], /unknown option --freezer\n.*did you mean --freeze\?/],
  [["--kill=9"], /--kill takes no value/],
  [["--parent", "no/such"], /no such group: --parent no\/such/],
  [["--parent", "../../.."], /no such group: --parent \.\.\/\.\.\/\.\./],
  [["--parent", "/proc"], /no such group: --parent \/proc/],
  [["--chain", "maybe"], /--chain maybe: must be call or exec/],
  [["--", "pid1", "--expect-exit", "256", "/bin/true"], /^pid1: --expect-exit: "256"/m],
  [["4194304"], /^cgset: no such process: 4194304$/m],
];

const NAMELESS: typeof WRONG = [
  [["--memory", "64M"], /^cgset: missing PID or program\n.*cgset \[limits\] PID/],
  [["--make"], /missing PID or program/],
  [["--freeze"], /missing group/],
  [["--rm"], /missing group/],
  [["--name", ".", "--make"], /--name \.: must be a name for a directory/],
  [["--name", "a//b", "--make"], /must be a name for a directory/],
  [["--name", "../x", "--make"], /must be a name for a directory/],
  [["--name", "/x", "--make"], /must be a name for a directory/],
  [["--name", "memory.max", "--make"], /the names of the kernel's own files/],
  [["--name", "x".repeat(256), "--make"], /must be a name for a directory/],
  [["--name", "contain-no-such/x", "--make"], /no such group: .*contain-no-such/],
  [["--name", "contain-no-such", "--rm"], /no such group: .*contain-no-such/],
  [["--name", "contain-no-such"], /no such group: .*contain-no-such/],
];

describe("wrong words change nothing", need("root"), () => {
  before(() => assert.equal(run(["cgset", "--name", group, "--make"]).status, 0));
  after(() => rmdirSync(groupDir));

  const refused = (argv: readonly string[], message: RegExp) => {
    const { status, stdout, stderr } = run(["cgset", ...argv]);
    assert.match(stderr, message);
    assert.doesNotMatch(stderr, /bug in|^ +at /m);
    assert.deepEqual({ status, stdout }, { status: 125, stdout: "" });
  };

  for (const [words, message] of WRONG) {
    test(`cgset ${words.join(" ")}`, () => {
      const first = words.some((word) => word.startsWith("cgroup.")) ? [] : ["--set", "cgroup.max.descendants=7"];
      refused(["--name", group, ...first, ...words], message);
      assert.equal(read(group, "cgroup.max.descendants"), "max");
      assert.equal(read(group, "cgroup.procs"), "");
    });
  }

  for (const [words, message] of NAMELESS) {
    test(`cgset ${words.join(" ").slice(0, 40)}`, () => refused(words, message));
  }
});

describe("groups without limits", need("root"), () => {
  test("made, filled, frozen, thawed, killed and removed", async () => {
    const child = spawn("sleep", ["1000"]);
    const ended = new Promise<string | null>((resolve) => child.on("exit", (_, signal) => resolve(signal)));
    const act = (...words: string[]) => {
      const { status, stderr } = run(["cgset", "--name", group, ...words]);
      assert.equal(status, 0, stderr);
    };
    try {
      act("--make");
      act("--make"); // a group that is there is no mistake
      act(`${child.pid}`);
      assert.equal(read(group, "cgroup.procs"), `${child.pid}`);
      act("--freeze");
      for (let tries = 0; tries < 100 && !/^frozen 1$/m.test(read(group, "cgroup.events")); tries++) await pause(20);
      assert.match(read(group, "cgroup.events"), /^frozen 1$/m);
      const shown = run(["cgset", "--name", group]).stdout;
      assert.ok(shown.startsWith(`${groupDir}\n`), shown);
      assert.match(shown, new RegExp(`^ {2}cgroup.freeze +1$[^]*^ {2}processes +${child.pid}$`, "m"));
      assert.equal(run(["cgset", `${child.pid}`]).stdout, run(["cgset", "--name", group]).stdout);
      act("--thaw");
      assert.match(read(group, "cgroup.events"), /^frozen 0$/m);
      const { status, stderr } = run(["cgset", "--name", group, "--rm"]);
      assert.equal(status, 125);
      assert.match(stderr, new RegExp(`EBUSY, processes are in it: PID ${child.pid} \\(\\w+\\)\n.*populated 0.*--kill --rm`));
      act("--kill", "--rm");
      assert.equal(await ended, "SIGKILL");
      assert.equal(existsSync(groupDir), false);
    } finally {
      child.kill("SIGKILL");
      await ended;
      if (existsSync(groupDir)) rmdirSync(groupDir);
    }
  });

  test("cgset -- PROG keeps its PID, is in the group, and passes the status on", () => {
    const { stdout, stderr } = sh(
      `cgset --name ${group} -- sh -c 'echo $$; tail -n 1 /proc/self/cgroup; exit 3' & echo $!; wait $!; echo $?`,
    );
    assert.equal(run(["cgset", "--name", group, "--rm"]).status, 0);
    const [pid, same, path, status] = stdout.split("\n");
    assert.deepEqual([same, path, status], [pid, `0::/${group}`, "3"]);
    assert.equal(stderr, `cgset: group ${groupDir} stays when the program has ended: \`cgset --name ${group} --rm\` removes it\n`);
  });

  test("a program that does not start leaves no group, but one that was there before stays", () => {
    for (const [words, status] of [
      [["no-such-program"], 127],
      [["/etc/passwd"], 126],
      [["nsexec", "--wd", "/no/such", "--", "true"], 125],
    ] as const) {
      const result = onNewGroup(["--", ...words]);
      assert.deepEqual([result.status, result.existed], [status, false], result.stderr);
      assert.match(result.stderr, /is removed again: the program did not start/);
    }
    assert.equal(run(["cgset", "--name", group, "--make"]).status, 0);
    assert.equal(run(["cgset", "--name", group, "--", "no-such-program"]).status, 127);
    assert.equal(existsSync(groupDir), true);
    assert.equal(run(["cgset", "--name", group, "--rm"]).status, 0);
    const plain = sh("exec cgset -- no-such-program");
    assert.equal(existsSync(/group (\S+) stays/.exec(plain.stderr)?.[1] ?? "/"), false, plain.stderr);
  });

  test("a group below another, by path and by --parent", () => {
    assert.equal(run(["cgset", "--name", group, "--make"]).status, 0);
    assert.equal(run(["cgset", "--name", `${group}/a`, "--make"]).status, 0);
    for (const parent of [group, `/${group}`, `${group}/`, groupDir, `${groupDir}/`]) {
      assert.equal(run(["cgset", "--parent", parent, "--name", "b", "--make"]).status, 0, parent);
      assert.ok(existsSync(join(groupDir, "b")), parent);
      rmdirSync(join(groupDir, "b"));
    }
    assert.equal(run(["cgset", "--name", group, "--rm"]).status, 0);
    assert.equal(existsSync(groupDir), false);
  });

  test("--set writes any file of the group, and reads it back", () => {
    const { status, stderr } = run(["cgset", "--name", group, "--set", "cgroup.max.depth=3", "--set", "cgroup.max.descendants=4"]);
    assert.deepEqual([read(group, "cgroup.max.depth"), read(group, "cgroup.max.descendants")], ["3", "4"]);
    rmdirSync(groupDir);
    assert.equal(stderr, "[cgset] cgroup.max.depth <- 3\n[cgset] cgroup.max.descendants <- 4\n");
    assert.equal(status, 0);
  });

  test("a value that the kernel refuses is told with its rule, and a group made for it is gone", () => {
    const { status, stderr, existed } = onNewGroup(["--set", "cgroup.max.depth=3", "--set", "cgroup.freeze=2"]);
    assert.match(stderr, /write\(".*cgroup\.freeze", "2"\): ERANGE .*\n +2 is out of range for cgroup\.freeze/);
    assert.deepEqual({ status, existed }, { status: 125, existed: false });
  });

  test("the root of the hierarchy is not frozen, killed or removed, nor anything below it", () => {
    assert.equal(run(["cgset", "--name", group, "--make"]).status, 0);
    // In a cgroup namespace of its own the group is that root.
    const script = `mount -t cgroup2 cgroup2 ${dir}; mkdir ${dir}/below
      for act in --freeze --kill --rm; do cgset $act $$; echo $?; done; rmdir ${dir}/below && echo there`;
    const { stdout, stderr } = sh(`echo $$ >${groupDir}/cgroup.procs && exec unshare --cgroup --mount sh -c '${script}'`);
    assert.equal(run(["cgset", "--name", group, "--kill", "--rm"]).status, 0);
    assert.equal(stdout, "125\n125\n125\nthere\n");
    assert.equal(stderr.split(`cgset: the root of the hierarchy cannot be frozen, killed or removed: ${dir}\n`).length, 4, stderr);
  });

  test("an ordinary user hears that the group is not his, and how to get one that is", () => {
    const { status, stderr } = run(["cgset", "--name", group, "--make"], NOBODY);
    assert.match(
      stderr,
      /^cgset: .*: this cgroup is not delegated to you: EACCES\n +.*`systemd-run --user --scope -p Delegate=yes contain …`/,
    );
    assert.equal(status, 125);
    assert.equal(existsSync(groupDir), false);
  });
});

describe("the cgroup2 mount is found in /proc/self/mountinfo", need("root", "unshare"), () => {
  const inMountNamespace = (script: string) =>
    run([
      "unshare",
      "--mount",
      "sh",
      "-euc",
      `PATH=${bin}:$PATH; for place in $(sed -n 's/^[^ ]* [^ ]* [^ ]* [^ ]* \\([^ ]*\\) .* - cgroup2 .*/\\1/p' /proc/self/mountinfo); do umount -l $place; done; ${script}`,
    ]);

  test("none: the message says how to mount one", () => {
    const { status, stderr } = inMountNamespace(`cgset --name ${group} --make`);
    assert.match(stderr, /^cgset: no cgroup2 file system is mounted\n.*`mount -t cgroup2 cgroup2 \/sys\/fs\/cgroup`/);
    assert.equal(status, 125);
  });

  test("mounted elsewhere: it is used there", () => {
    const { status, stdout, stderr } = inMountNamespace(
      `mount -t cgroup2 cgroup2 ${dir}; cgset --name ${group} --make; cgset --name ${group} | head -n 1; cgset --name ${group} --rm; ls -d ${dir}/${group} || true`,
    );
    assert.equal(stdout, `${join(dir, group)}\n`, stderr);
    assert.equal(status, 0);
  });
});
