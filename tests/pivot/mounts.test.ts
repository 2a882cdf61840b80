// pivot --no-default-mounts and --mount in the words of fstab(5): any file system, in the order given, with flags, propagation and data.
import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { isolated, readMounts } from "../helpers/isolated.ts";
import { need } from "../helpers/need.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { run } from "../helpers/run.ts";

const dir = scratch("mounts");
const rootfs = makeRootfs(dir);
const source = join(dir, "source");
for (const path of [source, join(source, "below"), join(rootfs, "data")]) mkdirSync(path);
writeFileSync(join(source, "file"), "content\n");
symlinkSync("../made/by/link", join(rootfs, "data/link"));

const PROC = "type=proc,source=proc,target=/proc,nosuid,nodev,noexec";
const words = (...mounts: string[]) => [PROC, ...mounts].flatMap((mount) => ["--mount", mount]);
const pivot = (mounts: readonly string[], options: readonly string[], ...program: string[]) =>
  run([
    "nsexec",
    "--pid",
    "--ipc",
    "--mount",
    "--",
    "pivot",
    rootfs,
    "--no-unshare",
    "--no-default-mounts",
    ...words(...mounts),
    ...options,
    "--",
    ...program,
  ]);
const shell = (argv: readonly string[]) => argv.map((word) => `'${word}'`).join(" ");

interface Case {
  readonly mount: string;
  readonly place: string;
  readonly type?: string;
  /** All of them, or with … some. */
  readonly flags: string;
  readonly options?: RegExp;
}

const CASES: readonly Case[] = [
  { mount: "type=tmpfs,source=x,target=/data", place: "/data", type: "tmpfs", flags: "rw,relatime", options: /^rw,mode=755/ },
  {
    mount: "type=tmpfs,target=/data,ro,nosuid,nodev,noexec,nosymfollow,size=1M,mode=700",
    place: "/data",
    flags: "ro,nosuid,nodev,noexec,relatime,nosymfollow",
    options: /size=1024k,mode=700/,
  },
  { mount: "type=tmpfs,target=/data,noatime,nodiratime", place: "/data", flags: "rw,noatime,nodiratime" },
  { mount: "type=tmpfs,target=/data,strictatime,ro,rw,nosuid,suid,defaults,x-note=1,X-other", place: "/data", flags: "rw" },
  { mount: "type=tmpfs,target=/data,sync,dirsync", place: "/data", flags: "rw,relatime", options: /sync,dirsync/ },
  {
    mount: "type=devpts,source=devpts,target=/dev/pts,newinstance,ptmxmode=0666,mode=0620",
    place: "/dev/pts",
    type: "devpts",
    flags: "rw,relatime",
    options: /mode=620,ptmxmode=666/,
  },
  { mount: "type=mqueue,source=mqueue,target=/dev/mqueue,nosuid", place: "/dev/mqueue", type: "mqueue", flags: "rw,nosuid,relatime" },
  { mount: "type=sysfs,source=sysfs,target=/sys,ro", place: "/sys", type: "sysfs", flags: "ro,relatime" },
  {
    mount: "type=cgroup,source=cgroup,target=/sys/fs/cgroup,ro,nosuid",
    place: "/sys/fs/cgroup",
    type: "cgroup2",
    flags: "ro,nosuid,relatime",
  },
  { mount: `type=bind,source=${source},target=/data,rbind,rprivate`, place: "/data", flags: "rw,…" },
  { mount: `type=none,source=${source},target=/data,bind,ro,nosuid`, place: "/data", flags: "ro,nosuid,…" },
  { mount: `type=bind,source=${source}/file,target=/new/deep/file,bind,ro`, place: "/new/deep/file", flags: "ro,…" },
  { mount: `type=bind,source=${source}/file,target=/data/link,bind`, place: "/made/by/link", flags: "rw,…" },
  {
    mount: `type=overlay,source=overlay,target=/data,"lowerdir=${source}:${rootfs}/etc"`,
    place: "/data",
    type: "overlay",
    flags: "relatime,…",
  },
];

function same(found: string | undefined, wanted: string): void {
  const [flags, words] = [(found ?? "").split(","), wanted.split(",")];
  if (!words.includes("…")) assert.deepEqual(flags, words.toSorted());
  else
    assert.deepEqual(
      words.filter((word) => word !== "…" && !flags.includes(word)),
      [],
    );
}

describe("pivot --no-default-mounts", need("root", "unshare"), () => {
  test("nothing is mounted but what is given, and the root is read-only, alone", () => {
    const { status, stdout, stderr } = pivot(
      ["type=tmpfs,target=/data"],
      [],
      "/bin/sh",
      "-c",
      "touch /x; touch /data/x && cat /proc/self/mountinfo",
    );
    assert.equal(status, 0, stderr);
    const mounts = readMounts(stdout);
    assert.deepEqual([...mounts.keys()], ["/", "/proc", "/data"]);
    same(mounts.get("/")?.flags, "ro,…");
    assert.match(stderr, /Read-only file system/);
  });

  for (const { mount, place, type, flags, options = /^/ } of CASES)
    test(mount.replaceAll(dir, ""), () => {
      const { status, stdout, stderr } = pivot([mount], [], "/bin/cat", "/proc/self/mountinfo");
      assert.equal(status, 0, stderr);
      const found = readMounts(stdout).get(place);
      assert.ok(found, stdout);
      if (type !== undefined) assert.equal(found.type, type);
      same(found.flags, flags);
      assert.match(found.options.join(","), options);
    });

  test("the order is kept: what is mounted later lies over what was mounted before, and below it in the tree", () => {
    const mounts = [
      "type=tmpfs,target=/data",
      `type=bind,source=${source},target=/data/in,rbind`,
      "type=tmpfs,target=/data/in/below,mode=711",
    ];
    const { stdout } = pivot(mounts, [], "/bin/sh", "-c", "ls /data; cat /data/in/file; stat -c %a /data/in/below");
    assert.equal(stdout, "in\ncontent\n711\n");
    assert.equal(pivot(mounts.toReversed(), [], "/bin/ls", "/data").stdout, "");
  });

  test("bind takes the one mount, rbind those below too; ro is of the one, rro of all", () => {
    const looks = (options: string) => {
      const command = shell([
        "pivot",
        rootfs,
        "--no-default-mounts",
        ...words(`type=bind,source=${source},target=/data,${options}`),
        "--",
        "/bin/sh",
        "-c",
      ]);
      const { stdout, stderr } = isolated(
        `mount -t tmpfs none ${source}/below; touch ${source}/below/there; ${command} 'ls /data/below; for f in /data/n /data/below/n; do touch $f && rm $f && echo w; done 2>&-'`,
      );
      assert.equal(stderr, "", options);
      return stdout;
    };
    assert.equal(looks("bind"), "w\nw\n");
    assert.equal(looks("bind,ro"), "");
    assert.equal(looks("rbind"), "there\nw\nw\n");
    assert.equal(looks("rbind,ro"), "there\nw\n");
    assert.equal(looks("rbind,rro"), "there\n");
  });

  test("rro, rnosuid and the like of all mounts below", () => {
    const command = shell([
      "pivot",
      rootfs,
      "--no-default-mounts",
      ...words(`type=bind,source=${source},target=/data,rbind,rnosuid,rnodev,noexec,rnoatime`),
    ]);
    const { stdout } = isolated(`mount -t tmpfs none ${source}/below; ${command} -- /bin/cat /proc/self/mountinfo`);
    same(readMounts(stdout).get("/data")?.flags, "rw,nosuid,nodev,noexec,noatime,…");
    same(readMounts(stdout).get("/data/below")?.flags, "rw,nosuid,nodev,noatime,…");
  });

  test("propagation: private without a word, slave and shared with the host", () => {
    const travelled = (options: string) => {
      const command = shell([
        "pivot",
        rootfs,
        "--no-default-mounts",
        ...words(`type=bind,source=${source},target=/data,rbind${options}`, "type=tmpfs,target=/mnt"),
      ]);
      const { stdout, stderr } = isolated(`
        mount -t tmpfs none ${source}; mount --make-rshared ${source}; mkdir ${source}/a ${source}/b; mkfifo ${dir}/go ${dir}/seen
        ${command} --mount type=bind,source=${dir},target=/fifos,bind -- /bin/sh -c 'cat /fifos/go; ls /data/a; mount -t tmpfs none /data/b && touch /data/b/inside; grep -o " /data .*- " /proc/self/mountinfo; echo >/fifos/seen' &
        until [ "$(pgrep -P $! -x cat)" ]; do kill -0 $! || exit 1; done
        mount -t tmpfs none ${source}/a; touch ${source}/a/outside; echo >${dir}/go; cat ${dir}/seen; wait; ls ${source}/b; rm ${dir}/go ${dir}/seen`);
      return `${stdout
        .trim()
        .split(/\s*\n\s*/)
        .filter((line) => /side$/.test(line))
        .join(" ")} ${/(shared|master):/.exec(stdout)?.[1] ?? "private"}${stderr}`;
    };
    assert.equal(travelled(""), " private");
    assert.equal(travelled(",rprivate"), " private");
    assert.equal(travelled(",rslave"), "outside master");
    assert.equal(travelled(",rshared"), "outside inside shared");
  });

  test("remount changes the flags of what is there", () => {
    const { stdout } = pivot(["type=tmpfs,target=/data", "target=/data,remount,ro,nosuid"], [], "/bin/cat", "/proc/self/mountinfo");
    same(readMounts(stdout).get("/data")?.flags, "ro,nosuid,…");
  });

  test("--cwd is made", () => {
    assert.equal(pivot([], ["--cwd", "/not/there/yet"], "/bin/pwd").stdout, "/not/there/yet\n");
  });

  test("--tty: a pseudo-terminal of the devpts that was given", () => {
    const mounts = ["type=tmpfs,target=/dev", "type=devpts,target=/dev/pts,newinstance,ptmxmode=0666"];
    const chain = ["nsexec", "--tty", "--pid", "--mount", "--", "pivot", rootfs, "--no-unshare", "--no-default-mounts", "--tty"];
    const { stdout } = run([...chain, ...words(...mounts), "--", "/bin/sh", "-c", "tty; stat -c %F /dev/console"]);
    assert.equal(stdout, "/dev/pts/0\r\ncharacter special file\r\n");
    const without = run([...chain, ...words("type=tmpfs,target=/dev"), "--", "/bin/true"]);
    assert.equal(without.status, 125);
    assert.match(without.stderr, /\/dev\/pts\/ptmx/);
  });

  test("in a user namespace: proc, sysfs of its own network, tmpfs, mqueue, cgroup", () => {
    const mounts = [
      "type=sysfs,target=/sys,nosuid,nodev,noexec,ro",
      "type=tmpfs,target=/data",
      "type=mqueue,target=/mnt",
      "type=cgroup,target=/tmp,ro,nosuid,nodev,noexec",
    ];
    const chain = ["nsexec", "--user", "--map-root-user", "--pid", "--ipc", "--net", "--cgroup", "--mount", "--", "pivot", rootfs];
    const { status, stdout, stderr } = run([
      ...chain,
      "--no-unshare",
      "--no-default-mounts",
      ...words(...mounts),
      "--",
      "/bin/cat",
      "/proc/self/mountinfo",
    ]);
    assert.equal(status, 0, stderr);
    const types = [...readMounts(stdout).values()].map(({ type }) => type).slice(1);
    assert.deepEqual(types, ["proc", "sysfs", "tmpfs", "mqueue", "cgroup2"]);
  });

  test("without --no-default-mounts too, beside /proc and /dev", () => {
    const { stdout } = run(["pivot", rootfs, "--mount", "type=ramfs,target=/data,nodev,noexec", "--", "/bin/cat", "/proc/self/mountinfo"]);
    assert.equal(readMounts(stdout).get("/data")?.type, "ramfs");
    const { status, stdout: inRun } = run([
      "contain",
      "run",
      "-q",
      "--rootfs",
      rootfs,
      "--mount",
      "type=mqueue,target=/data,ro",
      "--",
      "cat",
      "/proc/self/mountinfo",
    ]);
    assert.equal(status, 0);
    assert.equal(readMounts(inRun).get("/data")?.type, "mqueue");
  });

  test("wrong words", () => {
    const cases: readonly (readonly [mount: string, told: RegExp])[] = [
      ["target=/data", /: missing type\n/],
      ["type=tmpfs", /: target must be a path inside the root that starts with \/\n/],
      ["type=tmpfs,target=data", /: target must be a path/],
      ["type=tmpfs,target=/data,target=/mnt", /: target is given twice/],
      ["type=bind,target=/data,bind", /: missing source\n/],
      ["type=bind,source=/no/such,target=/data,rbind", /: there is no \/no\/such on the host/],
      [`type=bind,source=${source},target=/data,bind,size=1`, /: a bind mount has no size\n/],
      [`type=bind,source=${source},target=/data,bind,tmpcopyup`, /: tmpcopyup is for a new tmpfs\n/],
      ["target=/proc,remount,tmpcopyup", /: tmpcopyup is for a new tmpfs\n/],
      ["target=/proc,remount,size=1M", /: remount cannot change size\n/],
      [`type=bind,source=${source},target=/data,bind,idmap`, /: idmap is not supported\n.*nsexec --shift/],
      [`type=bind,source=${source}/file,target=/data,bind`, /: \/data in \S+ is a directory, and \S+ is a file\n/],
      ["type=nosuchfs,target=/data", /: \/data: fsopen\("nosuchfs", FSOPEN_CLOEXEC\): ENODEV/],
    ];
    for (const [mount, told] of cases) {
      const { status, stderr } = pivot([mount], [], "/bin/true");
      assert.equal(status, 125, mount);
      assert.match(stderr, told);
    }
  });
});
