// contain-oci: the life of a container, command by command, and what is said when something is wrong.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { need } from "../helpers/need.ts";
import { bin, run } from "../helpers/run.ts";
import { describeOnce } from "../helpers/second.ts";
import { eventually } from "../helpers/wait.ts";
import { bundles, PATH } from "./bundle.ts";

const { oci, ociWith, bundle, leftOf, dir, rootfs, states } = bundles("oci-life");
const statusOf = (id: string) => (JSON.parse(oci("state", id).stdout) as { status: string }).status;
const SLEEPER = ["/bin/sleep", "1000"];

/** A container that runs until the test has ended. */
function started(t: { after: (act: () => void) => void }, id: string, script: string | readonly string[] = SLEEPER, change = {}): void {
  t.after(() => void oci("delete", "--force", id));
  const made = oci("create", "--bundle", bundle(script, change), id);
  assert.equal(made.status, 0, made.stderr);
  assert.equal(oci("start", id).status, 0);
}

describe("contain-oci: a life", need("root"), () => {
  test("created, running, stopped, gone", async () => {
    const told = join(dir, "told");
    mkdirSync(told);
    const mounts = [{ destination: "/told", type: "bind", source: told, options: ["bind"] }];
    const folder = bundle("echo ran >/told/file; read x </told/fifo; exit 3", { mounts });
    run(["mkfifo", join(told, "fifo")]);

    const pidFile = join(dir, "pid");
    const made = oci("create", "--bundle", folder, "--pid-file", pidFile, "life");
    assert.deepEqual([made.status, made.stdout, made.stderr], [0, "", ""]);
    const state = JSON.parse(oci("state", "life").stdout) as { status: string; pid: number; bundle: string; ociVersion: string };
    assert.deepEqual([state.status, state.bundle, state.ociVersion], ["created", folder, "1.3.0"]);
    assert.equal(readFileSync(pidFile, "utf8"), `${state.pid}`);
    assert.equal(existsSync(join(told, "file")), false, "it waits");
    assert.match(oci("create", "--bundle", folder, "life").stderr, /container with given ID already exists: life/);

    assert.equal(oci("start", "life").status, 0);
    await eventually(() => existsSync(join(told, "file")) && readFileSync(join(told, "file"), "utf8") === "ran\n");
    assert.equal(statusOf("life"), "running");
    assert.match(oci("start", "life").stderr, /cannot start a container in the running state: life/);
    const refused = oci("delete", "life");
    assert.deepEqual([refused.status, refused.stderr], [1, "contain-oci: cannot delete container life that is not stopped: running\n"]);

    writeFileSync(join(told, "fifo"), "go\n");
    await eventually(() => statusOf("life") === "stopped");
    assert.equal(oci("kill", "life").stderr, "contain-oci: container not running\n");
    assert.deepEqual([oci("delete", "life").status, leftOf("life")], [0, []]);
    assert.equal(oci("state", "life").stderr, "contain-oci: container does not exist\n");
  });

  test("a group with processes of somebody else is left alone", (t) => {
    started(t, "first");
    const { group } = JSON.parse(readFileSync(join(states, "first/state.json"), "utf8")) as { group: string };
    const cgroupsPath = group.slice(group.indexOf("/contain-test"));
    const { status, stderr } = oci("create", "--bundle", bundle(SLEEPER, { linux: { cgroupsPath } }), "second");
    assert.equal(status, 1);
    assert.match(stderr, /linux\.cgroupsPath: .* already has other processes in it: PID \d+/);
    assert.equal(statusOf("first"), "running");
    assert.equal(existsSync(join(states, "second")), false);
  });

  test("run ends with the program's status and leaves nothing", () => {
    const { status, stdout, stderr } = oci("run", "--bundle", bundle("echo out; echo err >&2; exit 7"), "run1");
    assert.deepEqual([status, stdout, stderr], [7, "out\n", "err\n"]);
    assert.equal(oci("run", "--bundle", bundle("kill -9 $$"), "run2").status, 0, "PID 1 is spared its own SIGKILL");
    assert.deepEqual(leftOf("run1"), []);
  });

  test("what is created can be deleted, and --force ends what runs", () => {
    oci("create", "--bundle", bundle(SLEEPER), "made");
    assert.deepEqual([oci("delete", "made").status, leftOf("made")], [0, []]);
    oci("run", "--detach", "--bundle", bundle(SLEEPER), "runs");
    assert.equal(statusOf("runs"), "running");
    assert.deepEqual([oci("delete", "--force", "runs").status, leftOf("runs")], [0, []]);
  });

  test("an unknown one: delete --force is content, the others are not", () => {
    assert.equal(oci("delete", "--force", "nobody").status, 0);
    for (const command of ["state", "start", "kill", "delete", "ps", "pause"])
      assert.deepEqual(
        [oci(command, "nobody").status, oci(command, "nobody").stderr],
        [1, "contain-oci: container does not exist\n"],
        command,
      );
    assert.equal(oci("exec", "nobody", "true").status, 255);
  });

  for (const id of ["a/b", "..", ".", "", "a b", "x".repeat(256)]) {
    test(`the id ${JSON.stringify(id.slice(0, 9))} is refused`, () => {
      const { status, stderr } = oci("create", "--bundle", bundle(SLEEPER), id);
      assert.equal(status, 1);
      assert.match(stderr, /^contain-oci: invalid id format: /);
    });
  }
});

describe("contain-oci: a program that cannot start fails at create, in the words of runc", need("root"), () => {
  for (const [args, text] of [
    [["/nope"], 'exec: "/nope": stat /nope: no such file or directory'],
    [["nope"], 'exec: "nope": executable file not found in $PATH'],
    [["/etc"], 'exec: "/etc": permission denied'],
  ] as const) {
    test(args[0], () => {
      const log = join(dir, `log-${args[0].replace("/", "slash-")}`);
      const { status, stdout, stderr } = oci("--log", log, "--log-format", "json", "create", "--bundle", bundle(args), "bad");
      assert.equal(status, 1);
      assert.equal(stdout, "");
      const { level, msg, time } = JSON.parse(readFileSync(log, "utf8")) as Record<string, string>;
      assert.equal(level, "error");
      assert.ok(msg?.includes(text), msg);
      assert.ok(Number.isFinite(Date.parse(time ?? "")));
      assert.equal(stderr, `${msg}\n`);
      assert.deepEqual(leftOf("bad"), []);
    });
  }

  test("so do a root that is not there, a hook that fails, a namespace that is not there", () => {
    for (const [change, message] of [
      [{ root: { path: "/nowhere" } }, /root\.path: \/nowhere: it does not exist/],
      [{ hooks: { createRuntime: [{ path: "/bin/false" }] } }, /error running createRuntime hook #0: \/bin\/false: exit status 1/],
      [
        { hooks: { prestart: [{ path: "/bin/sleep", args: ["sleep", "100"], timeout: 1 }] } },
        /prestart hook #0: .*it took longer than 1 s/,
      ],
      [{ linux: { namespaces: [{ type: "mount" }, { type: "network", path: "/nowhere" }] } }, /\/nowhere/],
      [{ linux: { sysctl: { "kernel.panic": "1" } } }, /kernel\.panic/],
      [{ linux: { seccomp: { defaultAction: "SCMP_ACT_NOPE" } } }, /SCMP_ACT_NOPE/],
    ] as const) {
      const { status, stderr } = oci("create", "--bundle", bundle(SLEEPER, change), "bad");
      assert.equal(status, 1, stderr);
      assert.match(stderr, message);
      assert.doesNotMatch(stderr, /this is a bug/);
      assert.deepEqual(leftOf("bad"), []);
    }
  });
});

describe("contain-oci: what the program finds", need("root"), () => {
  test("its environment is the configuration's alone, its descriptors are 0 to 2, it is PID 1", () => {
    const { stdout } = ociWith(
      { env: { SECRET: "x" } },
      "run",
      "--bundle",
      bundle("env | sort; ls /proc/self/fd | wc -l; echo $$"),
      "finds",
    );
    assert.match(stdout, new RegExp(`^HOME=/root\n${PATH}\nPWD=/\n(SHLVL=\\d\n)?(_=.*\n)?4\n1\n$`));
  });

  test("capabilities, limits, user, umask, working directory, host name", () => {
    const process = {
      cwd: "/made/here",
      user: { uid: 7, gid: 8, additionalGids: [9, 10], umask: 0o27 },
      rlimits: [{ type: "RLIMIT_NOFILE", soft: 99, hard: 100 }],
      capabilities: {
        bounding: ["CAP_KILL"],
        permitted: ["CAP_KILL"],
        effective: ["CAP_KILL"],
        inheritable: ["CAP_KILL"],
        ambient: ["CAP_KILL"],
      },
      noNewPrivileges: true,
    };
    const script = "pwd; id -u; id -g; umask; ulimit -n; hostname; grep -E '^(Groups|Cap|NoNew)' /proc/self/status";
    const { stdout, stderr } = oci("run", "--bundle", bundle(script, { process, hostname: "tested" }), "props");
    const caps = ["Inh", "Prm", "Eff", "Bnd", "Amb"].map((set) => `Cap${set}:\t0000000000000020\n`).join("");
    assert.equal(stdout, `/made/here\n7\n8\n0027\n99\ntested\nGroups:\t9 10 \n${caps}NoNewPrivs:\t1\n`, stderr);
  });

  test("the printed chain does the same", () => {
    const folder = bundle("echo printed; exit 4");
    const script = oci("--print-chain", "create", "--bundle", folder, "printed").stdout;
    assert.match(script, /^#!\/bin\/sh\n/);
    const { status, stdout, stderr } = run(["/bin/sh", "-c", script]);
    assert.deepEqual([status, stdout], [4, "printed\n"], stderr);
    assert.deepEqual(leftOf("printed"), []);
  });

  test("hooks run in order, each with the state", (t) => {
    const file = join(dir, "hooks");
    const hook = (name: string) => ({ path: "/bin/sh", args: ["sh", "-c", `echo ${name} $(cat) >>${file}`], env: [PATH] });
    const kinds = ["prestart", "createRuntime", "poststart", "poststop"];
    const hooks = Object.fromEntries(kinds.map((kind) => [kind, [hook(kind)]]));
    started(t, "hooked", SLEEPER, { hooks, annotations: { a: "b" } });
    oci("delete", "--force", "hooked");
    const lines = readFileSync(file, "utf8").trim().split("\n");
    assert.deepEqual(
      lines.map((line) => line.split(" ")[0]),
      kinds,
    );
    assert.deepEqual(
      lines.map((line) => (JSON.parse(line.slice(line.indexOf(" "))) as { status: string }).status),
      ["creating", "creating", "running", "stopped"],
    );
    assert.match(lines[0] ?? "", /"pid":[1-9].*"annotations":\{"a":"b"\}/);
  });
});

describe("contain-oci: in a container that runs", need("root"), () => {
  test("exec: status, user, environment, a program that is not there, and one that is left behind", async (t) => {
    started(t, "has", SLEEPER, { process: { env: [PATH, "A=1"] } });
    const inside = oci("exec", "--user", "5:6", "--cwd", "/tmp", "--env", "B=2", "has", "/bin/sh", "-c", "id -u; pwd; echo $A$B; exit 9");
    assert.deepEqual([inside.status, inside.stdout, inside.stderr], [9, "5\n/tmp\n12\n", ""]);
    const missing = oci("exec", "has", "/nope");
    assert.equal(missing.status, 255);
    assert.match(missing.stderr, /exec: "\/nope": stat \/nope: no such file or directory/);
    const file = join(dir, "process.json");
    writeFileSync(file, JSON.stringify({ cwd: "/", args: SLEEPER, env: [PATH], user: { uid: 3, gid: 3 }, capabilities: {} }));
    const pidFile = join(dir, "exec-pid");
    assert.equal(oci("exec", "--detach", "--process", file, "--pid-file", pidFile, "has").status, 0);
    const pid = readFileSync(pidFile, "utf8");
    assert.ok((JSON.parse(oci("ps", "--format", "json", "has").stdout) as number[]).includes(Number(pid)));
    assert.match(oci("ps", "has").stdout, /^UID +PID[^\n]*\n(?:.*sleep 1000\n){2}$/);
    assert.equal(oci("kill", "--all", "has", "9").status, 0);
    await eventually(() => statusOf("has") === "stopped");
  });

  test("exec ends with a program that ends at once, every time", (t) => {
    started(t, "quick");
    for (let n = 0; n < 10; n++) assert.equal(oci("exec", "quick", "/bin/sh", "-c", `exit ${n}`).status, n);
  });

  test("pause and resume, kill by number and by name, events, list", async (t) => {
    started(t, "acts", "trap 'exit 5' USR1; while :; do sleep 0.05; done");
    assert.equal(oci("pause", "acts").status, 0);
    assert.equal(statusOf("acts"), "paused");
    assert.match(oci("exec", "acts", "true").stderr, /cannot exec in a paused container/);
    assert.equal(oci("resume", "acts").status, 0);
    assert.equal(statusOf("acts"), "running");
    const { data } = JSON.parse(oci("events", "--stats", "acts").stdout) as { data: { cpu: { usage: { total: number } } } };
    assert.ok(data.cpu.usage.total > 0);
    assert.match(oci("list").stdout, /^ID +PID +STATUS[^\n]*\nacts +\d+ +running /m);
    assert.equal((JSON.parse(oci("list", "--format", "json").stdout) as { id: string }[])[0]?.id, "acts");
    assert.equal(oci("kill", "acts", "NOPE").stderr, "contain-oci: unknown signal: NOPE\n");
    assert.equal(oci("kill", "acts", "10").status, 0);
    await eventually(() => statusOf("acts") === "stopped");
  });
});

describeOnce("contain-oci: the command line", () => {
  test("--help names every command; a command's --help its options, unless it is a program's", () => {
    const { status, stdout } = run(["contain-oci", "--help"]);
    assert.equal(status, 0);
    for (const [, name = ""] of stdout.matchAll(/^ {2}(\S+) +\S/gm)) {
      const own = run(["contain-oci", name, "--help"]);
      assert.deepEqual([own.status, own.stdout.startsWith(`Usage: contain-oci ${name}`), own.stderr], [0, true, ""], name);
    }
    assert.match(stdout, /^ {2}start +let the program go$/m);
    assert.match(run(["contain-oci", "exec", "none", "ps", "--help"]).stderr, /does not exist/);
  });

  for (const [words, message] of [
    [["nope"], /unknown command: nope: the commands are create, start/],
    [["--nope", "list"], /unknown option: --nope/],
    [["state"], /missing container ID/],
    [["state", "a", "b"], /unexpected argument: b/],
    [["list", "a"], /unexpected argument: a/],
    [["create", "--bundle"], /--bundle: missing value/],
    [["create", "--bundle", "/nowhere", "x"], /\/nowhere\/config\.json cannot be read/],
    [["create", "--no-pivot", "x"], /--no-pivot is not needed/],
    [["--cgroup-manager", "x", "list"], /--cgroup-manager x: must be cgroupfs, systemd or disabled/],
    [["checkpoint", "x"], /checkpoint is not supported/],
    [["restore", "x"], /restore is not supported/],
  ] as const) {
    test(words.join(" "), () => {
      const { status, stdout, stderr } = oci(...words);
      assert.deepEqual([status, stdout], [1, ""]);
      assert.match(stderr, message);
      assert.match(stderr, /^contain-oci: [^\n]*\n$/);
    });
  }

  test("--version names the specification; features is JSON; spec is a configuration that it can read", () => {
    assert.match(oci("--version").stdout, /^contain-oci version \S+\nspec: 1\.3\.0\n$/);
    assert.equal((JSON.parse(oci("features").stdout) as { ociVersionMax: string }).ociVersionMax, "1.3.0");
    assert.equal(ociWith({ cwd: dir }, "spec").status, 0);
    assert.match(oci("--print-chain", "create", "--bundle", dir, "x").stdout, /confine/);
    assert.match(ociWith({ cwd: dir }, "spec").stderr, /config\.json exists: remove it first/);
  });

  test("state, start, kill and delete load neither the tools nor koffi", need("strace"), () => {
    for (const words of [["state", "x"], ["kill", "x"], ["delete", "--force", "x"], ["--version"]]) {
      const trace = join(dir, "trace");
      run(["strace", "-f", "-qq", "-e", "trace=openat,open", "-o", trace, `${bin}/contain-oci`, "--root", states, ...words]);
      assert.doesNotMatch(readFileSync(trace, "utf8"), /koffi|oci\.js|tools\.js/);
    }
    assert.ok(existsSync(rootfs));
  });
});
