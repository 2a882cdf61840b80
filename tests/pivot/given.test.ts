// pivot: what a caller says in full: nodes, links, paths to hide or protect, kernel parameters, the root's propagation.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { isolated } from "../helpers/isolated.ts";
import { need } from "../helpers/need.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { bin, run } from "../helpers/run.ts";

const dir = scratch("pivot-given");
const rootfs = makeRootfs(dir);
mkdirSync(join(rootfs, "data/sub"), { recursive: true });
mkdirSync(join(rootfs, "nodes"));
symlinkSync("/etc", join(rootfs, "outside"));

const inside = (options: readonly string[], script: string, before: readonly string[] = []) =>
  run([...before, "pivot", rootfs, ...options, "--", "/bin/sh", "-c", script]);
const DEV = ["--rw", "--no-dev", "--tmpfs", "/dev"];

describe("pivot: nodes", need("root"), () => {
  test("have the type, the numbers, the mode and the owner that were given", () => {
    const words = [
      "/dev/null:c:1:3:0666:0:0",
      "/dev/deep/wide:b:300:70000:0640:7:9",
      "/dev/pipe:p:0:0:0600:1:2",
      "/dev/log:u:1:11:0644:0:0",
    ];
    const { stdout, stderr } = inside(
      [...DEV, ...words.flatMap((word) => ["--device", word])],
      "cd /dev; stat -c '%n %F %t:%T %a %u:%g' null deep/wide pipe log",
    );
    assert.equal(stderr, "");
    assert.deepEqual(stdout.trim().split("\n"), [
      "null character special file 1:3 666 0:0",
      "deep/wide block special file 12c:11170 640 7:9",
      "pipe fifo 0:0 600 1:2",
      "log character special file 1:b 644 0:0",
    ]);
  });

  test("one that is there stays, and anything else there is told", () => {
    const twice = [...DEV, "--device", "/dev/null:c:1:3:0666:0:0", "--device", "/dev/null:c:1:3:0666:0:0"];
    assert.equal(inside(twice, "true").status, 0);
    const other = inside([...DEV, "--device", "/dev/null:c:1:3:0666:0:0", "--device", "/dev/null:c:1:5:0666:0:0"], "true");
    assert.equal(other.status, 125);
    assert.match(other.stderr, /--device \/dev\/null: something else is there inside/);
  });

  test("in a user namespace the host's node is bound, if it is the same one", () => {
    const user = [
      "nsexec",
      "--user",
      "--pid",
      "--mount",
      "--map-users",
      "0:100000:1000",
      "--map-groups",
      "0:100000:1000",
      "--setuid",
      "0",
      "--setgid",
      "0",
      "--",
    ];
    const own = makeRootfs(scratch("pivot-given-own"));
    run(["chown", "-R", "100000:100000", own]);
    const there = run([
      ...user,
      "pivot",
      own,
      ...DEV,
      "--device",
      "/dev/null:c:1:3:0666:0:0",
      "--",
      "/bin/sh",
      "-c",
      "cat /dev/null && echo ok",
    ]);
    assert.equal(there.stdout, "ok\n", there.stderr);
    const { status, stderr } = run([...user, "pivot", own, ...DEV, "--device", "/dev/null:c:1:9:0666:0:0", "--", "/bin/true"]);
    assert.equal(status, 125);
    assert.match(stderr, /the host's is not c 1:9, and mknod\(2\) is refused here \(EPERM\)/);
  });

  test("a place that leads out of the root is inside all the same", () => {
    const before = readFileSync("/etc/passwd", "utf8");
    assert.equal(inside(["--rw", "--device", "/outside/contain-node:c:1:3:0666:0:0"], "stat /etc/contain-node").status, 0);
    assert.equal(readFileSync("/etc/passwd", "utf8"), before);
    assert.equal(run(["test", "-e", "/etc/contain-node"]).status, 1);
  });

  for (const [word, message] of [
    ["dev/null:c:1:3:0666:0:0", /is a path inside, and starts with \//],
    ["/dev/null:c:5000:3:0666:0:0", /a major number is below 4096/],
    ["/dev/null:c:1:3:0999:0:0", /is not a device/],
  ] as const) {
    test(`--device ${word} is refused`, () => {
      const { status, stderr } = inside(["--rw", "--device", word], "true");
      assert.equal(status, 125);
      assert.match(stderr, message);
    });
  }

  test("another process that replaces a new node by a link changes no file of the host", need("strace"), () => {
    const [shared, victim] = [join(dir, "shared"), join(dir, "victim")];
    mkdirSync(shared);
    writeFileSync(victim, "", { mode: 0o600 });
    symlinkSync(victim, join(shared, "link"));
    // The delay is between mknod(2) and the changes of owner and mode.
    const strace =
      "strace -f -qq -o /dev/null -e trace=chown,fchownat,chmod,fchmodat -e inject=chown,fchownat,chmod,fchmodat:delay_enter=300000";
    const { stdout, stderr } = isolated(`
      timeout -s KILL 60 ${strace} pivot ${rootfs} --rw --bind ${shared}:/data --device /data/node:c:1:3:0666:12345:12345 -- /bin/true & pid=$!
      until [ -c ${shared}/node ] || ! kill -0 $pid; do :; done
      mv -fT ${shared}/link ${shared}/node; wait $pid; echo $?; stat -c "%a %u" ${victim}`);
    assert.match(stdout, /^(0|125)\n600 0\n$/, stderr); // 125: the link is there before the node is opened
    assert.doesNotMatch(stderr, /not found|No such process/);
  });

  test("--dev-links makes the usual links, and leaves names that are there", () => {
    const { stdout } = inside([...DEV, "--dev-links"], "cd /dev; for l in fd stdin stdout stderr ptmx; do readlink $l; done");
    assert.equal(stdout, "/proc/self/fd\n/proc/self/fd/0\n/proc/self/fd/1\n/proc/self/fd/2\npts/ptmx\n");
  });

  test("--dev-links leaves the host's own /dev alone, which a root of / has", () => {
    const script =
      'mount -t tmpfs dev /dev; mknod /dev/ptmx c 5 2; "$0" / --rw --no-dev --dev-links -- /bin/true; [ -c /dev/ptmx ] && [ ! -e /dev/fd ] && echo alone';
    const { stdout, stderr } = run(["unshare", "--mount", "sh", "-c", script, join(bin, "pivot")]);
    assert.equal(stdout, "alone\n", stderr);
  });
});

describe("pivot: paths", need("root"), () => {
  test("are hidden, or read-only, and what is not there needs nothing", () => {
    const { stdout, stderr } = inside(
      [
        "--rw",
        "--mask-path",
        "/proc/kcore",
        "--mask-path",
        "/data",
        "--mask-path",
        "/nope",
        "--ro-path",
        "/proc/sys",
        "--ro-path",
        "/nodes",
        "--ro-path",
        "/nope/x",
      ],
      "head -c 1 /proc/kcore | wc -c; ls /data | wc -l; touch /nodes/x 2>/dev/null || echo kept; echo 1 2>/dev/null >/proc/sys/net/ipv4/ip_forward || echo kept; test -e /nope || echo none",
    );
    assert.equal(stdout, "0\n0\nkept\nkept\nnone\n", stderr);
  });

  for (const option of ["--mask-path", "--ro-path"])
    for (const path of ["/", "/x/.."])
      test(`${option} ${path} is refused: below the root nothing would change`, () => {
        const { status, stderr } = inside(["--rw", option, path], "true");
        assert.equal(status, 125);
        assert.match(stderr, new RegExp(`${option} ${path}: it is the root itself`));
      });

  for (const option of ["--mask-path", "--ro-path"])
    test(`${option} takes no relative path`, () =>
      assert.match(inside([option, "proc"], "true").stderr, /proc: must be a path inside the root/));
});

describe("pivot: kernel parameters", need("root"), () => {
  const net = ["nsexec", "--net", "--ipc", "--"];
  test("are those of the namespaces, not the host's", () => {
    const host = readFileSync("/proc/sys/kernel/msgmax", "utf8");
    const words = ["--sysctl", "net.ipv4.ip_forward=1", "--sysctl", "kernel.msgmax=4321", "--sysctl", "net/ipv4/conf/lo/forwarding=1"];
    const { stdout, stderr } = inside(
      words,
      "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax /proc/sys/net/ipv4/conf/lo/forwarding",
      net,
    );
    assert.equal(stdout, "1\n4321\n1\n", stderr);
    assert.equal(readFileSync("/proc/sys/kernel/msgmax", "utf8"), host);
  });

  for (const [word, message] of [
    ["kernel.panic=1", /--sysctl kernel\.panic: not of a namespace, and would change the host/],
    ["vm.overcommit_memory=1", /not of a namespace/],
    ["net.ipv4.ip_forward", /must be KEY=VALUE/],
    ["net/../kernel/panic=1", /is not a name/],
    ["net.ipv4.nope=1", /cannot be written: ENOENT/],
  ] as const) {
    test(`--sysctl ${word} is refused`, () => {
      const { status, stderr } = inside(["--sysctl", word], "true", net);
      assert.equal(status, 125);
      assert.match(stderr, message);
    });
  }

  test("one of a namespace that is the host's is refused, and left as it is; contain run has namespaces of its own", () => {
    const host = readFileSync("/proc/sys/kernel/msgmax", "utf8").trim();
    const { status, stderr } = inside(["--sysctl", `kernel.msgmax=${host}`], "true", ["nsexec", "--mount", "--"]);
    assert.equal(status, 125);
    assert.match(stderr, /^pivot: --sysctl kernel\.msgmax: the ipc namespace is the host's, which would change\n.*nsexec --ipc/);
    const contain = ["contain", "run", "-q", "--rootfs", rootfs];
    const program = ["--", "cat", "/proc/sys/net/ipv4/ip_default_ttl"];
    const sysctl = ["--sysctl", `net.ipv4.ip_default_ttl=${readFileSync("/proc/sys/net/ipv4/ip_default_ttl", "utf8").trim()}`];
    assert.equal(run([...contain, ...sysctl, ...program]).status, 125);
    assert.equal(run([...contain, "--net", "none", "--sysctl", "net.ipv4.ip_default_ttl=77", ...program]).stdout, "77\n");
  });
});

describe("pivot: the propagation of the root", need("root"), () => {
  for (const [word, pattern] of [
    ["rshared", /shared:/],
    ["private", /^\d+ \d+ \S+ \S+ \/ \S+ -/],
    ["unbindable", /unbindable/],
  ] as const) {
    test(word, () => {
      const { stdout, stderr } = inside(["--root-propagation", word], "cat /proc/self/mountinfo");
      assert.match(stdout.split("\n").find((line) => line.split(" ")[4] === "/") ?? stderr, pattern);
    });
  }
  test("another word is refused", () => assert.match(inside(["--root-propagation", "x"], "true").stderr, /--root-propagation x: must be/));
});
