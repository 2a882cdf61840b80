// An ordinary user's containers: a user namespace, bound devices, locked mount flags, and a /proc that may be refused.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isolated, readMounts } from "../helpers/isolated.ts";
import { need } from "../helpers/need.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { bin, NOBODY, run } from "../helpers/run.ts";

const dir = scratch("user");
const rootfs = makeRootfs(dir);
const contain = (...words: string[]) => run(["contain", "run", ...words], NOBODY);

describe("an ordinary user", need("root", "unshare", "setpriv"), () => {
  test("gets a user namespace, is told so, and is root inside", () => {
    const { status, stdout, stderr } = contain(
      "--rootfs",
      rootfs,
      "--rw",
      "--",
      "/bin/sh",
      "-c",
      "id -u; id -g; cat /proc/self/uid_map; echo $$; exit 9",
    );
    assert.equal(status, 9, stderr);
    assert.match(stdout, /^0\n0\n +0 +65534 +1\n1\n$/);
    const [first = "", ...others] = stderr.split("\n");
    assert.match(first, /^\[contain\] not root: creating a user namespace, in which you are root[,;] ./); // and which ids: contain/rootless-ids.test.ts
    assert.deepEqual(others.slice(0, 3), [
      "[contain] confinement: none; root inside is you outside. --confine adds docker's rails.",
      "[contain] creating namespaces: user pid uts mnt ipc cgroup",
      "[contain] setting hostname: sandbox",
    ]);
  });

  for (const options of [[], ["--rw"], ["--init"], ["--rootfs", rootfs]]) {
    test(`its devices are the host's, bound in, and work: ${options.slice(0, 1).join("") || "the host's /"}`, () => {
      const { stdout, stderr } = contain(
        "--quiet",
        ...options,
        "--",
        "/bin/sh",
        "-c",
        "cd /dev; stat -c '%n %t:%T %a' null zero full random urandom tty; grep -c ' /dev/null .* - devtmpfs ' /proc/self/mountinfo; echo x >null; head -c 1 zero | wc -c; exec 3<>ptmx; stat -c %a pts/0",
      );
      assert.equal(stderr, "");
      assert.equal(stdout, "null 1:3 666\nzero 1:5 666\nfull 1:7 666\nrandom 1:8 666\nurandom 1:9 666\ntty 5:0 666\n1\n1\n620\n");
    });
  }

  test("the root and the mounts below it are read-only, and keep the flags that are locked", () => {
    const { stdout, stderr } = isolated(`
      mount -t tmpfs -o nosuid,nodev,noexec,noatime none ${rootfs}/mnt; mkdir ${rootfs}/mnt/a; mount -t tmpfs -o nodiratime,strictatime none ${rootfs}/mnt/a
      nobody contain run -q --rootfs ${rootfs} -- /bin/cat /proc/self/mountinfo
      nobody contain run -q --rootfs ${rootfs} -- /bin/mount -o remount,rw /mnt 2>&1`);
    const mounts = readMounts(stdout);
    assert.equal(mounts.get("/mnt")?.flags, "noatime,nodev,noexec,nosuid,ro", stdout + stderr);
    assert.equal(mounts.get("/mnt/a")?.flags, "nodiratime,ro");
    assert.match(mounts.get("/")?.flags ?? "", /\bro\b/);
    assert.equal(mounts.get("/proc")?.flags, "nodev,noexec,nosuid,relatime,rw");
  });

  test('"mount too revealing" is explained: a host whose /proc is partly covered', () => {
    const { stdout, stderr } = isolated(`mount -t tmpfs none /proc/sys
      nobody env PATH=${bin}:$PATH contain run --rootfs ${rootfs} -- /bin/true; echo $?
      nobody env PATH=${bin}:$PATH nsexec --user -r --mount --pid -- pivot --no-unshare --no-proc ${rootfs} -- /bin/echo ran; echo $?`);
    assert.match(
      stderr,
      /pivot: \/proc: mount\("proc", .*\): EPERM .*\n +in a user namespace a fresh \/proc is refused while the visible one is partly covered \("mount too revealing"\)/,
    );
    assert.match(stderr, /or use --no-proc\n/);
    assert.match(stderr, /\[contain\] container did not start: pivot failed \(exit status 125\)\n/);
    assert.equal(stdout, "125\nran\n0\n");
  });

  test("pivot alone, without a user namespace, says what is missing and what would do", () => {
    const { status, stderr } = run(["pivot", rootfs, "--", "/bin/true"], NOBODY);
    assert.equal(status, 125);
    assert.match(stderr, /^pivot: unshare\(CLONE_NEWNS\): EPERM .*\n +.*needs CAP_SYS_ADMIN.*--user --map-root-user\n$/);
  });

  test("a ROOTFS that may not be entered is named", () => {
    const { status, stderr } = contain("--quiet", "--rootfs", "/root/x", "--", "/bin/true");
    assert.equal(status, 125);
    assert.match(stderr, /\/root\/x.*EACCES/);
  });
});
