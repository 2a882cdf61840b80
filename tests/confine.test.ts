// confine: the sets of capabilities as setpriv leaves them, seccomp profiles in docker's format, refusals told by name.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { need } from "./helpers/need.ts";
import { scratch } from "./helpers/rootfs.ts";
import { NOBODY, run } from "./helpers/run.ts";

const dir = scratch("confine");
const STATUS = ["grep", "-E", "^(Cap|NoNew|Seccomp:|Uid|Gid|Groups)", "/proc/self/status"];
const perl = (code: string) => ["perl", "-e", code];

describe("confine: what setpriv leaves, to the last bit of /proc/self/status", need("root", "setpriv"), () => {
  const PAIRS: readonly { readonly confine: string; readonly setpriv: string }[] = [
    { confine: "--no-new-privs", setpriv: "--no-new-privs" },
    { confine: "--drop sys_admin,net_raw", setpriv: "--bounding-set=-sys_admin,-net_raw" },
    { confine: "--keep chown,kill", setpriv: "--bounding-set=-all,+chown,+kill" },
    { confine: "--keep none", setpriv: "--bounding-set=-all" },
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
      const ours = run(["confine", ...confine.split(" "), "--", ...STATUS]);
      const theirs = run(["setpriv", ...setpriv.split(" "), "--", ...STATUS]);
      assert.equal(ours.stderr, "");
      assert.equal(theirs.status, 0, theirs.stderr);
      assert.equal(ours.stdout, theirs.stdout);
    });
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
    assert.match(stderr, /^confine: --landlock \/none: it cannot be opened: ENOENT/);
  });
});

describe("confine --seccomp", need("root", "perl"), () => {
  const profile = (name: string, content: unknown) => {
    const file = join(dir, name);
    writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
    return file;
  };
  const mkdir = (rule: object) => ({
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_ERRNO", ...rule }],
  });
  const makeDirectory = perl("mkdir('/tmp', 0751) ? 0 : print 0+$!"); // EEXIST is 17

  const RULES: readonly { readonly name: string; readonly words?: string; readonly profile: object; readonly expected: string }[] = [
    { name: "errnoRet", profile: mkdir({ errnoRet: 95 }), expected: "95" },
    { name: "EPERM without errnoRet", profile: mkdir({}), expected: "1" },
    { name: "an argument that matches", profile: mkdir({ args: [{ index: 1, value: 0o751, op: "SCMP_CMP_EQ" }] }), expected: "1" },
    { name: "an argument that does not", profile: mkdir({ args: [{ index: 1, value: 1, op: "SCMP_CMP_EQ" }] }), expected: "17" },
    {
      name: "a masked argument",
      profile: mkdir({ args: [{ index: 1, value: 0o700, valueTwo: 0o700, op: "SCMP_CMP_MASKED_EQ" }] }),
      expected: "1",
    },
    {
      name: "two conditions on one argument: either",
      profile: mkdir({
        args: [
          { index: 1, value: 1, op: "SCMP_CMP_EQ" },
          { index: 1, value: 0o751, op: "SCMP_CMP_EQ" },
        ],
      }),
      expected: "1",
    },
    { name: "includes.caps that is left", words: "--keep chown", profile: mkdir({ includes: { caps: ["CAP_CHOWN"] } }), expected: "1" },
    { name: "includes.caps that is not", words: "--drop chown", profile: mkdir({ includes: { caps: ["CAP_CHOWN"] } }), expected: "17" },
    { name: "excludes.caps that is left", words: "--keep chown", profile: mkdir({ excludes: { caps: ["CAP_CHOWN"] } }), expected: "17" },
    { name: "includes.arches of another machine", profile: mkdir({ includes: { arches: ["s390x"] } }), expected: "17" },
    { name: "excludes.arches of this one", profile: mkdir({ excludes: { arches: ["amd64", "arm64"] } }), expected: "17" },
    { name: "minKernel that is not reached", profile: mkdir({ includes: { minKernel: "99.0" } }), expected: "17" },
    { name: "minKernel that is", profile: mkdir({ includes: { minKernel: "4.8" } }), expected: "1" },
    { name: "a call that no libseccomp knows", profile: mkdir({ names: ["mkdir", "no_such_call"] }), expected: "1" },
  ];
  for (const [i, { name, words = "--drop none", profile: content, expected }] of RULES.entries()) {
    test(name, () => {
      const file = profile(`rule${i}.json`, content);
      const { stdout, stderr } = run(["confine", ...words.split(" "), "--seccomp", file, "--", ...makeDirectory]);
      assert.equal(stderr, "");
      assert.equal(stdout, expected);
    });
  }

  const BAD: readonly { readonly name: string; readonly words: readonly string[]; readonly said: RegExp }[] = [
    { name: "no such file", words: ["--seccomp", "/none.json"], said: /--seccomp \/none.json: the profile cannot be read: ENOENT/ },
    { name: "no JSON", words: ["--seccomp", profile("bad.json", "{")], said: /it is not JSON/ },
    { name: "a list", words: ["--seccomp", profile("list.json", "[]")], said: /it is not a profile/ },
    {
      name: "no action",
      words: ["--seccomp", profile("action.json", { defaultAction: "ALLOW" })],
      said: /defaultAction: "ALLOW" is no action/,
    },
    {
      name: "no comparison",
      words: ["--seccomp", profile("op.json", mkdir({ args: [{ index: 0, value: 1, op: "EQ" }] }))],
      said: /syscalls\[0\]\.args\[0\]\.op: "EQ" is no comparison/,
    },
    {
      name: "names that are no list",
      words: ["--seccomp", profile("names.json", mkdir({ names: "mkdir" }))],
      said: /syscalls\[0\]\.names is not a list/,
    },
    { name: "no capability", words: ["--keep", "flying"], said: /--keep: "flying" is no capability/ },
    { name: "two lists", words: ["--keep", "chown", "--drop", "kill"], said: /--keep and --drop exclude each other/ },
    { name: "nothing to trace", words: ["--trace-denied"], said: /without --seccomp nothing is refused/ },
  ];
  for (const { name, words, said } of BAD) {
    test(`is refused before anything is done: ${name}`, () => {
      const { status, stdout, stderr } = run(["confine", ...words, "--", "echo", "ran"]);
      assert.equal(status, 125);
      assert.equal(stdout, "");
      assert.match(stderr, said);
      assert.equal(stderr.includes("    at "), false, "no stack trace");
    });
  }

  test("a call newer than the profile gets ENOSYS, so that libc falls back", () => {
    const { stdout } = run(["confine", "--seccomp", "default", "--", ...perl("syscall(600); print 0+$!")]);
    assert.equal(stdout, "38");
  });

  test("a set-user-ID program gives nothing: no_new_privs comes with the filter", () => {
    const { stdout } = run(["confine", "--seccomp", "default", "--", "grep", "-E", "^(NoNew|Seccomp:)", "/proc/self/status"]);
    assert.equal(stdout, "NoNewPrivs:\t1\nSeccomp:\t2\n");
  });

  for (const user of ["root", "nobody"]) {
    test(`--trace-denied tells the call, the program and the mend, once, and leaves nothing: ${user}`, () => {
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
    const { status, stderr } = run(["confine", "--seccomp", few, "--trace-denied", "--", "true"], { timeout: 10_000 });
    assert.equal(status, 0, stderr);
    assert.match(stderr, /was refused to/);
  });
});
