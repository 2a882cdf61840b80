// contain cp: docker's rules for names, a tar on either side, and no way out of a hostile container.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { isolated } from "../helpers/isolated.ts";
import { need } from "../helpers/need.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { bin, run, sh } from "../helpers/run.ts";
import { tarOf } from "../helpers/tar.ts";

const dir = scratch("cp");
const rootfs = makeRootfs(dir);
const env = { CONTAIN_ROOT: join(dir, "states") };
const start = (name: string, ...words: string[]) => {
  const { status, stderr } = run(["contain", "run", "-q", "-d", "--name", name, "--rootfs", rootfs, ...words, "--", "sleep", "600"], {
    env,
  });
  assert.equal(status, 0, stderr);
};
const cp = (...words: string[]) => run(["contain", "cp", ...words], { env, cwd: dir });
const inside = (script: string, name = "box") => run(["contain", "exec", name, "--", "sh", "-c", script], { env }).stdout;
const ok = (...words: string[]) => {
  const { status, stdout, stderr } = cp(...words);
  assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: "", stderr: "" });
};

describe("contain cp", need("root"), () => {
  start("box", "--overlay");
  after(() => run(["contain", "rm", "-f", "box", "readonly"], { env }));
  mkdirSync(join(dir, "tree/sub"), { recursive: true });
  writeFileSync(join(dir, "tree/file"), "file");
  writeFileSync(join(dir, "tree/sub/deep"), "deep");
  symlinkSync("file", join(dir, "tree/link"));
  sh(`chown 7:8 ${dir}/tree/file; chmod 4755 ${dir}/tree/file; touch -d @1500000000 ${dir}/tree/file`);

  test("a file: to a new name, onto a file, into a directory", () => {
    ok("tree/file", "box:/tmp/new");
    ok("tree/sub/deep", "box:/tmp/new");
    ok("tree/file", "box:/tmp");
    ok("tree/file", "box:tmp/relative");
    assert.equal(inside("cat /tmp/new /tmp/file /tmp/relative; stat -c '%a %u %g %Y' /tmp/file"), "deepfilefile755 0 0 1500000000\n");
    ok("box:/tmp/new", "out");
    ok("box:/tmp/file", ".");
    assert.equal(readFileSync(join(dir, "out"), "utf8"), "deep");
    assert.equal(readFileSync(join(dir, "file"), "utf8"), "file");
  });

  test("-a keeps owners and set-user-ID", () => {
    ok("-a", "tree/file", "box:/tmp/kept");
    assert.equal(inside("stat -c '%a %u %g' /tmp/kept"), "4755 7 8\n");
    ok("box:/tmp/kept", "back", "-a");
    assert.equal(sh(`stat -c '%a %u %g' ${dir}/back`).stdout, "4755 7 8\n");
  });

  test("a directory: to a new name, into one that is there, its contents", () => {
    ok("tree", "box:/mnt/new");
    ok("tree", "box:/mnt");
    inside("mkdir /mnt/contents");
    ok("tree/.", "box:/mnt/contents");
    const names = "file\nlink\nsub\n";
    assert.equal(
      inside("ls /mnt/new; ls /mnt/tree; ls /mnt/contents; cat /mnt/tree/sub/deep; readlink /mnt/new/link"),
      `${names.repeat(3)}deepfile\n`,
    );
    ok("box:/mnt/new", "fresh");
    assert.deepEqual(readdirSync(join(dir, "fresh")).toSorted(), ["file", "link", "sub"]);
    ok("box:/mnt/new", "fresh");
    assert.deepEqual(readdirSync(join(dir, "fresh/new")).toSorted(), ["file", "link", "sub"]);
  });

  test("a symbolic link is copied as one; -L follows it", () => {
    ok("box:/mnt/new/link", "aslink");
    assert.equal(readlinkSync(join(dir, "aslink")), "file");
    ok("-L", "box:/mnt/new/link", "followed");
    assert.equal(readFileSync(join(dir, "followed"), "utf8"), "file");
  });

  test("a tar on standard output and on standard input", need("tar"), () => {
    assert.equal(sh(`contain cp box:/mnt/new - | tar -t`, { env }).stdout, "new/\nnew/file\nnew/link\nnew/sub/\nnew/sub/deep\n");
    const big = join(dir, "big");
    sh(`head -c 5000000 /dev/urandom >${big}; tar -C ${dir} -c big tree | gzip | contain cp - box:/tmp`, { env });
    assert.equal(sh(`contain cp box:/tmp/big - | tar -xO | cmp - ${big}`, { env }).status, 0);
    assert.equal(inside("stat -c '%a %u %g' /tmp/tree/file"), "4755 7 8\n");
    assert.match(sh(`contain cp box:/tmp/big - | head -c 10 >/dev/null`, { env }).stderr, /^contain: write\(1\): EPIPE/);
  });

  test("ids of a user namespace are those inside", () => {
    const script = `echo containers:500000:200000 >${dir}/ids; for f in subuid subgid; do mount --bind ${dir}/ids /etc/$f; done
      cd ${dir}; contain run -q -d --name shifted --overlay --userns auto --rootfs ${rootfs} -- sleep 600 >/dev/null
      contain cp tree/file shifted:/tmp/f; contain cp -a tree/file shifted:/tmp/g
      contain exec shifted -- stat -c '%a %u %g' /tmp/f /tmp/g; contain cp shifted:/tmp/g - | tar -tv --numeric-owner
      contain cp -a shifted:/tmp/g g; stat -c '%u %g' g; contain rm -f shifted`;
    const { stdout, stderr } = isolated(script, { env });
    assert.equal(stderr, "");
    assert.match(stdout, /^755 0 0\n4755 7 8\n-rwsr-xr-x 7\/8 .*\n7 8\n$/);
  });

  test("a hostile container: its links lead nowhere but into it, on both sides", () => {
    const secret = join(dir, "secret");
    writeFileSync(secret, "secret");
    inside(
      `ln -s ${secret} /tmp/out; ln -s ${dir} /tmp/way; ln -s /proc/self/root /tmp/magic; mkdir -p /tmp/evil; ln -s ${dir} /tmp/evil/d`,
    );
    assert.match(cp("-L", "box:/tmp/out", "stolen").stderr, /no such file or directory/);
    assert.match(cp("box:/tmp/way/secret", "stolen").stderr, /no such file or directory/);
    assert.match(cp("box:/../../../../../../../..$(pwd)/secret", "stolen").stderr, /no such file or directory/);
    assert.ok(!existsSync(join(dir, "stolen")));
    assert.equal(cp("tree/file", "box:/tmp/way/secret").status, 125);
    ok("tree/file", "box:/tmp/out"); // the link itself is replaced
    assert.equal(cp("tree/file", "box:/tmp/magic/x").status, 125);
    const tar = tarOf({ name: "l", type: "2", link: dir }, { name: "l/secret", data: "overwritten" });
    writeFileSync(join(dir, "tar"), tar);
    assert.equal(sh(`contain cp - box:/tmp <${dir}/tar`, { env }).status, 125);
    assert.equal(readFileSync(secret, "utf8"), "secret");
    ok("box:/tmp/evil", "evil");
    assert.equal(readlinkSync(join(dir, "evil/d")), dir);
  });

  test("names that come and go, change what they are, and a file that grows, while they are copied and compared", () => {
    const churn = `mkdir -p /busy && cd /busy && rm -f stop
      (while ! [ -e stop ]; do mkdir a; echo x >a/passwd; rm -rf a; ln -s /etc a; rm a; done) &
      (while ! [ -e stop ]; do mkdir -p b/b/b; touch b/b/b/c; rm -rf b; done) &
      (while ! [ -e stop ]; do head -c 100000 /dev/zero; done >grows) &`;
    inside(`(${churn}) >/dev/null 2>&1 </dev/null`);
    for (let i = 0; i < 8; i++) {
      rmSync(join(dir, "busy"), { recursive: true, force: true });
      ok("box:/busy", ".");
      const { status, stderr } = sh("contain cp box:/busy - | tar -t >/dev/null; contain diff box >/dev/null", { env });
      assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
    }
    inside("touch /busy/stop");
  });

  test("what the kernel shows, devices and pipes", () => {
    const { status, stderr } = cp("box:/dev", "dev");
    assert.deepEqual({ status, stderr }, { status: 0, stderr: "contain: 6 device nodes were left out\n" });
    assert.match(cp("box:/proc", "proc").stderr, /nothing to copy\n +what the kernel shows/);
    inside("mkfifo /tmp/fifo");
    ok("box:/tmp/fifo", "fifo");
  });

  start("readonly");
  for (const [what, words, message] of [
    ["a container that is not there", ["nobody:/x", "."], /no such container: nobody/],
    ["a file that is not there", ["box:/none", "."], /box:\/none: no such file or directory/],
    ["a directory that is not there", ["tree/file", "box:/no/way"], /box:\/no\/way: its directory does not exist/],
    ["a file to a directory that is not there", ["tree/file", "box:/tmp/none/"], /no such directory/],
    ["a directory onto a file", ["tree", "box:/etc/passwd"], /box:\/etc\/passwd is a file/],
    ["a file as a directory", ["box:/etc/passwd/", "."], /not a directory|no such file/],
    ["a read-only root", ["tree/file", "readonly:/etc/x"], /readonly:\/etc\/x: a read-only file system\n +contain run --rw or --overlay/],
    ["two paths of the host", ["a", "b"], /neither a nor b is in a container/],
    ["two containers", ["box:/etc", "readonly:/tmp"], /both in containers\n +contain cp box:\/etc - \| contain cp - ID:DIR/],
    ["no path", ["box:", "."], /missing path/],
    ["one word", ["box:/etc"], /missing path/],
    ["three words", ["box:/etc", ".", "x"], /unexpected argument: x/],
    ["a tar to a file", ["-", "box:/etc/passwd"], /no such directory/],
  ] as const)
    test(`refused: ${what}`, () => {
      const { status, stderr, stdout } = cp(...words);
      assert.match(stderr, message);
      assert.doesNotMatch(stderr, /bug/);
      assert.deepEqual({ status, stdout }, { status: 125, stdout: "" });
    });

  test("a container that has ended says where its files are", () => {
    run(["contain", "run", "-q", "-d", "--name", "gone", "--rootfs", rootfs, "--", "true"], { env });
    run(["contain", "wait", "gone"], { env });
    assert.match(cp("gone:/etc/passwd", ".").stderr, new RegExp(`gone has ended\n +its root is ${rootfs}`));
    run(["contain", "rm", "gone"], { env });
  });

  test("a terminal gets no tar", need("script"), () => {
    const { stdout } = sh(`script -qec '${bin}/contain cp box:/etc -' /dev/null </dev/null`, { env });
    assert.match(stdout, /a tar is not written to a terminal/);
  });
});
