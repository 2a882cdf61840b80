// confine: the sets of capabilities as setpriv leaves them, seccomp profiles in docker's format, refusals told by name.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { need } from "../helpers/need.ts";
import { scratch } from "../helpers/rootfs.ts";
import { bin, NOBODY, run } from "../helpers/run.ts";

const dir = scratch("confine");
const STATUS = ["grep", "-E", "^(Cap|NoNew|Seccomp:|Uid|Gid|Groups)", "/proc/self/status"];
const perl = (code: string) => ["perl", "-e", code];

describe("confine: what setpriv leaves, to the last bit of /proc/self/status", need("root", "setpriv"), () => {
  const PAIRS: readonly { readonly confine: string; readonly setpriv: string }[] = [
    { confine: "--no-new-privs", setpriv: "--no-new-privs" },
    { confine: "--drop sys_admin,net_raw", setpriv: "--bounding-set=-sys_admin,-net_raw" },
    { confine: "--keep chown,kill", setpriv: "--bounding-set=-all,+chown,+kill" },
    { confine: "--keep none", setpriv: "--bounding-set=-all" },
    { confine: "--keep all", setpriv: "--bounding-set=+all" },
    { confine: "--user nobody", setpriv: "--reuid=nobody --regid=nogroup --init-groups" },
    { confine: "--drop all --no-new-privs --user 5:6", setpriv: "--bounding-set=-all --no-new-privs --reuid=5 --regid=6 --groups=6" },
    { confine: "--caps none", setpriv: "--bounding-set=-all --inh-caps=-all --ambient-caps=-all" },
    { confine: "--caps chown", setpriv: "--bounding-set=-all,+chown --inh-caps=-all,+chown --ambient-caps=-all,+chown" },
    { confine: "--keep CAP_NET_RAW --user 1000:1000", setpriv: "--bounding-set=-all,+net_raw --reuid=1000 --regid=1000 --groups=1000" },
    { confine: "--user 1000:7", setpriv: "--reuid=1000 --regid=7 --groups=7" },
    {
      confine: "--caps net_raw,chown --user 1000:1000",
      setpriv:
        "--bounding-set=-all,+net_raw,+chown --inh-caps=-all,+net_raw,+chown --ambient-caps=-all,+net_raw,+chown --reuid=1000 --regid=1000 --groups=1000",
    },
  ];
  for (const { confine, setpriv } of PAIRS) {
    test(confine, () => {
      compare(confine, setpriv);
    });
  }

  /** What the caller has, and what it asks for. */
  const CALLERS: readonly { readonly caller: string; readonly confine: string; readonly setpriv: string }[] = [
    { caller: "unshare -Ur", confine: "--drop sys_admin", setpriv: "--bounding-set=-sys_admin" },
    {
      caller: "unshare -Ur",
      confine: "--caps chown,kill",
      setpriv: "--bounding-set=-all,+chown,+kill --inh-caps=-all,+chown,+kill --ambient-caps=-all,+chown,+kill",
    },
    { caller: "setpriv --reuid=65534 --regid=65534 --clear-groups", confine: "--no-new-privs", setpriv: "--no-new-privs" },
    { caller: "setpriv --reuid=65534 --regid=65534 --clear-groups", confine: "--user 65534", setpriv: "--no-new-privs" },
    {
      caller: "setpriv --inh-caps=+net_raw,+chown --ambient-caps=+net_raw,+chown",
      confine: "--drop net_raw",
      setpriv: "--bounding-set=-net_raw --ambient-caps=-net_raw --inh-caps=-net_raw",
    },
    {
      caller: "setpriv --inh-caps=+net_raw,+chown --ambient-caps=+net_raw,+chown",
      confine: "--keep chown --user 7:7", // CVE-2022-24769
      setpriv: "--bounding-set=-all,+chown --ambient-caps=-all --inh-caps=-all --reuid=7 --regid=7 --groups=7",
    },
    { caller: "setpriv --securebits=+no_setuid_fixup", confine: "--user 7:7", setpriv: "--reuid=7 --regid=7 --groups=7" },
  ];
  for (const { caller, confine, setpriv } of CALLERS) {
    test(`${caller} … ${confine}`, () => {
      // no_new_privs stands for "nothing" where setpriv needs a word
      compare(
        setpriv === "--no-new-privs" ? `--no-new-privs ${confine.replace("--no-new-privs", "")}`.trim() : confine,
        setpriv,
        caller.split(" "),
      );
    });
  }

  function compare(confine: string, setpriv: string, caller: readonly string[] = []): void {
    const ours = run([...caller, ...(caller.length > 0 ? [join(bin, "confine")] : ["confine"]), ...confine.split(" "), "--", ...STATUS]);
    const theirs = run([...caller, "setpriv", ...setpriv.split(" "), "--", ...STATUS]);
    assert.equal(ours.stderr, "");
    assert.equal(theirs.status, 0, theirs.stderr);
    assert.equal(ours.stdout, theirs.stdout);
  }

  test("`default` is docker's fourteen", () => {
    const { stdout } = run(["confine", "--keep", "default", "--", ...STATUS]);
    assert.match(stdout, /CapPrm:\t00000000a80425fb\nCapEff:\t00000000a80425fb\nCapBnd:\t00000000a80425fb/);
  });

  test("in the chain it is called, or exec'd, to the same end; pid1 behind it still forks under the filter", () => {
    const chain = [
      "nsexec",
      "--pid",
      "--mount",
      "--mount-proc",
      "--",
      "confine",
      "--keep",
      "default",
      "--seccomp",
      "default",
      "--",
      "pid1",
      "--",
    ];
    const called = run([...chain, ...STATUS]);
    const execed = run([...chain, ...STATUS], { env: { CONTAIN_CHAIN: "exec" } });
    assert.equal(called.status, 0, called.stderr);
    assert.match(called.stdout, /Seccomp:\t2/);
    assert.equal(execed.stdout, called.stdout, execed.stderr);
  });

  test("limits are set, and the name of a user is looked up", () => {
    const { stdout } = run(["confine", "--ulimit", "nofile=100:200", "--user", "nobody", "--", "sh", "-c", "ulimit -n; ulimit -Hn; id -u"]);
    assert.equal(stdout, "100\n200\n65534\n");
  });

  test("an ordinary user is told why the bounding set stays", () => {
    const { status, stderr } = run(["confine", "--drop", "chown", "--", "true"], NOBODY);
    assert.equal(status, 125);
    assert.match(stderr, /^confine: prctl\(PR_CAPBSET_DROP, CAP_CHOWN\): EPERM .*\n +.*CAP_SETPCAP/);
  });
});

describe("confine --landlock", need("root"), () => {
  const open = ["--landlock", "/usr", "--landlock", "/lib", "--landlock", "/bin", "--landlock", "/dev:rw"];
  const script = (text: string, ...words: string[]) => run(["confine", ...open, ...words, "--", "/bin/sh", "-c", text]);

  test("leaves the paths that are given, to read or to write, and nothing else; for what PROG starts too", () => {
    writeFileSync(join(dir, "file"), "old\n");
    const text = `cat ${dir}/file; ls /etc >/dev/null; (echo new >${dir}/file) && echo written; echo end`;
    assert.equal(script(text).stdout, "end\n");
    assert.equal(script(text, "--landlock", dir).stdout, "old\nend\n");
    assert.equal(script(text, "--landlock", `${dir}/file:rw`, "--landlock", "/etc:ro").stdout, "old\nwritten\nend\n");
    assert.equal(run(["cat", join(dir, "file")]).stdout, "new\n");
  });

  test("goes with a filter, and needs no privilege", () => {
    const { stdout, stderr } = run(
      [
        "confine",
        ...open,
        "--landlock",
        "/proc",
        "--seccomp",
        "default",
        "--",
        "sh",
        "-c",
        "grep Seccomp: /proc/self/status; cat /etc/passwd",
      ],
      NOBODY,
    );
    assert.equal(stdout, "Seccomp:\t2\n");
    assert.match(stderr, /passwd.*Permission denied/);
  });

  test("a path that is not there is told", () => {
    const { status, stderr } = run(["confine", "--landlock", "/none:rw", "--", "true"]);
    assert.equal(status, 125);
    assert.match(stderr, /^confine: --landlock \/none: cannot be opened: ENOENT/);
  });
});

describe("confine --seccomp", need("root", "perl"), () => {
  const profile = (name: string, content: unknown) => {
    const file = join(dir, name);
    writeFileSync(file, JSON.stringify(content));
    return file;
  };

  test("a set-user-ID program gives nothing: no_new_privs comes with the filter", () => {
    const { stdout } = run(["confine", "--seccomp", "default", "--", "grep", "-E", "^(NoNew|Seccomp:)", "/proc/self/status"]);
    assert.equal(stdout, "NoNewPrivs:\t1\nSeccomp:\t2\n");
  });

  for (const user of ["root", "nobody"]) {
    test(`--trace-denied tells the call, the program and the fix, once, and leaves nothing: ${user}`, () => {
      const words = ["confine", "--seccomp", "default", "--trace-denied", ...(user === "root" ? ["--keep", "default"] : []), "--"];
      const code =
        "for (1..3) { $! = 0; syscall(246, 0); print 0+$!, ' ' } $! = 0; syscall(135, 7); print 0+$!; print qq( ), scalar(() = glob('/proc/self/fd/*'))";
      const { status, stdout, stderr } = run([...words, ...perl(code)], user === "root" ? {} : NOBODY);
      assert.equal(status, 0, stderr);
      assert.equal(stdout, "1 1 1 1 4", "EPERM, and no descriptor of the listener: 0, 1, 2 and that of the listing");
      const lines = stderr.trimEnd().split("\n");
      assert.equal(lines.length, 2, stderr);
      assert.match(
        lines[0] ?? "",
        /^confine: kexec_load was refused to perl \(PID \d+\): EPERM by the seccomp filter\. A profile of your own allows it/,
      );
      assert.match(lines[1] ?? "", /^confine: personality was refused to perl/);
    });
  }

  test("--trace-denied names the capability that a call comes with", () => {
    const { stderr } = run([
      "confine",
      "--keep",
      "default",
      "--seccomp",
      "default",
      "--trace-denied",
      "--",
      ...perl("syscall(165, 0, 0, 0, 0, 0)"),
    ]);
    assert.match(stderr, /mount was refused to perl .* CAP_SYS_ADMIN: confine --keep default,sys_admin, contain run --cap-add sys_admin\n/);
  });

  test("--trace-denied outlives its watcher, a storm of calls from many, and SIGKILL; nothing is left, and refused is refused", () => {
    const watcher = "grep { open(F, '<', \"/proc/$_/comm\") and readline(F) =~ /^confine-watch/ } 2 .. 99";
    const mount = "$! = 0; syscall(165, 0, 0, 0, 0, 0); print 0+$!, ' ';";
    const code = `$| = 1; ${mount} my @w = ${watcher}; kill 9, @w; ${mount} print "watchers ", 0+@w`;
    const start = ["confine", "--keep", "default", "--seccomp", "default", "--trace-denied", "--"];
    const inside = (code: string) =>
      run(["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", join(bin, "confine"), ...start.slice(1), ...perl(code)]);
    assert.equal(inside(code).stdout, "1 38 watchers 1", "without its watcher the kernel answers ENOSYS (seccomp_unotify(2))");
    const storm = "for (1 .. 20) { fork or do { syscall(165, 0, 0, 0, 0, 0) while 1 } } select undef, undef, undef, 0.3; kill 9, -getpgrp";
    const { status, stderr } = run(["setsid", "--wait", join(bin, "confine"), ...start.slice(1), ...perl(storm)], { timeout: 60_000 });
    assert.equal(status, 137);
    assert.equal(stderr.split("was refused").length - 1, 1, stderr);
    const orphan = run([
      "timeout",
      "-s",
      "KILL",
      "10",
      join(bin, "confine"),
      ...start.slice(1),
      "sh",
      "-c",
      "(sleep 0.3; mount none /mnt) & exit 3",
    ]);
    assert.match(orphan.stderr, /mount was refused to mount/, "it tells of those too that outlive PROG, and ends with the last of them");
    assert.equal(orphan.status, 3);
  });

  test("--trace-denied with a profile that refuses nearly all still ends", () => {
    const few = profile("few.json", {
      defaultAction: "SCMP_ACT_ERRNO",
      syscalls: [
        {
          names: "execve brk mmap mprotect munmap arch_prctl exit_group read write open openat close fstat newfstatat pread64 access".split(
            " ",
          ),
          action: "SCMP_ACT_ALLOW",
        },
      ],
    });
    const { status, stderr } = run(["confine", "--seccomp", few, "--trace-denied", "--", "true"], { timeout: 60_000 });
    assert.equal(status, 0, stderr);
    assert.match(stderr, /was refused to/);
  });
});
