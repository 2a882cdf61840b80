// pivot: its own mount namespace, the root it makes, what is mounted there, and what is said when it cannot be.
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { elf } from "../helpers/elf.ts";
import { isolated, readMounts } from "../helpers/isolated.ts";
import { need } from "../helpers/need.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { type RunOptions, run, sh } from "../helpers/run.ts";

const dir = scratch("pivot");
const rootfs = makeRootfs(dir);
const source = join(dir, "source");
mkdirSync(source);
writeFileSync(join(source, "file"), "from the host\n");

const inside = (options: readonly string[], script: string, more: RunOptions = {}) =>
  run(["pivot", rootfs, ...options, "--", "/bin/sh", "-c", script], more);
const mountsOf = (options: readonly string[]) => {
  const { stdout, stderr } = inside(options, "cat /proc/self/mountinfo");
  assert.equal(stderr, "");
  return readMounts(stdout);
};

describe("pivot: the mount namespace", need("root", "unshare"), () => {
  test("is its own, and the caller's mounts are byte for byte what they were", () => {
    const own = readlinkSync("/proc/self/ns/mnt");
    assert.notEqual(inside([], "readlink /proc/self/ns/mnt").stdout.trim(), own);
    const { stdout } = isolated(`
      before
      pivot ${rootfs} -- /bin/true; same run
      pivot ${rootfs} --rw --tmpfs /tmp --bind ${source}:/mnt -- /bin/true; same volumes
      pivot / -- /bin/true; same slash
      pivot ${rootfs} --cwd /nope -- /bin/true; same cwd
      pivot ${rootfs} --tmpfs /nope -- /bin/true; same target
      pivot ${rootfs} -- /nope; same program
      echo done`);
    assert.equal(stdout, "done\n");
  });

  // mount: slave, proc, devpts, shm, /dev read-only, old root slave, all private
  const steps = [
    ["unshare", 1],
    ...[1, 2, 3, 4, 5, 6, 7].map((n) => ["mount", n]),
    ["open_tree", 1],
    ["move_mount", 1],
    ["move_mount", 2],
    ["mount_setattr", 1],
    ["openat2", 1],
    ["openat2", 2],
    ...["fsopen", "fsconfig", "fsmount", "pivot_root", "umount2", "fchdir"].map((name) => [name, 1]),
  ] as const;
  test(`a failure at each of ${steps.length} steps is told, and changes nothing outside`, need("strace"), () => {
    const { stdout, stderr } = isolated(
      steps
        .map(
          ([call, n]) => `before
          timeout -s KILL 60 strace -qq -o /dev/null -e inject=${call}:error=EIO:when=${n} pivot ${rootfs} -- /bin/echo ran
          [ $? = 125 ] || echo "${call} ${n}: not 125"
          same ${call} ${n}`,
        )
        .join("\n"),
      { timeout: 300_000 },
    );
    assert.equal(stdout, "");
    const told = stderr.split("\n").filter((line) => line.startsWith("pivot:"));
    assert.deepEqual(
      told.map((line) => /(\w+)\(.*\): EIO/.exec(line)?.[1]),
      steps.map(([call]) => call),
    );
  });

  for (const [argv, status] of [
    [["nsexec", "--mount", "--", "pivot", "--no-unshare"], 0],
    [["nsexec", "--mount", "--propagation", "slave", "--pid", "--", "pivot", "--no-unshare"], 0],
    [["nsexec", "--user", "--map-root-user", "--mount", "--pid", "--", "pivot", "--no-unshare"], 0],
    [["unshare", "--mount", "pivot", "--no-unshare"], 0],
    [["pivot", "--no-unshare"], 125],
    [["nsexec", "--uts", "--", "pivot", "--no-unshare"], 125],
    [["nsexec", "--pid", "--", "pivot", "--no-unshare"], 125],
    [["unshare", "--mount", "sh", "-c", 'pivot --no-unshare "$@"; exit $?', "sh"], 125],
  ] as const) {
    test(`${argv.join(" ")}: ${status === 0 ? "uses the namespace just made" : "refused, since it is shared with the parent"}`, () => {
      const command = [...argv, rootfs, "--", "/bin/true"].map((word) => `'${word}'`).join(" ");
      const result = isolated(`before; ${command}; echo $?; same`);
      assert.equal(result.stdout, `${status}\n`, result.stderr);
      if (status !== 0) assert.match(result.stderr, /shared with the parent process, whose root would change too\n.*nsexec --mount/);
    });
  }

  test("--no-unshare in a user namespace without a mount namespace of its own is the kernel's EPERM, explained", () => {
    const { status, stderr } = run(["nsexec", "--user", "-r", "--", "pivot", "--no-unshare", rootfs, "--", "/bin/true"]);
    assert.equal(status, 125);
    assert.match(stderr, /EPERM.*\n.*needs CAP_SYS_ADMIN in the user namespace that owns this mount namespace/);
  });
});

describe("pivot: read-only", need("root", "unshare"), () => {
  const staged = `
    mkdir -p ${rootfs}/mnt ${rootfs}/home
    mount -t tmpfs -o nosuid,nodev,noexec,noatime none ${rootfs}/mnt
    mkdir ${rootfs}/mnt/deep; mount -t tmpfs -o strictatime,nodiratime none ${rootfs}/mnt/deep
    mount -t tmpfs -o nosymfollow none ${rootfs}/home`;

  test("the root and every mount below it, whose other flags stay", () => {
    const { stdout } = isolated(`${staged}
      pivot ${rootfs} -- /bin/cat /proc/self/mountinfo
      pivot ${rootfs} -- /bin/sh -c 'for d in / /mnt /mnt/deep /home /dev; do touch $d/x 2>/dev/null && echo wrote $d; done'`);
    const mounts = readMounts(stdout);
    assert.match(mounts.get("/")?.flags ?? "", /\bro\b/);
    assert.equal(mounts.get("/mnt")?.flags, "noatime,nodev,noexec,nosuid,ro");
    assert.equal(mounts.get("/mnt/deep")?.flags, "nodiratime,ro");
    assert.equal(mounts.get("/home")?.flags, "nosymfollow,relatime,ro");
    assert.doesNotMatch(stdout, /wrote/);
  });

  test("in a user namespace too, where those flags are locked", () => {
    const { stdout, status } = isolated(`${staged}
      nobody nsexec --user --map-root-user -- pivot ${rootfs} --no-proc --bind /proc:/proc -- /bin/cat /proc/self/mountinfo`);
    assert.equal(status, 0);
    const mounts = readMounts(stdout);
    assert.equal(mounts.get("/mnt")?.flags, "noatime,nodev,noexec,nosuid,ro");
    assert.equal(mounts.get("/mnt/deep")?.flags, "nodiratime,ro");
  });

  test("--rw leaves all of it writable", () => {
    const { stdout } = isolated(`${staged}
      pivot ${rootfs} --rw -- /bin/sh -c 'for d in / /mnt /mnt/deep /home /dev; do touch $d/x && echo wrote $d && rm $d/x; done'`);
    assert.equal(stdout, "wrote /\nwrote /mnt\nwrote /mnt/deep\nwrote /home\nwrote /dev\n");
  });

  test("/ as ROOTFS: the host's own files, every visible mount of them read-only", () => {
    const { stdout } = isolated("pivot / -- cat /proc/self/mountinfo; pivot / --no-proc --no-dev -- cat /proc/self/mountinfo");
    const [full = "", bare = ""] = stdout.split(/^(?=\d+ \d+ \d+:\d+ \S+ \/ )/m);
    const writable = (text: string) =>
      [...readMounts(text).values()].filter(({ flags }) => !flags.split(",").includes("ro")).map(({ point }) => point);
    assert.deepEqual(writable(full).sort(), ["/dev/pts", "/dev/shm", "/proc"]); // the new ones
    assert.deepEqual(writable(bare), []);
    assert.ok(readMounts(bare).size > 3, bare);
  });
});

describe("pivot: /proc, /dev, /sys", need("root"), () => {
  test("/proc has nosuid, nodev, noexec and shows the PID namespace one is in", () => {
    assert.equal(mountsOf([]).get("/proc")?.flags, "nodev,noexec,nosuid,relatime,rw");
    const { stdout } = run(["nsexec", "--pid", "--", "pivot", rootfs, "--", "/bin/sh", "-c", "echo $$; ls -d /proc/[0-9]*"]);
    assert.deepEqual(stdout.split("\n").slice(0, 2), ["1", "/proc/1"]);
    assert.ok(stdout.split("\n").length < 6, stdout);
    assert.match(inside([], "ls -d /proc/[0-9]*").stdout, new RegExp(`^/proc/${process.pid}$`, "m"));
  });

  test("/dev has the devices, links, modes that programs expect, whatever the caller's umask", () => {
    for (const umask of ["000", "022", "077"]) {
      const { stdout } = sh(
        `umask ${umask}; exec pivot ${rootfs} -- /bin/sh -c 'cd /dev; stat -c "%n %F %a %t:%T" *; for l in fd stdin stdout stderr ptmx; do readlink $l; done; stat -c %a .; umask'`,
      );
      assert.deepEqual(stdout.trim().split("\n"), [
        "fd symbolic link 777 0:0",
        "full character special file 666 1:7",
        "null character special file 666 1:3",
        "ptmx symbolic link 777 0:0",
        "pts directory 755 0:0",
        "random character special file 666 1:8",
        "shm directory 1777 0:0",
        "stderr symbolic link 777 0:0",
        "stdin symbolic link 777 0:0",
        "stdout symbolic link 777 0:0",
        "tty character special file 666 5:0",
        "urandom character special file 666 1:9",
        "zero character special file 666 1:5",
        "/proc/self/fd",
        "/proc/self/fd/0",
        "/proc/self/fd/1",
        "/proc/self/fd/2",
        "pts/ptmx",
        "755",
        `0${umask}`,
      ]);
    }
  });

  test("the devices work: null, zero, full, urandom, a new terminal from ptmx, shm", () => {
    const { stdout, stderr } = inside(
      [],
      `echo x >/dev/null && head -c 2 /dev/zero | od -An -tx1; echo x 2>/dev/null >/dev/full || echo full; head -c 4 /dev/urandom | wc -c
       ls /dev/pts; exec 3<>/dev/ptmx && stat -c '%n %a %g' /dev/pts/0; echo x >/dev/shm/x && cat /dev/fd/0 </dev/shm/x`,
    );
    assert.equal(stderr, "");
    assert.equal(stdout, " 00 00\nfull\n4\nptmx\n/dev/pts/0 620 5\nx\n");
  });

  test("--no-proc, --no-dev leave what the rootfs has; --sys mounts /sys read-only", () => {
    assert.equal(inside(["--no-proc", "--no-dev"], "ls -A /proc /dev | tr '\\n' ' '").stdout, "/dev:  /proc: ");
    assert.equal(mountsOf(["--sys"]).get("/sys")?.flags, "nodev,noexec,nosuid,relatime,ro");
    assert.equal(inside(["--sys"], "ls /sys").stdout.includes("kernel"), true);
    assert.equal(mountsOf([]).has("/sys"), false);
  });
});

describe("pivot: volumes", need("root"), () => {
  test("a directory and a file, writable or read-only", () => {
    const mounts = mountsOf(["--bind", `${source}:/mnt`, "--ro-bind", `${source}/file:/etc/passwd`, "--ro-bind", `${source}:/home`]);
    assert.equal(mounts.get("/mnt")?.flags, "relatime,rw");
    assert.equal(mounts.get("/home")?.flags, "relatime,ro");
    assert.equal(mounts.get("/etc/passwd")?.flags, "relatime,ro");
    assert.equal(inside(["--ro-bind", `${source}/file:/etc/passwd`], "cat /etc/passwd").stdout, "from the host\n");
    assert.equal(inside(["--bind", `${source}:/mnt`], "echo new >/mnt/new; echo $?").stdout, "0\n");
    assert.equal(readFileSync(join(source, "new"), "utf8"), "new\n");
  });

  test("--ro-bind makes the mounts below SRC read-only too, and keeps their flags", need("unshare"), () => {
    const { stdout } = isolated(`mkdir ${source}/sub; mount -t tmpfs -o nosuid,noatime none ${source}/sub
      pivot ${rootfs} --ro-bind ${source}:/mnt -- /bin/cat /proc/self/mountinfo; umount ${source}/sub; rmdir ${source}/sub`);
    assert.equal(readMounts(stdout).get("/mnt/sub")?.flags, "noatime,nosuid,ro");
  });

  test("in the order of the command line, one on the other", () => {
    const look = (options: string[]) => inside(options, "ls /mnt").stdout;
    assert.equal(look(["--tmpfs", "/mnt", "--bind", `${source}:/mnt`]).includes("file"), true);
    assert.equal(look(["--bind", `${source}:/mnt`, "--tmpfs", "/mnt"]), "");
    assert.equal(
      run(["pivot", "--tmpfs", "/mnt", rootfs, "--bind", `${source}:/mnt`, "--", "/bin/ls", "/mnt"]).stdout.includes("file"),
      true,
    );
  });

  test("--tmpfs DST:SIZE has that size, mode 1777 and nosuid,nodev; it is writable in a read-only root", () => {
    const { stdout } = inside(
      ["--tmpfs", "/mnt:1M"],
      "df -k /mnt | tail -1; stat -c %a /mnt; grep ' /mnt ' /proc/self/mountinfo; echo x >/mnt/x && echo ok",
    );
    assert.match(stdout, /^none|tmpfs +1024 +0 +1024/);
    assert.match(stdout, /^1777$/m);
    assert.match(stdout, / \/mnt rw,nosuid,nodev,relatime - tmpfs tmpfs rw,size=1024k$/m);
    assert.match(stdout, /^ok$/m);
  });

  test("missing targets are made in a writable root, with the usual modes, and nested", () => {
    const { stdout, stderr } = sh(
      `umask 077; exec pivot ${rootfs} --rw --tmpfs /made/a --bind ${source}:/made/a/b/c --bind ${source}/file:/made/a/f -- /bin/sh -c \
        'stat -c "%n %a %F" /made /made/a/b /made/a/f; cat /made/a/b/c/file /made/a/f'`,
    );
    assert.equal(stderr, "");
    assert.equal(stdout.split("\n").slice(0, 2).join("\n"), "/made 755 directory\n/made/a/b 755 directory");
    assert.match(stdout, /\/made\/a\/f \d+ regular file\nfrom the host\nfrom the host\n$/);
    run(["rm", "-r", `${rootfs}/made`]);
  });

  for (const [what, options, message] of [
    [
      "missing in a read-only root",
      ["--tmpfs", "/none"],
      /^pivot: \/none does not exist in .*\n +a mount needs .* make it on the host, or use --rw\n$/,
    ],
    ["missing below a new tmpfs", ["--tmpfs", "/mnt", "--tmpfs", "/mnt/x"], /^pivot: \/mnt\/x does not exist in /],
    ["below a file", ["--tmpfs", "/etc/passwd/x"], /^pivot: \/etc\/passwd\/x does not exist in /],
    ["below a file, --rw", ["--rw", "--tmpfs", "/etc/passwd/x"], /^pivot: \/etc\/passwd\/x cannot be made in .*: ENOTDIR/],
    [
      "a directory on a file",
      ["--bind", `${source}:/etc/passwd`],
      /^pivot: \/etc\/passwd in .* is a file, and .*\/source is a directory\n/,
    ],
    ["a file on a directory", ["--bind", `${source}/file:/mnt`], /^pivot: \/mnt in .* is a directory, and .*\/file is a file\n/],
    ["a tmpfs on a file", ["--tmpfs", "/etc/passwd"], /^pivot: \/etc\/passwd: mount\("tmpfs".*ENOTDIR/],
    ["no such source", ["--bind", "/none:/mnt"], /^pivot: --bind \/none:\/mnt: there is no \/none on the host\n/],
    ["a relative target", ["--bind", "/etc:mnt"], /^pivot: --bind \/etc:mnt: must be SRC:DST\n/],
    ["no target", ["--ro-bind", "/etc"], /^pivot: --ro-bind \/etc: must be SRC:DST\n/],
    ["a third part", ["--bind", "/etc:/mnt:ro"], /^pivot: --bind \/etc:\/mnt:ro: must be SRC:DST\n/],
    ["a relative tmpfs", ["--tmpfs", "mnt"], /^pivot: --tmpfs mnt: must be DST\[:SIZE\] or DST:size=SIZE,mode=MODE,…\n/],
    ["a size that is none", ["--tmpfs", "/mnt:big"], /^pivot: --tmpfs: "big" is not a size\n/],
    ["a working directory that is missing", ["--cwd", "/none"], /^pivot: --cwd \/none: no such directory inside the root\n$/],
    ["a working directory that is a file", ["--cwd", "/etc/passwd"], /^pivot: --cwd \/etc\/passwd: no such directory inside the root\n$/],
    ["a relative working directory", ["--cwd", "tmp"], /^pivot: --cwd tmp: must be a path inside the root that starts with \/\n$/],
    ["a variable without a name", ["--env", "=A"], /^pivot: --env "=A": must be NAME=VALUE, or NAME for the caller's value\n$/],
    ["an option that is none", ["--tmpf", "/mnt"], /^pivot: unknown option --tmpf\n +did you mean --tmpfs\?\n$/],
    ["two working directories", ["--cwd", "/", "--cwd", "/tmp"], /^pivot: --cwd was given twice\n$/],
    ["a flag with a value", ["--rw=yes"], /^pivot: --rw takes no value\n/],
  ] as const) {
    test(`refused: ${what}`, () => {
      const { status, stderr, stdout } = inside(options, "echo ran");
      assert.match(stderr, message);
      assert.equal(status, 125);
      assert.equal(stdout, "");
    });
  }
});

describe("pivot: the program's surroundings", need("root"), () => {
  test("--cwd, --env and --clear-env", () => {
    assert.equal(inside(["--cwd", "/usr/bin"], "pwd").stdout, "/usr/bin\n");
    assert.equal(inside([], "pwd").stdout, "/\n");
    const { stdout } = run(["pivot", rootfs, "--clear-env", "--env", "A=1", "--env", "B=x=y z", "--env", "A=2", "--", "env"]);
    assert.deepEqual(stdout.trim().split("\n").sort(), ["A=2", "B=x=y z"]);
    const kept = run(["pivot", rootfs, "--env", "A=", "--", "/bin/env"], { env: { MINE: "yes" } }).stdout.split("\n");
    assert.ok(kept.includes("MINE=yes") && kept.includes("A="));
  });

  test("without a program it is /bin/sh", () => {
    assert.equal(run(["pivot", rootfs], { input: "echo $0; exit 3\n" }).stdout, "/bin/sh\n");
    assert.equal(run(["pivot", rootfs, "--rw", "--"], { input: "exit 3\n" }).status, 3);
  });

  test("nothing of the host's stays open, and the working directory is inside", () => {
    const { stdout } = inside([], "ls -l /proc/self/fd | grep -o '[0-9]* -> .*'; readlink /proc/self/cwd; readlink /proc/self/root");
    assert.doesNotMatch(stdout, new RegExp(dir));
    assert.match(stdout, /\/\n\/\n$/);
    assert.ok(stdout.trim().split("\n").length <= 6, stdout); // 0, 1, 2, the directory that ls reads; cwd and root
  });
});

describe("pivot: where ROOTFS is", need("root", "unshare"), () => {
  symlinkSync(rootfs, join(dir, "link"));
  symlinkSync("rootfs", join(dir, "relative link"));
  for (const [what, cwd, path] of [
    ["relative", dir, "rootfs"],
    ["`.`", rootfs, "."],
    ["`..`", join(rootfs, "etc"), ".."],
    ["roundabout", dir, "./rootfs/../rootfs/"],
    ["a symbolic link", dir, "link"],
    ["a symbolic link with a space", dir, "relative link"],
  ] as const) {
    test(`${what}: ${path}`, () => {
      const { stdout, stderr } = run(["pivot", path, "--", "/bin/sh", "-c", "cat /etc/passwd; grep ' / ' /proc/self/mountinfo"], { cwd });
      assert.equal(stderr, "");
      assert.match(stdout, /^root:x:0:0:root:\/root:\/bin\/sh\nnobody/);
      assert.match(stdout, / \/ ro,/);
    });
  }

  test("with a space, and a newline, in its name", () => {
    const { stdout, stderr } =
      isolated(`d=$(printf '${dir}/a b\\nc'); mkdir "$d"; mount --bind ${rootfs} "$d"; mkdir "${dir}/e f"; cp -r ${rootfs}/. "${dir}/e f"
      pivot "$d" -- /bin/echo one; pivot "${dir}/e f" -- /bin/echo two; umount "$d"; rmdir "$d"`);
    assert.equal(stderr, "");
    assert.equal(stdout, "one\ntwo\n");
  });

  test("from a working directory that has been removed", () => {
    const { stdout } = sh(`mkdir ${dir}/gone; cd ${dir}/gone; rmdir ../gone; pivot ${rootfs} -- /bin/pwd; pivot ../rootfs -- /bin/pwd`, {});
    assert.equal(stdout, "/\n/\n");
  });

  test("on a mount with noexec, nosuid and ro: the flags hold inside, and 126 says why", () => {
    const { stdout, stderr } = isolated(`mkdir -p ${dir}/flags; mount -t tmpfs none ${dir}/flags; cp -a ${rootfs}/. ${dir}/flags
      mount -o remount,bind,nosuid,ro ${dir}/flags; pivot ${dir}/flags --rw -- /bin/cat /proc/self/mountinfo
      mount -o remount,bind,noexec,nosuid,ro ${dir}/flags; pivot ${dir}/flags -- /bin/true; echo $?`);
    assert.equal(readMounts(stdout).get("/")?.flags, "nosuid,relatime,ro");
    assert.match(stdout, /^126$/m);
    assert.match(stderr, /\/bin\/true: cannot be executed inside the rootfs .*: EACCES.*\n +it is on a mount with noexec/);
  });

  test("--rw on a file system that is read-only itself: what cannot be made there is named", () => {
    const { stdout, stderr } = isolated(
      `mkdir -p ${dir}/empty; mount -t tmpfs -o ro none ${dir}/empty; pivot ${dir}/empty --rw -- /bin/true; echo $?`,
    );
    assert.equal(stdout, "125\n");
    assert.match(stderr, /^pivot: \/proc cannot be made in .*\/empty: EROFS\n$/);
  });

  for (const [path, message] of [
    [join(dir, "none"), /^pivot: ROOTFS .*\/none: no such directory\n +`contain rootfs .*\/none` makes a small one\n$/],
    [join(source, "file"), /^pivot: ROOTFS .*\/file: not a directory\n$/],
    [join(source, "file/x"), /^pivot: (ROOTFS .*\/file\/x: no such directory|ENOTDIR: )/],
  ] as const) {
    test(`refused: ${path.slice(dir.length)}`, () => {
      const { status, stderr } = run(["pivot", path, "--", "/bin/true"]);
      assert.match(stderr, message);
      assert.equal(status, 125);
    });
  }
});

describe("pivot: programs that cannot be run", need("root"), () => {
  const bin = join(rootfs, "bin");
  const put = (name: string, content: string | Buffer, mode = 0o755) => {
    writeFileSync(join(bin, name), content);
    chmodSync(join(bin, name), mode);
  };
  put("no-interpreter", "#!/opt/none/perl -w\n");
  put("no-loader", elf({ interpreter: "/lib/ld-none.so.9" }));
  put("foreign", elf({ foreign: true }));
  put("not-executable", "#!/bin/sh\n", 0o644);
  put("loop", "#!/bin/loop\n");
  put("plain", "echo plain $0 $1\nexit 5\n");
  put("empty", "");
  symlinkSync("/nowhere", join(bin, "dangling"));

  const place = "inside the rootfs .*/rootfs";
  for (const [argv, status, message] of [
    [["none"], 127, new RegExp(`^pivot: none: not found in PATH ${place} \\(.*\\)\n$`)],
    [["/bin/none"], 127, new RegExp(`^pivot: "/bin/none": no such file ${place}\n$`)],
    [["/bin/dangling"], 127, /dangling: cannot be executed .*ENOENT\n +it is a symbolic link to \/nowhere, which does not exist\n$/],
    [["/etc/passwd/x"], 127, new RegExp(`^pivot: "/etc/passwd/x": no such file ${place}`)],
    [
      ["no-interpreter"],
      127,
      /no-interpreter: cannot be executed .*ENOENT\n +it exists, but the interpreter of its #! line does not: \/opt\/none\/perl\n$/,
    ],
    [
      ["/bin/no-loader"],
      127,
      /no-loader: cannot be executed .*ENOENT\n +it exists, but its dynamic loader does not: \/lib\/ld-none.so.9 \(PT_INTERP\)/,
    ],
    [["foreign"], 126, /foreign: cannot be executed .*Exec format error.*\n +it is a program for \S+, this machine is /],
    [
      ["not-executable"],
      126,
      /not-executable: cannot be executed .*Permission denied.*\n +its mode is 0644: no execute bit \(chmod \+x\)\n$/,
    ],
    [["/bin/not-executable"], 126, /its mode is 0644/],
    [["/etc"], 126, /^pivot: \/etc: cannot be executed .*Permission denied.*\n +it is a directory\n$/],
    [["/bin/loop"], 126, /loop: cannot be executed/],
    [[""], 127, /^pivot: "": no such file/],
  ] as const) {
    test(`${argv.join(" ") || '""'}: ${status}`, () => {
      const result = run(["pivot", rootfs, "--", ...argv], { env: { PATH: `${process.env["PATH"]}:/bin` } });
      assert.match(result.stderr, message);
      assert.equal(result.status, status);
    });
  }

  test("a script without #! is run by /bin/sh, as execvp(3) does; an empty file too", () => {
    const { status, stdout } = run(["pivot", rootfs, "--", "/bin/plain", "word"]);
    assert.equal(stdout, "plain /bin/plain word\n");
    assert.equal(status, 5);
    assert.equal(run(["pivot", rootfs, "--", "/bin/empty"]).status, 0);
  });
});
