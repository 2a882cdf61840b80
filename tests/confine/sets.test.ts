// confine as an engine asks for it: the five capability sets, a filter without no_new_privs, ids, limits, scheduling, labels.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { need } from "../helpers/need.ts";
import { scratch } from "../helpers/rootfs.ts";
import { bin, NOBODY, run } from "../helpers/run.ts";

const dir = scratch("sets");
const DOCKER =
  "CAP_CHOWN,CAP_DAC_OVERRIDE,CAP_FSETID,CAP_FOWNER,CAP_MKNOD,CAP_NET_RAW,CAP_SETGID,CAP_SETUID,CAP_SETFCAP,CAP_SETPCAP,CAP_NET_BIND_SERVICE,CAP_SYS_CHROOT,CAP_KILL,CAP_AUDIT_WRITE";
const ROOTS = ["--bounding", DOCKER, "--effective", DOCKER, "--permitted", DOCKER, "--inheritable", "none", "--ambient", "none"];
const status = ["grep", "-E", "^(Cap|NoNewPrivs|Seccomp:|Groups|Umask)", "/proc/self/status"];
const profile = join(dir, "profile.json");
const rule = (names: readonly string[], action: string, more = {}) => ({ names, action, ...more });
const write = (syscalls: readonly object[], more = {}) =>
  writeFileSync(profile, JSON.stringify({ defaultAction: "SCMP_ACT_ALLOW", syscalls, ...more }));
const noMkdir = rule(["mkdir", "mkdirat"], "SCMP_ACT_ERRNO", { errnoRet: 95 });

/** What /proc/self/status says, by its names. */
function statusOf(words: readonly string[]): Record<string, string> {
  const result = run(["confine", ...words, "--", ...status]);
  assert.equal(result.status, 0, result.stderr);
  return Object.fromEntries(
    result.stdout
      .trim()
      .split("\n")
      .map((line) => line.split(/:\s*/).map((part) => part.trim()) as [string, string]),
  );
}

describe("the five sets", need("root"), () => {
  test("root's, as docker sends them, with a filter and without no_new_privs", () => {
    write([noMkdir]);
    const words = [...ROOTS, "--user", "0:0", "--groups", "0,10,5", "--umask", "0027", "--seccomp", profile, "--allow-new-privs"];
    const [none, fourteen] = ["0000000000000000", "00000000a80425fb"];
    const sets = { CapInh: none, CapPrm: fourteen, CapEff: fourteen, CapBnd: fourteen, CapAmb: none };
    assert.deepEqual(statusOf(words), { ...sets, NoNewPrivs: "0", Seccomp: "2", Groups: "0 5 10", Umask: "0027" });
    assert.match(run(["confine", ...words, "--", "mkdir", join(dir, "x")]).stderr, /Operation not supported/);
  });

  test("another user's, by the ambient set", () => {
    write([noMkdir]);
    const kill = (set: string) => [`--${set}`, "CAP_KILL"];
    const words = [
      ...["bounding", "permitted", "effective", "inheritable", "ambient"].flatMap(kill),
      "--user",
      "1000:1000",
      "--groups",
      "none",
    ];
    const bit = "0000000000000020";
    const sets = { CapInh: bit, CapPrm: bit, CapEff: bit, CapBnd: bit, CapAmb: bit };
    for (const filter of [
      ["--seccomp", profile, "--allow-new-privs"],
      ["--seccomp", profile],
    ])
      assert.deepEqual(statusOf([...words, ...filter]), {
        ...sets,
        NoNewPrivs: filter.length === 3 ? "0" : "1",
        Seccomp: "2",
        Groups: "",
        Umask: statusOf(ROOTS)["Umask"],
      });
  });

  test("without the filter's CAP_SYS_ADMIN it is told", () => {
    write([noMkdir]);
    const result = run(["confine", "--permitted", "none", "--seccomp", profile, "--allow-new-privs", "--", "true"], NOBODY);
    assert.equal(result.status, 125);
    assert.match(result.stderr, /^confine: --allow-new-privs: seccomp\(.*EACCES.*\n.*CAP_SYS_ADMIN/);
  });

  test("a profile that refuses what comes after it fails before anything starts", () => {
    write([rule(["capset"], "SCMP_ACT_ERRNO")]);
    const result = run(["confine", ...ROOTS, "--seccomp", profile, "--allow-new-privs", "--", "true"]);
    assert.equal(result.status, 125);
    assert.match(result.stderr, /it refuses capset\n.*loaded before the capabilities are taken away/);
  });

  test("an unknown name is refused, or warned of once", () => {
    assert.match(run(["confine", "--bounding", "CAP_NEW", "--", "true"]).stderr, /"CAP_NEW" is not a capability/);
    const words = ["confine", "--ignore-unknown-caps", "--bounding", "CAP_NEW", "--permitted", "CAP_NEW", "--effective", "none"];
    assert.deepEqual(run([...words, "--", "true"]), {
      ...{ status: 0, signal: null, stdout: "" },
      stderr: 'confine: "CAP_NEW" is an unknown capability: ignored\n',
    });
  });

  test("one that this process lacks is named", () => {
    const lacking = ["--keep", "none", "--", "confine", "--permitted", "CAP_SYS_TIME", "--", "true"];
    assert.match(run(["confine", ...lacking]).stderr, /--permitted: this process does not have CAP_SYS_TIME\n/);
  });
});

describe("what a process has beside", need("root", "chrt", "ionice"), () => {
  const out = (words: readonly string[], script: string) => {
    const result = run(["confine", ...words, "--", "sh", "-c", script]);
    assert.equal(result.status, 0, result.stderr);
    return result.stdout;
  };
  for (const [words, script, wanted] of [
    [
      ["--rlimit", "RLIMIT_NOFILE=100:200", "--rlimit", "RLIMIT_AS=4000000000:unlimited"],
      "ulimit -Sn; ulimit -Hn; ulimit -Sv; ulimit -Hv",
      /^100\n200\n3906250\nunlimited\n$/,
    ],
    [["--oom-score-adj", "500"], "cat /proc/self/oom_score_adj", /^500\n$/],
    [["--personality", "LINUX32"], "uname -m", /^(i686|armv8l)\n$/],
    [["--scheduler", "SCHED_BATCH:nice=3"], "chrt -p $$; nice", /SCHED_BATCH[\s\S]*^3\n/m],
    [["--io-priority", "IOPRIO_CLASS_BE:6"], "ionice -p $$", /^best-effort: prio 6\n$/],
    [["--affinity", "0"], "grep Cpus_allowed_list /proc/self/status", /\t0\n$/],
    [["--memory-policy", "MPOL_BIND:0"], "cat /proc/self/numa_maps", / bind:0 /],
  ] as const) {
    test(words.join(" "), () => assert.match(out(words, script), wanted));
  }

  test("what is not a limit, or twice, is refused", () => {
    for (const words of [
      ["--rlimit", "RLIMIT_NONE=1:1"],
      ["--rlimit", "RLIMIT_NOFILE=1"],
      ["--rlimit", "RLIMIT_NOFILE=2:1"],
      ["--rlimit", "RLIMIT_NOFILE=1:1", "--rlimit", "RLIMIT_NOFILE=1:1"],
      ["--rlimit", "RLIMIT_NOFILE=1:99999999999999999999"],
      ["--umask", "9"],
      ["--groups", "1"],
      ["--oom-score-adj", "1001"],
      ["--personality", "BSD"],
      ["--scheduler", "SCHED_BATCH:nicer=1"],
      ["--scheduler", "SCHED_BATCH:nice=20"],
      ["--io-priority", "IOPRIO_CLASS_BE:8"],
      ["--affinity", "2-1"],
      ["--memory-policy", "MPOL_NONE"],
      ["--allow-new-privs"],
      ["--allow-new-privs", "--seccomp", "default", "--no-new-privs"],
      ["--allow-new-privs", "--seccomp", "default", "--keep", "default"],
      ["--bounding", "none", "--keep", "none"],
    ]) {
      const { status, stderr } = run(["confine", ...words, "--", "true"]);
      assert.equal(status, 125, words.join(" "));
      assert.match(stderr, /^confine: --\w/, words.join(" "));
      assert.doesNotMatch(stderr, /this is a bug/);
    }
  });

  test("a label is refused where its security module is off", need("root"), () => {
    for (const option of ["--apparmor", "--selinux-label"]) {
      const { status, stderr } = run(["confine", option, "some", "--", "true"]);
      if (status === 0) continue; // a host that has it
      assert.match(stderr, /is not enabled on this host\n|there is no such profile|EINVAL/);
    }
  });
});

const AGENT = `import array, fcntl, json, os, socket, struct, subprocess, sys
path = sys.argv[1] + "/agent"
listener = socket.socket(socket.AF_UNIX); listener.bind(path); listener.listen()
child = subprocess.Popen(sys.argv[2:], stdout=subprocess.PIPE, text=True)
peer, _ = listener.accept()
text, control, _, _ = peer.recvmsg(65536, socket.CMSG_SPACE(4))
fd = array.array("i", control[0][2])[0]
call = bytearray(80); fcntl.ioctl(fd, 0xc0502100, call)
id, caller = struct.unpack_from("=QI", call)
fcntl.ioctl(fd, 0xc0182101, struct.pack("=QqiI", id, 0, -95, 0))
out, _ = child.communicate(); os.unlink(path)
print(json.dumps({"state": json.loads(text), "caller": caller, "child": child.pid, "out": out, "status": child.returncode}))`;

describe("SCMP_ACT_NOTIFY", need("root", "python3"), () => {
  const asked = (more = {}) =>
    write([rule(["mkdir", "mkdirat"], "SCMP_ACT_NOTIFY")], { listenerPath: join(dir, "agent"), listenerMetadata: "meta", ...more });
  const state = join(dir, "state.json");
  writeFileSync(state, JSON.stringify({ ociVersion: "1.0.2", id: "box", status: "creating", bundle: "/b" }));
  const words = ["--seccomp", profile, "--listener-state", state, "--", "sh", "-c", `mkdir ${dir}/y 2>&1; echo $?`];
  for (const [name, chain] of [
    ["with no_new_privs", ["confine"]],
    ["without", ["confine", ...ROOTS, "--allow-new-privs"]],
    [
      "in a PID namespace: the agent gets the number that it has outside",
      ["nsexec", "--pid", "--mount-proc", "--", "confine", ...ROOTS, "--allow-new-privs"],
    ],
  ] as const) {
    test(name, () => {
      asked({ flags: ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"] });
      const [tool = "", ...more] = chain;
      const { stdout, stderr, status } = run(["python3", "-c", AGENT, dir, join(bin, tool), ...more, ...words]);
      assert.equal(status, 0, stderr);
      const { state, caller, child, out, status: ended } = JSON.parse(stdout);
      assert.match(out, /Operation not supported\n1\n$/);
      assert.equal(ended, 0);
      assert.deepEqual([state.fds, state.metadata, state.ociVersion, state.state.id], [["seccompFd"], "meta", "1.0.2", "box"]);
      assert.equal(state.pid, state.state.pid);
      if (tool === "confine") assert.equal(state.pid, child);
      assert.ok(caller > state.pid);
    });
  }

  test("nobody listens, no path, or the default action: told before anything starts", () => {
    asked();
    assert.match(run(["confine", ...words]).stderr, /listenerPath .*agent: nobody listens there/);
    write([rule(["mkdir"], "SCMP_ACT_NOTIFY")]);
    assert.match(run(["confine", ...words]).stderr, /SCMP_ACT_NOTIFY needs listenerPath/);
    write([], { defaultAction: "SCMP_ACT_NOTIFY" });
    assert.match(run(["confine", ...words]).stderr, /SCMP_ACT_NOTIFY would wait for an answer to every call/);
  });
});
