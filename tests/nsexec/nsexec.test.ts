// nsexec: what it keeps, joins, sets up and refuses. What a program finds inside is compared in differential.test.ts.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmdirSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { steadyMounts } from "../helpers/leftovers.ts";
import { need } from "../helpers/need.ts";
import { childOf, isAlive, stat, withWord } from "../helpers/proc.ts";
import { refusal } from "../helpers/refusal.ts";
import { scratch } from "../helpers/rootfs.ts";
import { bin, NOBODY, root, run, sh } from "../helpers/run.ts";
import { describeOnce } from "../helpers/second.ts";
import { eventually, pause } from "../helpers/wait.ts";

const dir = scratch("nsexec");
const nsexec = join(bin, "nsexec");
const LETTERS = { m: "mnt", u: "uts", i: "ipc", n: "net", p: "pid", C: "cgroup", T: "time", U: "user" } as const;
const ns = (kind: string, pid: number | "self" = "self") => readlinkSync(`/proc/${pid}/ns/${kind}`);

/** Where the first file system of a type is mounted. */
function mounts(type: string): string {
  const line = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .find((text) => text.includes(` - ${type} `));
  return line?.split(" ")[4] ?? "";
}

function ended(process: ChildProcess): Promise<number | NodeJS.Signals | null> {
  if (process.exitCode !== null || process.signalCode !== null) return Promise.resolve(process.signalCode ?? process.exitCode);
  return new Promise((resolve) => process.once("exit", (status, signal) => resolve(signal ?? status)));
}

describeOnce("nsexec keeps namespaces", need("root", "nsenter"), () => {
  const place = join(dir, "kept");
  const file = (name: string) => join(place, name);
  const inode = (name: string) => `${statSync(file(name)).ino}`;
  before(() => {
    mkdirSync(place);
    run(["mount", "-t", "tmpfs", "--make-private", "kept", place]); // a mount namespace can be kept only on a private mount
    for (const name of [...Object.values(LETTERS), "busy"]) writeFileSync(file(name), "");
    mkdirSync(file("directory"));
  });
  after(() => run(["umount", "-R", place]));
  const release = (...names: string[]) => {
    for (const name of names) assert.equal(run(["umount", file(name)]).status, 0);
  };

  for (const [letter, option, more] of [
    ["u", "uts", []],
    ["i", "ipc", []],
    ["n", "net", []],
    ["C", "cgroup", []],
    ["m", "mount", []],
    ["u", "uts", ["--fork"]],
    ["m", "mount", ["--fork"]],
    ["C", "cgroup", ["--fork"]],
    ["p", "pid", []],
    ["T", "time", []],
    ["T", "time", ["--boottime", "1000"]],
    ["U", "user", []],
    ["U", "user", ["-r"]],
  ] as const) {
    const kind = LETTERS[letter];
    test(`--${option}=FILE ${more.join(" ")}`, () => {
      const { stdout, stderr } = run(["nsexec", `--${option}=${file(kind)}`, ...more, "readlink", `/proc/self/ns/${kind}`]);
      assert.equal(stderr, "");
      assert.notEqual(stdout.trim(), ns(kind));
      assert.equal(stdout, `${kind}:[${inode(kind)}]\n`);
      release(kind);
    });
  }

  test("several at once, which nsenter and nsexec -t can join", () => {
    const words = ["--uts", "--ipc", "--net", "--pid", "--mount"].map(
      (option) => `${option}=${file(option === "--mount" ? "mnt" : option.slice(2))}`,
    );
    const kinds = ["uts", "ipc", "net", "pid", "mnt"];
    run(["nsexec", ...words, "--hostname", "kept", "sh", "-c", "true"]);
    const kept = kinds.map((kind) => `${kind}:[${inode(kind)}]`);
    assert.deepEqual(
      kept.filter((id, i) => id === ns(kinds[i] ?? "")),
      [],
    );
    const joined = words.filter((word) => !word.startsWith("--pid")); // its init is gone: nobody can be born there any more
    for (const tool of [["nsenter"], ["nsexec", "-t", `${process.pid}`]]) {
      const { stdout } = run([
        ...tool,
        ...joined,
        "sh",
        "-c",
        "hostname; readlink /proc/self/ns/uts /proc/self/ns/ipc /proc/self/ns/net /proc/self/ns/mnt",
      ]);
      assert.equal(stdout, `kept\n${kept.filter((id) => !id.startsWith("pid")).join("\n")}\n`);
    }
    release(...kinds);
  });

  test("a mount namespace on a shared mount is refused, and why", () => {
    const script = `mount -t tmpfs --make-shared shared ${place} && touch ${file("on-shared")} && exec ${nsexec} --mount=${file("on-shared")} -- true`;
    const { status, stderr } = run(["unshare", "-m", "sh", "-c", script]);
    assert.equal(status, 125);
    assert.match(
      stderr,
      /^nsexec: mount\("\/proc\/\d+\/ns\/mnt", .*: EINVAL .*\n +a mount namespace is kept only on a private mount .*older/,
    );
  });

  for (const more of [[], [`--mount=${file("mnt")}`], ["--fork"], ["--user", "--map-root-user"]]) {
    test(`a failure keeps none of them ${more.join(" ").replace(dir, "")}`, () => {
      const { status, stderr, stdout } = run(["nsexec", `--uts=${file("uts")}`, `--ipc=${file("directory")}`, ...more, "echo", "ran"]);
      assert.equal(status, 125);
      assert.match(stderr, /^nsexec: mount\(".*\/ns\/ipc", ".*directory", NULL, MS_BIND, NULL\): ENOTDIR/);
      assert.equal(stdout, "");
      assert.doesNotMatch(readFileSync("/proc/self/mountinfo", "utf8"), new RegExp(`${place}/`));
    });
  }
});

describe("nsexec joins namespaces", need("root", "unshare"), () => {
  const holder = { pid: 0, process: undefined as ChildProcess | undefined };
  before(async () => {
    const process = spawn("unshare", ["-rmuinpCTf", "--kill-child", "--mount-proc", "sh", "-c", "hostname held; exec cat"], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    holder.process = process;
    process.stdin.write("ready\n");
    await new Promise((resolve) => process.stdout.once("data", resolve));
    holder.pid = childOf(process.pid ?? 0);
  });
  after(async () => {
    holder.process?.kill("SIGKILL");
    if (holder.process) await ended(holder.process);
  });

  for (const [letter, kind] of Object.entries(LETTERS)) {
    test(`-t PID -${letter} joins that one only`, () => {
      const { stdout, stderr } = run([
        "nsexec",
        "-t",
        `${holder.pid}`,
        `-${letter}`,
        "sh",
        "-c",
        "cd /proc/self/ns && ls -l | sed -n 's/.* //p'",
      ]);
      if (letter === "m") return assert.match(stderr, /proc\/self/); // its /proc is of a PID namespace that we are not in
      const own = Object.values(LETTERS).map((k) => ns(k, k === kind ? holder.pid : "self"));
      for (const id of own) assert.ok(stdout.split("\n").includes(id), `${id} in ${stdout}${stderr}`);
    });
  }

  test("--all joins all of them, and what is ours already is skipped", () => {
    const script = "hostname; readlink /proc/self/ns/*";
    const { stdout } = run(["nsexec", "-t", `${holder.pid}`, "--all", "sh", "-c", script]);
    for (const kind of Object.values(LETTERS)) assert.ok(stdout.includes(ns(kind, holder.pid)), kind);
    assert.equal(run(["nsexec", "-t", `${process.pid}`, "--all", "echo", "same"]).stdout, "same\n");
    assert.equal(run(["nsexec", "-t", `${process.pid}`, "--user", "echo", "same"]).stdout, "same\n");
  });

  test("to join a PID namespace makes a real child in it", () => {
    const { stdout } = run([
      "nsexec",
      "-t",
      `${holder.pid}`,
      "-U",
      "-m",
      "-p",
      "sh",
      "-c",
      "echo $$ $PPID; cut -d' ' -f4 /proc/self/stat; ls -d /proc/[0-9]*",
    ]);
    const [ids = "", , ...seen] = stdout.trim().split("\n");
    assert.match(ids, /^\d{1,3} 0$/); // a low PID, and the parent is outside
    assert.ok(seen.includes("/proc/1") && seen.length <= 4, stdout);
  });

  test("=FILE joins the namespace of a file", () => {
    const { stdout } = run(["nsexec", "-t", `${process.pid}`, `--uts=/proc/${holder.pid}/ns/uts`, "hostname"]);
    assert.equal(stdout, "held\n");
  });

  test("status and signals pass through a joined PID namespace", () => {
    for (const script of ["exit 7", "kill -TERM $$"]) {
      assert.equal(run(["nsexec", "-t", `${holder.pid}`, "-U", "-p", "sh", "-c", script]).status, script === "exit 7" ? 7 : 143);
    }
  });
});

describe("nsexec --into-cgroup", need("root"), () => {
  const mountPoint = mounts("cgroup2");
  const name = `contain-test-nsexec-${process.pid}`;
  const group = join(mountPoint, name);
  before(() => mkdirSync(group));
  after(async () => {
    await eventually(() => readFileSync(join(group, "cgroup.events"), "utf8").includes("populated 0"), "the group is empty");
    rmdirSync(group);
  });
  const own = ["sh", "-c", "sed -n s/^0:://p /proc/self/cgroup"];

  for (const path of [group, `/${name}`]) {
    test(`born in ${path === group ? "a directory" : "a path"}`, () => {
      const { stdout, stderr } = run(["nsexec", "--trace", "--into-cgroup", path, ...own]);
      assert.equal(stdout, `/${name}\n`, stderr);
      assert.match(stderr, /clone3\(\{flags=CLONE_CLEAR_SIGHAND\|CLONE_INTO_CGROUP, exit_signal=SIGCHLD, cgroup=\d+\}\) = \d+/);
    });
  }

  test("with a cgroup namespace it is the root of that", () =>
    assert.equal(run(["nsexec", "-C", "--into-cgroup", group, ...own]).stdout, "/\n"));
  test("with a user namespace too", () => assert.equal(run(["nsexec", "-r", "--into-cgroup", group, ...own]).stdout, `/${name}\n`));

  test("a frozen group is refused, not joined for ever", async () => {
    writeFileSync(join(group, "cgroup.freeze"), "1");
    await eventually(() => readFileSync(join(group, "cgroup.events"), "utf8").includes("frozen 1"), "it is frozen");
    const { status, stderr } = run(["nsexec", "--into-cgroup", group, "true"]);
    writeFileSync(join(group, "cgroup.freeze"), "0");
    assert.equal(status, 125);
    assert.match(stderr, /the group is frozen\n.*--thaw/);
  });

  test("one that is not there", () => {
    const { status, stderr } = run(["nsexec", "--into-cgroup", "/none/such", "true"]);
    assert.equal(status, 125);
    assert.match(stderr, /no such cgroup: --into-cgroup \/none\/such/);
  });
});

describe("nsexec sets up", need("root"), () => {
  const inside = (...words: string[]) => {
    const { stdout, stderr, status } = run(["nsexec", ...words]);
    assert.equal(status, 0, stderr);
    return stdout;
  };

  test("offsets of the clocks", () => {
    const boot = () => Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);
    assert.ok(Math.abs(Number(inside("--boottime", "86400", "cut", "-d ", "-f1", "/proc/uptime")) - boot() - 86400) < 30);
    const now = () => Number(process.hrtime.bigint() / 10n ** 9n);
    assert.ok(Math.abs(Number(inside("--monotonic", "7777", process.execPath, "-p", "process.hrtime()[0]")) - now() - 7777) < 30);
    assert.match(
      inside("--boottime", "-5", "--monotonic", "12", "cat", "/proc/self/timens_offsets"),
      /^monotonic +12 +0\nboottime +-5 +0\n$/,
    );
    assert.match(inside("-r", "--boottime", "99", "cat", "/proc/self/timens_offsets"), /^boottime +99 /m);
  });

  for (const [kind, fromShared, fromPrivate] of [
    ["private", "", ""],
    ["slave", "master", ""],
    ["shared", "shared", "shared"],
    ["unchanged", "shared", ""],
  ] as const) {
    test(`--propagation ${kind}`, () => {
      for (const [outer, expected] of [
        ["shared", fromShared],
        ["private", fromPrivate],
      ]) {
        const script = `nsexec -m --propagation ${kind} cat /proc/self/mountinfo`;
        const { stdout } = sh(`unshare -m --propagation ${outer} sh -c '${script}'`);
        const tags = stdout
          .trim()
          .split("\n")
          .map((line) => (/ (shared|master):\d+ .*- /.exec(line)?.[1] ?? "").toString());
        assert.deepEqual(new Set(tags), new Set([expected]), outer);
      }
    });
  }

  test("the caller's mounts stay out of reach, also under a shared root", () => {
    const place = join(dir, "propagation");
    mkdirSync(place);
    const { stdout } = sh(
      `unshare -m --propagation shared sh -c 'nsexec -m mount -t tmpfs x ${place}; grep -c ${place} /proc/self/mountinfo'`,
    );
    assert.equal(stdout, "0\n");
  });

  test("--mount-proc", () => {
    const [first = "", ...lines] = inside(
      "-p",
      "--mount-proc",
      "sh",
      "-c",
      "ls -d /proc/[0-9]* | tr '\\n' ' '; echo; tail -1 /proc/self/mountinfo",
    ).split("\n");
    assert.match(first, /^\/proc\/1 /);
    assert.ok(first.split(" ").length < 6);
    assert.match(lines[0] ?? "", / \/proc rw,nosuid,nodev,noexec/);
    const place = join(dir, "proc");
    mkdirSync(place);
    assert.equal(inside("-p", `--mount-proc=${place}`, "readlink", `${place}/self`), "1\n");
  });

  test("--hostname inside only", () => {
    const before = hostname();
    assert.equal(inside("--hostname", "inside", "hostname"), "inside\n");
    assert.equal(inside("-r", "--hostname", "x".repeat(64), "hostname"), `${"x".repeat(64)}\n`);
    assert.equal(hostname(), before);
  });

  test("-w, -R, -S and -G", () => {
    assert.equal(inside("-w", "/usr/lib", "pwd"), "/usr/lib\n");
    assert.equal(inside("-R", "/usr", "-w", "/bin", "/bin/ls", "-d", "/bin/ls"), "/bin/ls\n");
    assert.equal(inside("-S", "1234", "-G", "4321", "id", "-u"), "1234\n");
    assert.equal(inside("-S", "1234", "-G", "4321", "id", "-G"), "4321\n");
    assert.equal(inside("-f", "-S", "1234", "-G", "4321", "id", "-u"), "1234\n");
  });

  test("ranges of ids, in the order IN:OUT:N", () => {
    const maps = inside(
      "--map-users=0:100000:10",
      "--map-users=20:200000:5",
      "--map-groups=0:300000:10",
      "-S0",
      "-G0",
      "cat",
      "/proc/self/uid_map",
      "/proc/self/gid_map",
    );
    assert.deepEqual(
      maps
        .trim()
        .split("\n")
        .map((line) => line.trim().split(/\s+/).join(" ")),
      ["0 100000 10", "20 200000 5", "0 300000 10"],
    );
    assert.equal(inside("-r", "--map-users=1:100000:10", "cat", "/proc/self/uid_map").split("\n").length, 3);
  });

  test("--setgroups", () => {
    assert.equal(inside("-U", "--setgroups", "deny", "cat", "/proc/self/setgroups"), "deny\n");
    assert.equal(inside("-U", "--setgroups", "allow", "cat", "/proc/self/setgroups"), "allow\n");
    assert.equal(inside("-r", "cat", "/proc/self/setgroups"), "deny\n");
    assert.equal(inside("--map-users=0:0:1", "--map-groups=0:0:9", "--setgroups=allow", "-G5", "id", "-g"), "5\n");
  });

  describe("--map-auto", need("newuidmap"), () => {
    const file = join(dir, "subids");
    before(() => writeFileSync(file, "nobody:700000:1000\nroot:2000000:2000\n65534:800000:5\n0:2100000:1\n"));
    /** With these files of its own: the host's are also those of other tests. */
    const withFiles = (...argv: string[]) => [
      ...["unshare", "-m", "--propagation", "private", "sh", "-c"],
      `mount --bind ${file} /etc/subuid && mount --bind ${file} /etc/subgid && exec "$@"`,
      ...["sh", ...argv],
    ];
    const nobody = (...words: string[]) =>
      run(withFiles("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", join(bin, "nsexec"), ...words), { cwd: "/" });
    const squeeze = (text: string) =>
      text
        .trim()
        .split("\n")
        .map((line) => line.trim().split(/\s+/).join(" "));

    test("an ordinary user gets the range of newuidmap", () => {
      const script = "cat /proc/self/uid_map /proc/self/gid_map; id -u; id -g";
      const { stdout, stderr } = nobody("--map-auto", "-S0", "-G0", "sh", "-c", script);
      const ranges = ["0 700000 1000", "1000 800000 5"];
      assert.deepEqual(squeeze(stdout), [...ranges, ...ranges, "0", "0"], stderr);
    });

    test("with --map-root-user it is root, and the range begins at 1", () => {
      const { stdout, stderr } = nobody("-r", "--map-auto", "sh", "-c", "cat /proc/self/uid_map; id -u");
      assert.deepEqual(squeeze(stdout), ["0 65534 1", "1 700000 1000", "1001 800000 5", "0"], stderr);
      const inTheMiddle = nobody("--map-user", "1001", "--map-group", "4", "--map-auto", "cat", "/proc/self/uid_map", "/proc/self/gid_map");
      const uids = ["1001 65534 1", "0 700000 1000", "1000 800000 1", "1002 800001 4"];
      assert.deepEqual(squeeze(inTheMiddle.stdout), [...uids, "4 65534 1", "0 700000 4", "5 700004 996", "1001 800000 5"]);
    });

    test("root writes the maps itself", () => {
      const { stdout, stderr } = run(withFiles(join(bin, "nsexec"), "--trace", "--map-auto", "cat", "/proc/self/uid_map"));
      assert.deepEqual(squeeze(stdout), ["0 2000000 2000", "2000 2100000 1"]);
      assert.doesNotMatch(stderr, /newuidmap/);
    });

    test("without a range of one's own: how to get one", () => {
      const { status, stderr } = run(["nsexec", "--map-auto", "true"], { uid: 4242, gid: 4242, cwd: "/" });
      assert.equal(status, 125);
      assert.match(stderr, /^nsexec: --map-auto: \/etc\/subuid has no range for uid 4242\n.*usermod --add-subuids/);
    });

    test("more than one's range: newuidmap's refusal is told", () => {
      const { status, stderr } = nobody("--map-users=0:1:5", "true");
      assert.equal(status, 125);
      assert.match(stderr, /newuidmap \d+ 0 1 5: exit status 1\n.*\/etc\/subuid/);
    });
  });
});

/** A payload that writes "ready", then the name of each signal it gets, until SIGTERM ends it. */
const LISTENER = String.raw`
use Config;
$| = 1;
for my $name ((split " ", $Config{sig_name})[1 .. 64]) {
  next if $name =~ /^(KILL|STOP|TERM|CHLD|NUM32|NUM33)$/;
  $SIG{$name} = sub { print "$name\n" };
}
$SIG{TERM} = sub { exit 5 };
print "ready\n";
sleep 1 while 1;
`;

describe("nsexec is a transparent parent", need("perl"), () => {
  const started: ChildProcess[] = [];
  afterEach(() => {
    for (const process of started.splice(0)) process.kill("SIGKILL"); // with its child
  });
  const start = async (words: readonly string[], options: { cwd?: string } = {}) => {
    const process = spawn(nsexec, words, { stdio: ["ignore", "pipe", "inherit"], ...options });
    started.push(process);
    const heard = { text: "" };
    process.stdout.setEncoding("utf8").on("data", (text: string) => {
      heard.text += text;
    });
    await eventually(() => heard.text.includes("ready"), "the program runs");
    return { process, pid: process.pid ?? 0, heard };
  };

  for (const words of [["-f"], ["-f", "--foreground"], ...(process.geteuid?.() === 0 ? [["--pid"], ["-r"]] : [])]) {
    test(`every signal that can be forwarded is: nsexec ${words.join(" ")}`, async () => {
      const { process, pid, heard } = await start([...words, "perl", "-e", LISTENER]);
      const names = run(["perl", "-MConfig", "-e", "print $Config{sig_name}"]).stdout.split(" ");
      const sent: string[] = [];
      for (let signal = 1; signal <= 64; signal++) {
        const name = names[signal] ?? "";
        // KILL and STOP cannot be caught, TERM comes last, CHLD tells of our own child; 32 and 33 belong to libc's threads.
        if (/^(KILL|STOP|TERM|CHLD|NUM32|NUM33)$/.test(name)) continue;
        global.process.kill(pid, signal);
        sent.push(name);
        await eventually(() => heard.text.endsWith(`\n${name}\n`), `${name} arrives`);
      }
      assert.deepEqual(heard.text.trim().split("\n").slice(1), sent);
      assert.equal(sent.length, 58);
      process.kill("SIGTERM");
      assert.equal(await ended(process), 5);
    });
  }

  test("real-time signals are queued, not coalesced", async () => {
    // Perl calls a handler once for several signals, so what counts is what nsexec sends.
    const parent = spawn(nsexec, ["--trace", "-f", "perl", "-e", LISTENER], { stdio: ["ignore", "pipe", "pipe"] });
    started.push(parent);
    let trace = "";
    parent.stderr.setEncoding("utf8").on("data", (text: string) => {
      trace += text;
    });
    await new Promise((resolve) => parent.stdout.once("data", resolve));
    for (let i = 0; i < 20; i++) process.kill(parent.pid ?? Number.NaN, 40);
    await eventually(() => trace.split(/ kill\(\d+, SIGRTMIN\+6\) = 0\n/).length === 21, "all of them are forwarded");
    parent.kill("SIGTERM");
    assert.equal(await ended(parent), 5);
  });

  test("it stops and continues with its child", async () => {
    const { process, pid } = await start(["-f", "sh", "-c", "echo ready; while :; do sleep 0.1; done"]);
    const child = childOf(pid);
    for (const [stop, who] of [
      ["SIGSTOP", child],
      ["SIGTSTP", pid],
      ["SIGTTIN", pid],
      ["SIGTTOU", pid],
    ] as const) {
      global.process.kill(who, stop);
      await eventually(() => stat(pid, 3) === "T" && stat(child, 3) === "T", `both are stopped by ${stop}`);
      process.kill("SIGCONT");
      await eventually(() => stat(pid, 3) !== "T" && stat(child, 3) !== "T", "both go on");
    }
    process.kill("SIGTERM");
    assert.equal(await ended(process), "SIGTERM");
  });

  test("statuses pass through it", () => {
    const { stdout } = sh('for i in 0 1 2 64 127 128 254 255; do nsexec -f sh -c "exit $i"; [ $? = $i ] || echo $i; done; echo done');
    assert.equal(stdout, "done\n"); // all 256: pid1.test.ts
  });

  test("it dies by the signal that its child died of, and leaves no core of its own", () => {
    const place = join(dir, "core");
    mkdirSync(place);
    for (const signal of [
      "HUP",
      "INT",
      "QUIT",
      "ILL",
      "ABRT",
      "FPE",
      "KILL",
      "SEGV",
      "PIPE",
      "ALRM",
      "TERM",
      "USR1",
      "SYS",
      "XFSZ",
      "40",
    ]) {
      const { stdout } = run(
        ["sh", "-c", `ulimit -c unlimited; "$@"; echo $?`, "sh", nsexec, "-f", "sh", "-c", `ulimit -c 0; kill -${signal} $$`],
        { cwd: place },
      );
      const number = Number(run(["env", "kill", "-l", signal]).stdout) || Number(signal);
      assert.equal(stdout, `${128 + number}\n`, signal);
    }
    assert.deepEqual(readdirSync(place), []);
  });

  test("a limit on open files that is lower than its parent's", need("root"), () => {
    const { stdout, stderr } = sh(`(ulimit -n 500; exec nsexec -u sh -c 'ulimit -Sn; ulimit -Hn'); true`);
    assert.deepEqual([stdout, stderr], ["500\n500\n", ""]);
  });

  test("in place it keeps the PID and the parent", need("root"), () => {
    const { stdout } = sh(`echo $$ $PPID; exec nsexec -u sh -c 'echo $$ $PPID'`);
    const [before, after] = stdout.trim().split("\n");
    assert.equal(after, before);
  });
});

describe("nsexec --kill-child", need("root"), () => {
  /** Starts it, kills it after some milliseconds, and expects that soon no process with the word is left. */
  const killed = async (words: readonly string[], word: string, milliseconds: number) => {
    const process = spawn(nsexec, [...words, "sleep", word], { stdio: "ignore" });
    await pause(milliseconds);
    process.kill("SIGKILL");
    await ended(process);
    await eventually(() => withWord(word).length === 0, `after ${milliseconds} ms of nsexec ${words.join(" ")} no process is left`);
  };

  for (const words of [["-f"], ["--pid", "--mount-proc"], ["-r"], ["-t", `${process.pid}`, "--uts=/proc/self/ns/uts", "-f", "-p"]]) {
    test(`no process is left after a kill -9 at any moment: nsexec ${words.join(" ")}`, async () => {
      const milliseconds = Array.from({ length: 25 }, () => Math.random() * 60);
      for (const [i, after] of milliseconds.entries()) await killed(words, `31415${process.pid}${i}`, after);
    });
  }

  test("nor when it dies before the child has asked for that signal", need("strace"), async () => {
    const word = `27182${process.pid}`;
    const ran = join(dir, "ran");
    // The first prctl of each process is held up: in the child that is PR_SET_PDEATHSIG.
    const inject = ["-e", "trace=prctl", "-e", "inject=prctl:delay_enter=1500000:when=1", "-e", "signal=none"];
    const strace = spawn("timeout", [
      "-s",
      "KILL",
      "60",
      "strace",
      "-f",
      "-qq",
      "-o",
      "/dev/null",
      ...inject,
      nsexec,
      "-f",
      "sh",
      "-c",
      `touch ${ran}; sleep ${word}`,
    ]);
    let parent = 0;
    const isBorn = () => {
      try {
        parent = withWord(word).find((pid) => readFileSync(`/proc/${pid}/comm`, "utf8") === "nsexec\n" && childOf(pid) > 0) ?? 0;
      } catch {
        return false; // one of the launcher's own processes has just ended
      }
      return parent !== 0;
    };
    await eventually(isBorn, "the child is born");
    process.kill(parent, "SIGKILL");
    await ended(strace);
    assert.deepEqual(withWord(word), []);
    assert.equal(existsSync(ran), false);
  });

  test("=TERM sends that one, =none lets the child live", async () => {
    for (const [signal, told] of [
      ["TERM", "told\n"],
      ["none", ""],
    ] as const) {
      const word = `16180${process.pid}${signal.length}`;
      const script = `trap 'echo told; exit' TERM; echo ready; while :; do sleep 0.05; : ${word}; done`;
      const parent = spawn(nsexec, [`--kill-child=${signal}`, "sh", "-c", script], { stdio: ["ignore", "pipe", "inherit"] });
      let heard = "";
      parent.stdout.setEncoding("utf8").on("data", (text: string) => {
        heard += text;
      });
      await eventually(() => heard !== "", "it runs");
      const child = childOf(parent.pid ?? 0);
      parent.kill("SIGKILL");
      await ended(parent);
      if (signal === "none") {
        await pause(300);
        assert.equal(isAlive(child), true);
        process.kill(child, "SIGKILL");
      }
      await eventually(() => withWord(word).length === 0, "it is gone");
      await eventually(() => heard === `ready\n${told}`, "all is heard");
    }
  });

  test("the signal survives a change of ids", async () => killed(["-f", "-S", "65534", "-G", "65534"], `14142${process.pid}`, 400));
});

describeOnce("nsexec refuses", () => {
  test("what needs privilege, and says what would do without", need("root"), () => {
    for (const words of [["-m"], ["-u"], ["--net"], ["-p"], ["-C"], ["--time"], ["-a"]]) {
      const { status, stderr, stdout } = run(["nsexec", ...words, "echo", "ran"], { ...NOBODY, cwd: "/" });
      assert.equal(status, 125);
      assert.match(stderr, /EPERM \(Operation not permitted\)\n.*CAP_SYS_ADMIN.*--user --map-root-user/);
      assert.equal(stdout, "");
      assert.equal(run(["nsexec", ...words, "--user", "--map-root-user", "echo", "ran"], { ...NOBODY, cwd: "/" }).stdout, "ran\n");
    }
  });

  // Every option that takes a value, with values that it cannot have; the last test compares this with --help.
  const WRONG: Readonly<Record<string, readonly string[]>> = {
    mount: ["=/none/such", "="],
    uts: ["=/none/such", "="],
    ipc: ["=/none/such"],
    net: ["=/none/such"],
    pid: ["=/none/such"],
    user: ["=/none/such"],
    cgroup: ["=/none/such"],
    time: ["=/none/such"],
    target: ["=0", "=-1", "=x", "=1x", "=99999999", "=4194000", "=1.5", "="],
    "kill-child": ["=NOPE", "=65", "=0", "="],
    "into-cgroup": ["=/none/such", "="],
    join: [
      "=net",
      "=net=",
      "=net=/none",
      "=net=/etc/passwd",
      "=net=/proc/self/ns/uts",
      "=mnt=/proc/self/ns/mnt",
      "=net=/proc/self/ns/net --net",
    ],
    "pid-file": ["=/none/such --leave", "=/ --leave", "=x", "="],
    "console-socket": ["=/none --leave --tty", "=/etc/passwd --leave --tty", "=/none --leave", "=x", "="],
    "map-user": ["=-1", "=4294967295", "=x", "="],
    "map-group": ["=-1", "=4294967295", "=x", "="],
    "map-users": [
      "=1",
      "=1:2",
      "=a:b:c",
      "=0:0:0",
      "=0:1:2:3",
      "=0:-1:1",
      "=0:4294967295:1",
      "=1,2",
      "=1,2:3",
      "=nobody",
      "=0:0:2 --map-users=1:5:2",
      "=0:5:2 --map-users=7:6:2",
    ],
    "map-groups": ["=1", "=1:2", "=a:b:c", "=0:0:0", "=0:0:2 --map-groups=1:5:2"],
    setgroups: ["=maybe", "=", "=deny", "=allow", "=allow --map-root-user"],
    propagation: ["=rprivate", "=Private", "="],
    "mount-proc": ["=/none/such", "="],
    domainname: [`=${"x".repeat(65)}`, "="],
    hostname: [`=${"x".repeat(65)}`, `=${"é".repeat(33)}`, "="],
    wdns: ["=/none/such", "=/etc/passwd", "=", "=/ --wd=/"],
    "net-socket": ["=0", "=x --target=1", "=999999 --target=1", "=0 --target=1 --net"],
    keyring: ["=.mine", "="],
    wd: ["=/none/such", "=/etc/passwd", "="],
    root: ["=/none/such", "=/etc/passwd", "="],
    setuid: ["=x", "=follow", "=-1", "=4294967295", "=nobody", "="],
    setgid: ["=x", "=follow", "=0 --map-root-user", "=0 --map-users=0:0:1 --map-groups=0:0:1 --setgroups=deny", "=-1", "=4294967295", "="],
    as: ["=x:", "=-1", "=4294967295", "=no-such-user", "="],
    monotonic: ["=x", "=1.", "=.5", "=1.0000000001", "=1e3", "=2000000000000", "=99999999999", "="],
    pasta: ["=x", "=", "=10.5.0.7", "=10.5.0.0/24", "=10.5.0.7/24"], // as root the right ones are wrong, too
    publish: ["=", "=80:80", "=x --pasta=10.5.0.7/24"],
    boottime: ["=x", "=--1", "=-99999999999", "=99999999999999999999", "="],
    env: ["=", "==x", "=NOPE"],
    trace: ["=xml", "="],
    chain: ["=fork", "="],
    "preserve-fds": ["=-1", "=x", "=1001", "="],
    shift: ["=/", "=/ --mount", "=/none --mount --map-users=0:5:1 --map-groups=0:5:1", "= --mount --map-users=0:5:1 --map-groups=0:5:1"],
    "ro-shift": ["=/", "=/none --mount --map-users=0:5:1 --map-groups=0:5:1"],
    lock: ["=/none -r", "=/", "=/ -t 1 -m", "= -r"],
    unlocked: ["=/ -r", "=/none -r --lock=/", "= -r"],
    unshifted: ["=/", "=/none --mount --map-users=0:5:1 --map-groups=0:5:1"],
  };
  const marker = join(dir, "marker");
  const state = () => [hostname(), ...Object.values(LETTERS).map((kind) => ns(kind)), ...steadyMounts(dir)];
  const refused = (words: readonly string[]) => {
    const argv = ["nsexec", ...words, "touch", marker];
    if (refusal(argv) !== "") return;
    const before = state();
    const { status, stderr } = run(argv);
    assert.equal(status, 125, words.join(" "));
    assert.match(stderr, /^nsexec: .+/);
    assert.doesNotMatch(stderr, /this is a bug|\n +at /);
    assert.equal(existsSync(marker), false);
    assert.deepEqual(state(), before);
  };
  for (const [name, values] of Object.entries(WRONG)) {
    test(`--${name} with a wrong value`, need("root"), () => {
      for (const value of values) refused(`--${name}${value}`.split(" "));
    });
  }

  test("each option that takes a value was given wrong ones", () => {
    const names = [...run(["nsexec", "--help"]).stdout.matchAll(/^ {2}(?:-\w, )?--([\w-]+)(?: \S|\[=)/gm)].map(([, name]) => name);
    assert.deepEqual(names.sort(), Object.keys(WRONG).sort());
  });

  test("words that do not go together", need("root"), () => {
    for (const words of [
      ["-t", `${process.pid}`],
      ["-t", `${process.pid}`, "-u", "--map-root-user"],
      ["-t", `${process.pid}`, "-u", "--propagation", "private"],
      ["-t", `${process.pid}`, "-T", "--boottime", "5"],
      ["-t", `${process.pid}`, "-u", "--join", "net=/proc/self/ns/net"],
      ["--join", "net=/proc/self/ns/net", "--join", "net=/proc/self/ns/net"],
      ["--join", "user=/proc/self/ns/user", "--map-root-user"],
      ["--join", "time=/proc/self/ns/time", "--boottime", "5"],
      ["--join", "mount=/proc/self/ns/mnt", "--mount-proc"],
      ["--leave", "--kill-child=TERM"],
      ["--leave", "--foreground"],
      ["--leave", "--tty"],
      ["--hostname", "a", "--hostname", "b"],
      ["--fork=yes"],
      ["--map-root-user=1"],
      ["--wd"],
    ]) {
      refused(words);
    }
  });

  test("an option it does not have, with the nearest that it has", () => {
    for (const [word, near] of [
      ["--hostnam", "--hostname"],
      ["--map-rootuser", "--map-root-user"],
      ["--moutn", "--mount"],
      ["--fokr", "--fork"],
      ["--kill-chid=TERM", "--kill-child"],
      ["--propogation=slave", "--propagation"],
      ["--no-fork", "--"],
      ["-x", "--help"],
      ["-ux", "--help"],
    ] as const) {
      assert.match(
        refusal(["nsexec", word, "true"]),
        new RegExp(`^nsexec: unknown option ${word.startsWith("--") ? word.split("=")[0] : "-x"}\\n.*(${near})`),
      );
    }
  });

  test("to fork in a Node that was started without the flags, instead of hanging", () => {
    const bare = (...words: string[]) =>
      run([process.execPath, join(root, "dist/lib/contain.cjs"), ...words], { env: { CONTAIN_LAUNCH: "nsexec::::::::" }, timeout: 60_000 });
    const { status, stderr } = bare("--fork", "echo", "ran");
    assert.equal(status, 125);
    assert.match(
      stderr,
      /^nsexec: this needs Node started with --v8-pool-size=0 --single-threaded --expose-gc\n.*waits for ever.*dist\/bin/,
    );
    assert.equal(bare("echo", "ran").stdout, "ran\n");
  });
});
