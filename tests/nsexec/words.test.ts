// Words that unshare(1) and nsenter(1) know, and what they mean here.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { need } from "../helpers/need.ts";
import { childOf } from "../helpers/proc.ts";
import { scratch } from "../helpers/rootfs.ts";
import { bin, NOBODY, run } from "../helpers/run.ts";
import { subordinateIds } from "../helpers/subids.ts";
import { World } from "../helpers/world.ts";

const dir = scratch("words");
const nsexec = join(bin, "nsexec");
const world = new World("words");
const ids = subordinateIds(world, dir);
const inWorld = (...words: readonly string[]) => world.run([nsexec, ...words]);
const out = (result: { status: number; stdout: string; stderr: string }) => {
  assert.equal(result.status, 0, result.stderr);
  return result.stdout;
};
const squeeze = (text: string) =>
  text
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).join(" "));

/** A process to be joined, which says when it is ready. */
async function target(program: string, words: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<ChildProcess> {
  const child = spawn(program, words, { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, ...env } });
  await new Promise((resolve, reject) => child.stdout?.once("data", resolve).once("close", reject));
  return child;
}

describe("nsexec: a file behind a letter", need("root", "nsenter"), () => {
  const kept = join(dir, "kept");
  for (const word of [`-n${kept}`, `-n=${kept}`, `-un${kept}`, `--net=${kept}`, `-n=kept`, `-n./kept`])
    test(`${word.replace(kept, "/…/kept")}: kept there, and joined from there`, () => {
      writeFileSync(kept, "");
      try {
        const made = out(run([nsexec, word, "--", "readlink", "/proc/self/ns/net"], { cwd: dir }));
        assert.equal(out(run(["nsenter", `-n${kept}`, "readlink", "/proc/self/ns/net"])), made);
        const joined = run([nsexec, "-t", `${process.pid}`, word.replace("-un", "-n"), "--", "readlink", "/proc/self/ns/net"], {
          cwd: dir,
        });
        assert.equal(out(joined), made);
      } finally {
        run(["umount", kept]);
      }
    });

  test("letters in a row stay letters", () => {
    assert.notEqual(out(run([nsexec, "-unf", "readlink", "/proc/self/ns/net"])), `${readlinkSync("/proc/self/ns/net")}\n`);
    assert.match(run([nsexec, "-nx", "true"]).stderr, /unknown option -x/);
  });
});

describe("nsexec --map-users and --map-groups", need("root"), () => {
  before(() => ids.set("root:300000:1000\nroot:400000:10\n", "root:500000:2000\n"));
  const users: readonly [string, readonly string[]][] = [
    ["auto", ["0 300000 1000"]],
    ["subids", ["300000 300000 1000"]],
    ["all", ["0 0 4294967295"]],
    ["7,0,10", ["0 7 10"]],
    ["0:7:10", ["0 7 10"]],
  ];
  for (const [word, map] of users)
    test(`--map-users ${word}`, () => {
      assert.deepEqual(squeeze(out(inWorld("--map-users", word, "--map-groups", "0:0:1", "cat", "/proc/self/uid_map"))), map);
    });
  test("--map-groups auto, and several of a kind", () => {
    const { stdout, stderr } = inWorld(
      "--map-users",
      "auto",
      "--map-users=2000,1000,5",
      "--map-groups=auto",
      "cat",
      "/proc/self/uid_map",
      "/proc/self/gid_map",
    );
    assert.deepEqual(squeeze(stdout), ["0 300000 1000", "1000 2000 5", "0 500000 2000"], stderr);
  });
  test("auto without a range names the line that is missing", () => {
    ids.set("");
    const { status, stderr } = inWorld("--map-users", "auto", "true");
    assert.equal(status, 125);
    assert.match(stderr, /--map-users auto: \/etc\/subuid has no range for root\n.*usermod --add-subuids/);
  });
});

describe("nsexec: supplementary groups", need("root", "setpriv"), () => {
  const grouped = (...words: string[]) => run(["setpriv", "--groups", "5,7", nsexec, ...words, "--", "id", "-G"]);
  test("--setgroups without a user namespace is refused, as unshare(1) does", () => {
    for (const word of ["allow", "deny"]) {
      const { status, stderr } = run([nsexec, "--setgroups", word, "id", "-u"]);
      assert.equal(status, 125);
      assert.match(stderr, /--setgroups is for a new user namespace\n.*--user/);
    }
    assert.equal(out(run([nsexec, "--user", "--setgroups", "deny", "cat", "/proc/self/setgroups"])), "deny\n");
  });
  test("-G drops them, or is refused where they could not be dropped", () => {
    assert.equal(out(grouped("-G", "3")), "3\n");
    assert.equal(out(grouped("--map-users", "0:0:9", "--map-groups", "0:0:9", "-G", "3")), "3\n");
    for (const words of [
      ["-r", "-G", "0"],
      ["-c", "-G", "0"],
      ["--map-users", "0:0:9", "--map-groups", "0:0:9", "--setgroups", "deny", "-G", "3"],
    ]) {
      const { status, stdout, stderr } = grouped(...words);
      assert.equal(status, 125, words.join(" "));
      assert.match(stderr, /--setgid: setgroups is denied.*supplementary groups would stay/);
      assert.equal(stdout, "");
    }
  });
  test("a user namespace that is joined: dropped outside where it denies setgroups, refused where nobody may", async () => {
    const words = ["--map-users", "0:0:9", "--map-groups", "0:0:9", "--setgroups", "deny", "sh", "-c", "echo ready; exec sleep 100"];
    const child = await target(nsexec, words);
    try {
      const pid = `${childOf(child.pid ?? 0)}`;
      assert.equal(out(grouped("-t", pid, "-U")), "0\n");
      assert.equal(out(grouped("-t", pid, "-U", "-G", "3")), "3\n");
    } finally {
      child.kill();
    }
    const theirs = await target("setpriv", [
      ...["--reuid", "65534", "--regid", "65534", "--groups", "5,7", "unshare", "-Ur", "sh", "-c", "echo ready; exec sleep 100"],
    ]);
    try {
      const words = ["setpriv", "--reuid", "65534", "--regid", "65534", "--groups", "5,7", nsexec, "-t", `${theirs.pid}`, "-U"];
      assert.equal(run([...words, "id", "-u"]).stdout, "0\n");
      const { status, stderr } = run([...words, "-G", "0", "id", "-G"]);
      assert.equal(status, 125);
      assert.match(stderr, /setgroups\(0.*EPERM.*\n.*supplementary groups/);
    } finally {
      theirs.kill();
    }
  });
});

describe("nsexec --target: what comes from the target", need("root", "unshare", "perl"), () => {
  let child: ChildProcess;
  const at = join(dir, "tmpfs");
  const script = `mount -t tmpfs none ${at}; mkdir ${at}/inside; echo ready; exec sleep 100`;
  before(async () => {
    mkdirSync(at);
    writeFileSync(join(at, "outside"), "");
    child = await target("unshare", ["-m", "sh", "-c", script], { ONLY_THERE: "1" });
  });
  after(() => child.kill());
  const joined = (...words: string[]) => run([nsexec, "-t", `${child.pid}`, ...words], { env: { ONLY_HERE: "1" } });

  test("-w is the caller's directory, -W the one that is found inside", () => {
    assert.equal(out(joined("-m", "-w", at, "ls")), "outside\n");
    assert.equal(out(joined("-m", "-f", "-w", at, "ls")), "outside\n");
    assert.equal(out(joined("-m", "-W", at, "ls")), "inside\n");
    assert.equal(out(joined("-m", "--wdns", at, "ls")), "inside\n");
    assert.equal(out(joined("-u", "-w", at, "ls")), "outside\n");
    assert.equal(out(run([nsexec, "-W", at, "ls"])), "outside\n");
    for (const word of ["-w", "-W"]) assert.equal(joined("-m", word, "/none/such", "true").status, 125);
  });

  test("-e is its environment", () => {
    assert.match(out(joined("-u", "-e", "env")), /^ONLY_THERE=1$/m);
    assert.doesNotMatch(out(joined("-u", "-e", "env")), /^ONLY_HERE=/m);
    assert.match(out(joined("-u", "env")), /^ONLY_HERE=1$/m);
    assert.match(out(joined("-u", "-e", "--env", "MORE=1", "env")), /^MORE=1$/m);
    assert.equal(run([nsexec, "-e", "true"]).status, 125);
    const { status, stderr } = run([nsexec, "-t", `${child.pid}`, "-u", "-e", "true"], NOBODY);
    assert.equal(status, 125);
    assert.match(stderr, /--target-env: the environment of PID \d+ cannot be read: EACCES/);
  });

  test("-e keeps bytes that are no UTF-8", async () => {
    const start = `export BYTES="$(printf 'a\\377b')"; exec sh -c 'echo ready; exec sleep 100'`;
    const other = await target("sh", ["-c", start]);
    try {
      const { stdout } = run([nsexec, "-t", `${other.pid}`, "-u", "-e", "sh", "-c", 'printf %s "$BYTES" | od -An -tx1']);
      assert.equal(stdout.trim(), "61 ff 62");
    } finally {
      other.kill();
    }
  });

  test("-S follow and -G follow: its ids, as the namespace that is joined has them", async () => {
    const mapped = ["--map-users", "0:3000:10", "--map-groups", "0:4000:10", "-S", "5", "-G", "6"];
    const other = await target(nsexec, [...mapped, "--fork", "sh", "-c", "echo ready; exec sleep 100"]);
    try {
      const pid = `${childOf(other.pid ?? 0)}`;
      const ids = ["-S", "follow", "-G", "follow", "sh", "-c", "id -u; id -g; id -G"];
      assert.equal(out(run([nsexec, "-t", pid, "-U", ...ids])), "5\n6\n6\n");
      assert.equal(out(run([nsexec, "-t", pid, "-u", ...ids])), "3005\n4006\n4006\n");
    } finally {
      other.kill();
    }
  });

  test("-N FD: the network namespace of its socket", async () => {
    const [unshare, setns] = process.arch === "arm64" ? [97, 268] : [272, 308];
    const elsewhere = `syscall(${unshare}, 0x40000000); socket(S, AF_INET, SOCK_DGRAM, 0); my $ns = readlink "/proc/self/ns/net"`;
    const back = `syscall(${setns}, fileno(N), 0x40000000)`;
    const code = `use Socket; $| = 1; open N, "</proc/self/ns/net"; ${elsewhere}; ${back}; print fileno(S), " $ns ", fileno(N), "\\n"; sleep 100`;
    const moved = spawn("perl", ["-e", code], { stdio: ["ignore", "pipe", "inherit"] });
    try {
      const said = await new Promise<string>((resolve) => moved.stdout.once("data", (text) => resolve(String(text).trim())));
      const [fd = "", there, other = ""] = said.split(" ");
      const words = ["readlink", "/proc/self/ns/net"];
      for (const more of [[], ["-a"], ["-f"]])
        assert.equal(out(run([nsexec, "-t", `${moved.pid}`, ...more, "-N", fd, ...words])), `${there}\n`);
      assert.notEqual(readlinkSync("/proc/self/ns/net"), there);
      const notOne = run([nsexec, "-t", `${moved.pid}`, "-N", other, "true"]);
      assert.equal(notOne.status, 125);
      assert.match(notOne.stderr, /SIOCGSKNS.*ENOTTY/);
    } finally {
      moved.kill();
    }
  });
});

function directoryOf(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return undefined; // no process, or gone
  }
}

describe("who stays does not hold the caller's directory", need("root"), () => {
  const cases: readonly [string, readonly string[]][] = [
    ["pid1", ["pid1"]],
    ["pid1 -c", ["pid1", "-c"]],
    ["pid1 before confine", ["pid1", "confine", "--no-new-privs", "--"]],
    ["confine --trace-denied", ["confine", "--seccomp", "default", "--trace-denied", "--"]],
  ];
  for (const [name, [tool = "", ...words]] of cases)
    test(name, async () => {
      const place = join(dir, `place-${name.replaceAll(" ", "-")}`);
      mkdirSync(place);
      const script = 'pwd; cd /; until [ -e "$0/go" ]; do sleep 0.05; done';
      const child = spawn(join(bin, tool), [...words, "/bin/sh", "-c", script, dir], { cwd: place, stdio: ["ignore", "pipe", "inherit"] });
      try {
        const said = await new Promise<string>((resolve) => child.stdout.once("data", (text) => resolve(String(text))));
        assert.equal(said, `${place}\n`, "the program starts where the caller was");
        const holders = () => readdirSync("/proc").filter((pid) => directoryOf(pid) === place);
        for (const until = Date.now() + 5000; holders().length > 0 && Date.now() < until; ) await new Promise((soon) => setImmediate(soon));
        assert.deepEqual(holders(), []);
      } finally {
        writeFileSync(join(dir, "go"), "");
        await new Promise((resolve) => child.once("close", resolve));
        rmSync(join(dir, "go"));
      }
    });
});
