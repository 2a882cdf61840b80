// contain run --bundle: the config.json of an OCI bundle as a supervised container, with contain's log, exec, verdict and clean-up.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { need } from "../helpers/need.ts";
import { run } from "../helpers/run.ts";
import { eventually } from "../helpers/wait.ts";
import { bundles } from "../oci/bundle.ts";

const { bundle, oci, dir, rootfs } = bundles("run-bundle");
const root = join(dir, "contain");
const contain = (...words: readonly string[]) => run(["contain", "--root", root, ...words]);
const FACTS =
  "id -u; id -g; pwd; umask; hostname; ulimit -n; ls -l /proc/self/fd | wc -l; grep -E '^(Groups|Cap|NoNew|Seccomp:)' /proc/self/status; sort /proc/mounts | sed 's/[0-9]*k/K/g'; ls /dev; env | sort | grep -v ^SHLVL; cat /proc/sys/net/ipv4/ip_forward; echo $$";
const PROPS = {
  process: {
    cwd: "/made",
    user: { uid: 7, gid: 8, additionalGids: [9], umask: 0o27 },
    rlimits: [{ type: "RLIMIT_NOFILE", soft: 99, hard: 100 }],
    capabilities: { bounding: ["CAP_KILL"], permitted: ["CAP_KILL"], effective: ["CAP_KILL"] },
  },
  hostname: "bundled",
  linux: {
    sysctl: { "net.ipv4.ip_forward": "1" },
    maskedPaths: ["/proc/keys"],
    readonlyPaths: ["/proc/sys"],
    seccomp: { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 1 }] },
  },
};

describe("contain run --bundle", need("root"), () => {
  after(() => assert.deepEqual(run(["contain", "--root", root, "list", "--quiet"]).stdout, "", "every container is forgotten"));

  test("the same container as contain-oci makes of it", () => {
    const folder = bundle(FACTS, PROPS);
    const ours = contain("run", "-q", "--bundle", folder);
    const theirs = oci("run", "--bundle", folder, "same");
    assert.deepEqual([ours.status, ours.stderr], [0, theirs.stderr]);
    assert.equal(ours.stdout, theirs.stdout);
    assert.match(ours.stdout, /^7\n8\n\/made\n0027\nbundled\n99\n/);
  });

  test("its status, another program, a relative folder, a remark on its group", () => {
    const folder = bundle("exit 3");
    assert.equal(contain("run", "--bundle", folder).status, 3);
    const { status, stdout } = run(["contain", "run", "-q", "--bundle", ".", "--", "/bin/echo", "other"], { cwd: folder });
    assert.deepEqual([status, stdout], [0, "other\n"]);
    assert.match(contain("run", "--bundle", folder).stderr, /linux\.cgroupsPath \S+: the group is contain's own instead/);
  });

  test("detached it has a name, a log, exec in its confinement, and a verdict", async (t) => {
    t.after(() => contain("rm", "-f", "bundled"));
    assert.equal(contain("run", "-d", "--name", "bundled", "--bundle", bundle("echo told; sleep 1000", PROPS)).status, 0);
    const inside = contain("exec", "bundled", "/bin/sh", "-c", "id -u; mkdir /tmp/x; grep -E '^(CapBnd|Seccomp:)' /proc/self/status");
    assert.equal(inside.stdout, "7\nCapBnd:\t0000000000000020\nSeccomp:\t2\n");
    assert.match(inside.stderr, /mkdir: .*not permitted/);
    await eventually(() => contain("logs", "bundled").stdout === "told\n");
    assert.equal(contain("kill", "bundled", "--signal", "KILL").status, 0);
    await eventually(() => /"status": ?137/.test(contain("inspect", "bundled").stdout));
  });

  test("a terminal", () => {
    const folder = bundle("test -t 0 && tty", { process: { terminal: true } });
    assert.match(contain("run", "-q", "--bundle", folder).stdout, /\/dev\/(console|pts\/0)/);
  });

  test("--print-chain does the same by hand, and makes nothing", () => {
    const script = contain("run", "--print-chain", "--bundle", bundle("echo printed; exit 4", PROPS)).stdout;
    const { status, stdout } = run(["/bin/sh", "-c", script]);
    assert.deepEqual([status, stdout], [4, "printed\n"]);
  });

  const folder = () => bundle("true");
  const strange = (...command: [string, ...string[]]) => {
    const at = folder();
    rmSync(join(at, "config.json"));
    run([...command, join(at, "config.json")]);
    return at;
  };
  const cases: readonly (readonly [what: string, words: () => readonly string[], message: RegExp])[] = [
    ["no such folder", () => ["--bundle", "/nowhere"], /\/nowhere\/config\.json cannot be read: ENOENT/],
    ["an option that config.json has", () => ["--bundle", folder(), "--memory", "5M"], /--memory does not go with --bundle/],
    ["--rootfs too", () => ["--rootfs", rootfs, "--bundle", folder()], /--rootfs does not go with --bundle/],
    [
      "hooks",
      () => ["--bundle", bundle("true", { hooks: { poststop: [{ path: "/bin/true" }] } })],
      /hooks\.poststop: contain run has no hooks/,
    ],
    [
      "a listener",
      () => ["--bundle", bundle("true", { linux: { seccomp: { defaultAction: "SCMP_ACT_ALLOW", listenerPath: "/x" } } })],
      /linux\.seccomp\.listenerPath/,
    ],
    [
      "a PID namespace that is joined",
      () => ["--bundle", bundle("true", { linux: { namespaces: [{ type: "mount" }, { type: "pid", path: "/proc/1/ns/pid" }] } })],
      /linux\.namespaces: a PID namespace that is joined/,
    ],
    [
      "a seccomp profile with a mistake",
      () => ["--bundle", bundle("true", { linux: { seccomp: { defaultAction: "x" } } })],
      /linux\.seccomp: defaultAction: "x"/,
    ],
    ["null in a list", () => ["--bundle", bundle("true", { linux: { namespaces: [null] } })], /linux\.namespaces\[\]: must not be null/],
    ["a mount without a place", () => ["--bundle", bundle("true", { mounts: [{}] })], /mounts\[\]\.destination is missing/],
    [
      "a device without a path",
      () => ["--bundle", bundle("true", { linux: { devices: [{ type: "c" }] } })],
      /devices\[\]\.path is missing/,
    ],
    ["a limit of no number", () => ["--bundle", bundle("true", { process: { rlimits: [{ type: "RLIMIT_CORE" }] } })], /\.soft is missing/],
    ["a configuration that is a FIFO", () => ["--bundle", strange("mkfifo")], /config\.json is not a regular file/],
    ["a configuration without an end", () => ["--bundle", strange("ln", "-s", "/dev/zero")], /config\.json is not a regular file/],
    ["a root that is not there", () => ["--bundle", bundle("true", { root: { path: "/nowhere" } })], /\/nowhere/],
  ];
  for (const [what, words, message] of cases) {
    test(`${what}: refused before anything is made`, () => {
      const { status, stdout, stderr } = contain("run", ...words());
      assert.deepEqual([status, stdout], [125, ""]);
      assert.match(stderr, message);
      assert.doesNotMatch(stderr, /this is a bug|\n +at /);
    });
  }
});

describe("--bundle of another program", need("root"), () => {
  for (const words of [
    ["exec", "nobody", "--", "runc", "run", "--bundle", "B"],
    ["--root", root, "exec", "nobody", "x", "run", "--bundle=B"],
  ])
    test(words.join(" "), () => {
      const { status, stderr } = run(["contain", ...words]);
      assert.deepEqual([status, stderr.split("\n")[0]], [125, "contain: no such container: nobody"]);
    });

  test("of contain run, behind options and another tool", () => {
    const folder = bundle("exit 3");
    assert.equal(contain("run", "-q", "--bundle", folder).status, 3);
    assert.equal(run(["nsexec", "--", "contain", "--chain", "call", "--root", root, "run", "-q", `--bundle=${folder}`]).status, 3);
  });
});

describe("contain run --bundle with captured configurations", need("root"), () => {
  const captured = readFileSync(join(import.meta.dirname, "../oci/captured.jsonl"), "utf8")
    .trimEnd()
    .split("\n");
  for (const line of captured) {
    const { name, config } = JSON.parse(line) as { name: string; config: { root?: { path: string } } };
    if (!name.includes("/config-")) continue;
    test(`${name} compiles, or is refused in one line that names the field`, () => {
      const folder = join(dir, "captured");
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, "config.json"), JSON.stringify({ ...config, root: { ...config.root, path: rootfs } }));
      const { status, stdout, stderr } = contain("run", "--print-chain", "--bundle", folder);
      assert.doesNotMatch(stderr, /this is a bug|\n +at /);
      if (status === 0) assert.match(stdout, /nsexec .* pivot .* confine /);
      else assert.match(stderr, /^(contain|cgset|nsexec|pivot|confine): [^\n]+\n( +[^\n]+\n)?$/);
      assert.ok(existsSync(folder));
    });
  }
});
