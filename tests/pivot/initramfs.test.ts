// A host whose root is the initial rootfs, which pivot_root(2) refuses: a machine with an initramfs of its own.
import assert from "node:assert/strict";
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { before, describe, test } from "node:test";
import { need } from "../helpers/need.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { bin, root, run } from "../helpers/run.ts";
import { type Machine, readMachine, start } from "../vm/machine.ts";

const WAY = "the new root was moved over it (mount --move, chroot)";
/** What of the initial rootfs is in sight; from a new working directory above, from the root of the mount namespace, and by a /proc that is mounted anew. */
const ESCAPE = `
  my $setns = ${process.arch === "x64" ? 308 : 268};
  sub seen { print "$_[0]: ", (-e "/secret" ? "the host" : "nothing"), "\\n" }
  seen("root");
  mkdir "/tmp/x"; chroot "/tmp/x"; chdir ".." for 1..20; chroot "."; seen("chroot and ..");
  open my $ns, "<", "/proc/self/ns/mnt"; my $r = syscall($setns, fileno $ns, 0); seen("setns $r");
`;
const PERL = `/host/usr/bin/perl -e '${ESCAPE}'`;

const cases = [
  {
    name: "pivot moves the new root over the old one, says so, and unmounts all others",
    script: "pivot -v /tmp/rootfs -- sh -c 'ls -d /bin /secret; cut -d\" \" -f5 /proc/self/mountinfo; cd /; cd ../..; pwd; ls -d secret'",
    stdout: /^\/bin\n\/\n\/proc\n\/dev\n\/dev\/pts\n\/dev\/shm\n\/\n$/,
    stderr: new RegExp(`^\\[pivot\\] / is the initial rootfs, which pivot_root refuses: ${WAY.replaceAll(/[()]/g, "\\$&")}$`, "m"),
    status: 1,
  },
  {
    name: "nothing of the old root can be reached, as root without confinement",
    script: `pivot /tmp/rootfs --rw --bind /host:/host -- ${PERL}`,
    stdout: /^root: nothing\nchroot and ..: nothing\nsetns 0: nothing\n$/,
    status: 0,
  },
  {
    name: "a masked /proc stays masked: none without masks is left below",
    script: `pivot --mask /tmp/rootfs --rw --bind /host:/host -- /host/usr/bin/unshare --user --map-root-user --pid --fork --mount sh -c '
      mount -t proc proc /proc; echo "status $?"'`,
    stdout: /^status 1\n$/,
    status: 0,
  },
  {
    name: "contain run, with the init, confined, detached, and with exec",
    script: `
      contain run --init --rootfs /tmp/rootfs -- sh -c 'echo $$; ls -d /secret'
      contain run --confine --memory 64M --rootfs /tmp/rootfs -- sh -c 'umount -l /; ls -d /bin; exit 4'; echo "status $?"
      contain run -qd --name here --rootfs /tmp/rootfs -- sleep 1000 >/dev/null
      contain exec here -- sh -c 'ls -d /bin /secret'
      contain stop --grace 0s here >/dev/null; contain rm here`,
    stdout: /^\d+\n\/bin\nstatus 4\n\/bin\n$/,
    status: 0,
  },
  {
    name: "contain run with the host's files as the root",
    script: "contain run -- sh -c 'ls -d /secret /host/usr; echo $$'",
    stdout: /^\/host\/usr\n\/secret\n1\n$|^\/secret\n\/host\/usr\n1\n$/,
    status: 0,
  },
  {
    name: "a chain of nsexec, pivot and pid1, each by itself too",
    script: `
      nsexec --mount --pid --fork -- pivot /tmp/rootfs --no-unshare -- pid1 sh -c 'echo $$; ls -d /secret'
      CONTAIN_CHAIN=exec nsexec --mount --pid --fork -- pivot /tmp/rootfs --no-unshare -- sh -c 'echo $$; ls -d /secret'
      nsexec --user --map-root-user --mount --pid --fork -- pivot /tmp/rootfs --no-unshare --no-dev -- sh -c 'echo $$; ls -d /secret'`,
    stdout: /^2\n1\n1\n$/,
    status: 1,
  },
  {
    name: "in a chroot there",
    script: `
      mkdir -p jail/bin jail/proc jail/dev jail/tmp; cp -a rootfs jail/rootfs; cp -a rootfs/bin/. jail/bin/
      for name in lib lib64 usr; do ln -s host/$name jail/$name; done; mkdir jail/host
      mount -t proc proc jail/proc; mount -t hostfs -o / none jail/host
      chroot jail $BIN/pivot -v /rootfs --rw --bind /host:/host -- ${PERL}
      umount jail/proc jail/host; umount -l jail/host 2>/dev/null; rm -rf jail`,
    stdout: /^root: nothing\nchroot and ..: nothing\nsetns 0: nothing\n$/,
    stderr: /\/ was a chroot on the initial rootfs, which pivot_root refuses/,
    status: 0,
  },
  {
    name: "doctor says which root it is",
    script: "contain doctor | grep '^pivot_root'",
    stdout:
      /^pivot_root +limited +\/ is the initial rootfs \(initramfs\), which pivot_root\(2\) refuses: `pivot` moves the new root over it and calls chroot\(2\)\n$/,
    status: 0,
  },
] as const;

const dir = scratch("initramfs");

describe("on an initramfs", { ...need("root", "linux.uml", "unshare", "busybox", "perl"), concurrency: false }, () => {
  let machine: Omit<Machine, "result">;

  before(
    async () => {
      const rootfs = makeRootfs(dir);
      const image = join(dir, "image");
      cpSync(rootfs, image, { recursive: true, verbatimSymlinks: true });
      for (const name of ["proc", "sys", "dev", "run", "tmp", "host", "etc"]) mkdirSync(join(image, name), { recursive: true });
      for (const name of ["lib", "lib64", "usr"]) if (!existsSync(join(image, name))) symlinkSync(`host/${name}`, join(image, name));
      copyFileSync(join(root, "tests/vm/initramfs.sh"), join(image, "init"));
      chmodSync(join(image, "init"), 0o755);
      writeFileSync(join(image, "secret"), "");
      const archive = join(dir, "initramfs.cpio");
      const made = run(["sh", "-c", `cd ${image} && find . | busybox cpio -o -H newc >${archive}`]);
      assert.equal(made.status, 0, made.stderr);
      const work = join(dir, "work");
      mkdirSync(work);
      const path = `/host${bin}:/bin:/host${dirname(process.execPath)}:/host/usr/bin`;
      writeFileSync(join(work, "environment"), `export WORK=${work} ROOTFS=${rootfs} BIN=/host${bin} PATH=${path} HOME=/tmp\n`);
      cases.forEach(({ script }, i) => {
        mkdirSync(join(work, `${i}`));
        writeFileSync(join(work, `${i}/script`), `${script}\n`);
      });
      const words = [
        "mem=768M",
        `initrd=${archive}`,
        "rdinit=/init",
        "con=null",
        "con0=null,fd:1",
        "quiet",
        `uml_dir=${work}`,
        `WORK=${work}`,
      ];
      machine = readMachine(work, await start(words, 400));
    },
    { timeout: 450_000 },
  );

  for (const [i, { name, stdout, status, ...more }] of cases.entries()) {
    test(name, () => {
      const result = machine.at(i);
      assert.match(result.stdout, stdout, result.stderr);
      if ("stderr" in more) assert.match(result.stderr, more.stderr);
      assert.equal(result.status, status, result.stderr);
      assert.equal(result.left, "", "left behind");
    });
  }
});
