// `contain explain mount PATH`, against what umount(8) then really says; `contain explain errno`; and what explain asks of the caller.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { explain, parse } from "../helpers/explained.ts";
import { isolated } from "../helpers/isolated.ts";
import { need } from "../helpers/need.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { NOBODY, run } from "../helpers/run.ts";

const dir = scratch("explain-mount");

interface Case {
  readonly name: string;
  readonly script: string;
  /** The file system that umount is asked to leave; $M. */
  readonly busy: boolean;
  readonly has: readonly string[];
  readonly not?: readonly string[];
  readonly texts?: Readonly<Record<string, RegExp>>;
}

const NOTHING = "nothing-holds-it";
const other = (propagation: string, program = "sleep 1000") =>
  `unshare -m --propagation ${propagation} ${program} & P=$!; until [ "$(readlink /proc/$P/exe)" = "$(readlink -f "$(command -v sleep)")" ]; do sleep 0.02; done`;

const CASES: readonly Case[] = [
  { name: "nothing holds it", script: "", busy: false, has: [NOTHING, "nowhere-else"], not: ["umount-busy", "held-by-namespace"] },
  {
    name: "a working directory",
    script: "(cd $M && exec sleep 1000) & named sleep",
    busy: true,
    has: ["umount-busy", "busy-process"],
    not: [NOTHING],
    texts: { "busy-process": /\(sleep\) uses it: working directory/ },
  },
  {
    name: "an open file",
    script: "sleep 1000 3>$M/file & named sleep",
    busy: true,
    has: ["umount-busy", "busy-process"],
    texts: { "busy-process": /descriptor 3 \(\/.*\/file\)$/ },
  },
  {
    name: "a program that runs from it",
    script: "cp $(command -v sleep) $M/mine; $M/mine 1000 & until [ $(cat /proc/$!/comm) = mine ]; do sleep 0.02; done",
    busy: true,
    has: ["busy-process"],
    texts: { "busy-process": /\(mine\) uses it: its program/ },
  },
  {
    name: "a file that is only mapped",
    script: `dd if=/dev/zero of=$M/map bs=4096 count=1 2>/dev/null; perl -e 'open F, "<", $ARGV[0]; syscall(${process.arch === "arm64" ? 222 : 9}, 0, 4096, 1, 2, fileno(F), 0); close F; sleep 1000' $M/map & until grep -q $M/map /proc/$!/maps && ! readlink /proc/$!/fd/* | grep -q map; do sleep 0.02; done`,
    busy: true,
    has: ["busy-process"],
    texts: { "busy-process": /uses it: mapped \(/ },
  },
  {
    name: "a mount on it",
    script: "mkdir $M/below; mount -t tmpfs tmpfs $M/below",
    busy: true,
    has: ["busy-child-mounts"],
    not: ["busy-process", NOTHING],
  },
  {
    name: "a root directory",
    script: "cp /bin/busybox $M; chroot $M /busybox sleep 1000 & named busybox",
    busy: true,
    has: ["busy-process"],
    texts: { "busy-process": /root directory/ },
  },
  {
    name: "a file of the directory below the mount, opened before",
    script: "umount $M; sleep 1000 3>$M/file & named sleep; mount -t tmpfs tmpfs $M",
    busy: false,
    has: [NOTHING],
    not: ["umount-busy", "busy-process"],
  },
  {
    name: "a bind mount elsewhere, and a user there",
    script: "mkdir -p $M.bind; mount --bind $M $M.bind; (cd $M.bind && exec sleep 1000) & named sleep",
    busy: false,
    has: [NOTHING, "mounted-here-too"],
    not: ["umount-busy", "busy-process"],
  },
  {
    name: "a copy in another mount namespace with a user does not keep umount from working, but the file system",
    script: other("private", `sh -c "cd $M && exec sleep 1000"`),
    busy: false,
    has: [NOTHING, "held-by-namespace"],
    not: ["umount-busy", "busy-copy"],
    texts: { "held-by-namespace": /stays there after an umount here.*Kept alive by PID \d+ \(sleep\)/ },
  },
  {
    name: "an unused copy that gets our unmounts",
    script: other("slave"),
    busy: false,
    has: [NOTHING, "held-by-namespace"],
    not: ["umount-busy"],
    texts: { "held-by-namespace": /an umount here is passed on to it/ },
  },
  {
    name: "a used copy that gets our unmounts",
    script: other("slave", `sh -c "cd $M && exec sleep 1000"`),
    busy: true,
    has: ["umount-busy", "busy-copy"],
    not: [NOTHING, "busy-process"],
    texts: { "busy-copy": /passed on to mnt:\[\d+\].*\(sleep\) uses it: working directory/ },
  },
  {
    name: "a mount namespace without a process",
    // A namespace is kept only in an older one, and by Linux 6.18 each CPU numbers its own: on one of them it is younger than ours.
    script:
      "mkdir -p $M.ns; mount --make-private -t tmpfs tmpfs $M.ns; touch $M.ns/file; for c in $(seq 0 $(($(nproc) - 1))); do taskset -c $c unshare --mount=$M.ns/file true 2>/dev/null && break; done",
    busy: false,
    has: [NOTHING, "namespace-without-process"],
    not: ["umount-busy"],
  },
];

describe("contain explain mount", need("root", "unshare"), () => {
  for (const { name, script, busy, has, not = [], texts = {} } of CASES) {
    test(name, () => {
      const { stdout, stderr } = isolated(
        `named() { until [ "$(cat /proc/$!/comm)" = $1 ]; do sleep 0.02; done; }
         M=${dir}/m; mkdir -p $M; mount -t tmpfs tmpfs $M
         { ${script || ":"}
         } >/dev/null
         contain explain mount $M --json || echo broken
         umount $M 2>&1 && echo 'umount: worked'
         [ -z "$!" ] || kill -KILL $!`,
        { shared: true },
      );
      const end = stdout.lastIndexOf("}\n") + 2;
      assert.match(stdout.slice(end), busy ? /busy/ : /worked/, stderr);
      const explained = parse(stdout.slice(0, end));
      for (const code of has) assert.ok(explained.codes.includes(code), `${code} is missing in ${explained.codes.join(" ")}`);
      for (const code of not) assert.ok(!explained.codes.includes(code), explained.text(code));
      for (const [code, pattern] of Object.entries(texts)) assert.match(explained.text(code), pattern);
    });
  }

  test("a loop device has its file on it", () => {
    const { stdout } = isolated(
      `M=${dir}/m; mkdir -p $M; mount -t tmpfs tmpfs $M; truncate -s 1M $M/disk
       L=$(losetup -f --show $M/disk) || exit; contain explain mount $M --json; umount $M 2>&1; losetup -d $L`,
    );
    const end = stdout.lastIndexOf("}\n") + 2;
    assert.match(stdout.slice(end), /busy/);
    assert.ok(parse(stdout.slice(0, end)).codes.includes("busy-loop"), stdout);
  });

  test("the root, and a directory that is no mount point", () => {
    assert.deepEqual(
      explain(["mount", "/"]).codes.filter((code) => code.startsWith("umount")),
      ["umount-root"],
    );
    assert.ok(explain(["mount", dir]).codes.includes("not-a-mount-point"));
  });

  test("an ordinary user hears what could not be looked at", () => {
    const { codes, text } = explain(["mount", "/dev/shm"], NOBODY);
    assert.ok(codes.includes("processes-unseen"), codes.join(" "));
    assert.match(text("processes-unseen"), /CAP_SYS_PTRACE/);
  });
});

describe("contain explain: containers", need("root", "unshare"), () => {
  const rootfs = makeRootfs(dir);

  /** A container by hand, in a world where PID 1 of /proc is the host. */
  const world = (words: string, propagation = "slave") => {
    const { stdout, stderr } = run([
      "unshare",
      "-pmf",
      "--kill-child",
      "--mount-proc",
      "--propagation",
      "private",
      "sh",
      "-c",
      `PATH=${process.cwd()}/dist/bin:$PATH; mount --make-rshared /; mkdir -p ${dir}/data
       nsexec --mount --propagation ${propagation} --fork -- pivot --no-unshare ${words} ${rootfs} -- sleep 1000 & N=$!
       for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do for p in /proc/[0-9]*; do grep -q '^sleep' $p/comm && [ "$(readlink $p/ns/mnt)" != "$(readlink /proc/1/ns/mnt)" ] && P=\${p#/proc/}; done 2>/dev/null; [ -n "$P" ] && break; sleep 0.1; done
       contain explain --json $P`,
    ]);
    return { ...parse(stdout), stderr };
  };

  test("read-only root, tmpfs, and a volume of the host's", () => {
    const { codes, text } = world(`--ro-bind ${dir}/data:/mnt --tmpfs /tmp`);
    for (const code of ["root-read-only", "mounts-writable", "mount-of-hosts"]) assert.ok(codes.includes(code), codes.join(" "));
    assert.ok(!codes.includes("root-writable") && !codes.includes("mounts-peers") && !codes.includes("mounts-are-hosts"));
    assert.match(text("mounts-writable"), /\/tmp \(tmpfs\)/);
    assert.match(text("mount-of-hosts"), new RegExp(`/mnt is the host's ${dir}/data, read-only`));
    assert.doesNotMatch(text("mount-of-hosts"), /\/tmp is/);
  });

  test("an overlay root", () => {
    const { codes, text } = world("--overlay");
    assert.ok(codes.includes("root-overlay") && codes.includes("root-writable"), codes.join(" "));
    assert.match(text("root-overlay"), /1 lower layer/);
  });

  test("peer groups: both ways, one way, none", () => {
    const inner = (propagation: string) => {
      const { stdout } = run([
        "unshare",
        "-pmf",
        "--kill-child",
        "--mount-proc",
        "--propagation",
        "private",
        "sh",
        "-c",
        `mount --make-rshared /; unshare -m --propagation ${propagation} sleep 1000 & until grep -q sleep /proc/$!/comm; do :; done; ${process.cwd()}/dist/bin/contain explain --json $!`,
      ]);
      return parse(stdout).codes;
    };
    const [both, one, none] = [inner("shared"), inner("slave"), inner("private")];
    assert.ok(one.includes("mounts-slaves") && !one.includes("mounts-peers"), one.join(" "));
    assert.ok(!none.includes("mounts-slaves") && !none.includes("mounts-peers"), none.join(" "));
    assert.ok(both.includes("namespaces-own"));
  });
});

describe("contain explain errno", () => {
  const table: readonly [string, RegExp][] = [
    ["EPERM mount", /CAP_SYS_ADMIN/],
    ["EBUSY umount", /open file|working directory/],
    ["ENOSPC inotify_add_watch", /max_user_watches/],
    ["EAGAIN fork", /pids\.max/],
    ["ENOENT execve", /loader|PT_INTERP/],
    ["EROFS open", /read-only/],
    ["EMFILE socket", /RLIMIT_NOFILE/],
    ["16 rmdir", /cgroup/],
    ["EINVAL chown", /uid_map/],
    ["EXDEV rename", /across two mounts/],
  ];
  for (const [words, pattern] of table)
    test(words, () => {
      const { codes, text } = explain(["errno", ...words.split(" ")]);
      assert.equal(codes[0], "errno-meaning");
      assert.match(text("errno-rule"), pattern);
      assert.ok(!codes.includes("errno-no-rule"));
    });

  test("no rule is made up for what is not known", () => {
    const { findings, codes } = explain(["errno", "EBADF", "mount"]);
    assert.ok(codes.includes("errno-no-rule") && !codes.includes("errno-rule"));
    assert.equal(findings.find(({ code }) => code === "errno-no-rule")?.certain, false);
  });
});

describe("contain explain: wrong words", () => {
  const table: readonly [readonly string[], RegExp][] = [
    [[], /missing PID, ID, mount or errno/],
    [["0"], /0 is no PID/],
    [["4194304"], /there is no process 4194304/],
    [["no-such-container"], /no such process, container or unit/],
    [["mount"], /missing mount/],
    [["mount", "/no/such"], /ENOENT/],
    [["errno"], /missing errno/],
    [["errno", "EWRONG"], /is not an errno/],
    [["errno", "EPERM", "a b"], /not the name of a system call/],
    [["1", "2"], /unknown section: 2\n.*who, namespaces, limits/],
    [["--brief", "1"], /unknown option --brief\n.*-v shows the evidence/],
  ];
  for (const [words, pattern] of table)
    test(words.join(" ") || "none", () => {
      const { status, stdout, stderr } = run(["contain", "explain", ...words]);
      assert.equal(status, 125);
      assert.equal(stdout, "");
      assert.match(stderr, pattern);
      assert.doesNotMatch(stderr, / at .*\(/);
    });
});
