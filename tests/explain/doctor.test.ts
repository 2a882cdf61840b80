// `contain doctor`: what it says is compared with what other tools can really do here, and with faults that strace injects.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { need } from "../helpers/need.ts";
import { isAlive } from "../helpers/proc.ts";
import { scratch } from "../helpers/rootfs.ts";
import { bin, NOBODY, type RunOptions, run } from "../helpers/run.ts";
import { eventually } from "../helpers/wait.ts";
import { World } from "../helpers/world.ts";

interface Check {
  readonly what: string;
  readonly code: string;
  readonly state: string;
  readonly text: string;
  readonly certain: boolean;
  readonly evidence: readonly { readonly source: string; readonly value?: string; readonly problem?: string; readonly rule: string }[];
  readonly fix?: string;
}

const doctorPath = join(bin, "contain");

function parse(stdout: string): Map<string, Check> {
  const checks = stdout.trim().split("\n");
  return new Map(checks.map((line) => JSON.parse(line) as Check).map((check) => [check.what, check]));
}

function doctor(argv: readonly string[] = [], options: RunOptions = {}): Map<string, Check> {
  const { status, stdout, stderr } = run([...argv, doctorPath, "doctor", "--json"], options);
  assert.equal(status, 0, stderr);
  assert.equal(stderr, "");
  return parse(stdout);
}

const stateOf = (checks: Map<string, Check>, what: string) => checks.get(what)?.state;

/** In a mount namespace of its own, after a script. */
const after = (script: string) => ["unshare", "-m", "--propagation", "private", "sh", "-ec", `${script}\nexec "$@"`, "sh"];

describe("contain doctor", () => {
  test("the table is for people, --json for tools; both have every check, and the status is 0", () => {
    const checks = [...doctor().values()];
    const { status, stdout } = run(["contain", "doctor"]);
    assert.equal(status, 0);
    for (const { what, state, text, code, certain, evidence, fix } of checks) {
      assert.ok(stdout.includes(`\n${what.padEnd(2)}`), what);
      assert.match(code, /^doctor-[a-z0-9-]+$/);
      assert.match(state, /^(ok|missing|limited|cannot tell)$/);
      assert.equal(certain, state !== "cannot tell");
      assert.equal(text.startsWith("cannot tell: "), !certain, text);
      for (const { source, value, problem, rule } of evidence) assert.ok(source && rule && (value ?? problem) !== undefined, what);
      if (certain) assert.ok(evidence.length > 0, `${what}: ${text}`);
      if (state === "missing" || state === "limited") assert.ok(fix, `${what} has a fix`);
    }
    assert.equal(run(["contain", "doctor", "word"]).status, 125);
  });

  describe("what unshare(1) can do", need("root", "unshare"), () => {
    const KINDS = ["user", "pid", "uts", "mount", "ipc", "net", "cgroup", "time"];
    for (const [who, options, user] of [
      ["root", {}, []],
      ["an ordinary user", NOBODY, ["--user"]],
    ] as const) {
      test(`${who}: doctor says the same of each kind of namespace`, () => {
        const checks = doctor([], options);
        for (const kind of KINDS) {
          const words = ["unshare", ...user, `--${kind}`, ...(kind === "pid" || kind === "time" ? ["--fork"] : []), "true"];
          assert.equal(stateOf(checks, `${kind} namespace`) === "ok", run(words, options).status === 0, kind);
        }
        const proc = run(["unshare", ...user, "--pid", "--fork", "--mount", "--mount-proc", "true"], options);
        assert.equal(stateOf(checks, "fresh /proc") === "ok", proc.status === 0);
      });
    }

    test("an ordinary user hears that groups are not his, and not of root's leftovers", () => {
      const checks = doctor([], NOBODY);
      assert.equal(stateOf(checks, "privilege"), "limited");
      assert.equal(stateOf(checks, "cgroup delegation"), "limited");
      assert.match(checks.get("cgroup delegation")?.text ?? "", /W_OK\): EACCES/);
      assert.match(checks.get("cgroup delegation")?.fix ?? "", /Delegate=yes/);
      assert.match(checks.get("subordinate uids")?.fix ?? "", /usermod --add-subuids \d+-\d+ nobody/);
      assert.doesNotMatch(checks.get("leftovers")?.text ?? "", /empty group/);
    });
  });

  describe("limits and masks that are really there", need("root", "unshare"), () => {
    const hybrid = /^memory\t[1-9]/m.test(readFileSync("/proc/cgroups", "utf8"));
    const NO_V1 = after("findmnt -nlt cgroup -o TARGET | while read -r at; do umount -l $at; done");
    const V1_UNSEEN = /cgroup v1 holds memory in hierarchy \d+/;
    const IN_USER = ["unshare", "-Ur", "sh", "-ec"];
    const cases: readonly [name: string, argv: readonly string[], what: string, state: string, text: RegExp, fix?: RegExp][] = [
      [
        "max_net_namespaces 0",
        [...IN_USER, 'echo 0 >/proc/sys/user/max_net_namespaces; exec "$@"', "sh"],
        "net namespace",
        "limited",
        /ENOSPC; \/proc\/sys\/user\/max_net_namespaces: 0/,
        /sysctl user.max_net_namespaces=/,
      ],
      ["max_net_namespaces 0", [...IN_USER, 'echo 0 >/proc/sys/user/max_net_namespaces; exec "$@"', "sh"], "uts namespace", "ok", /works/],
      [
        "a masked /proc",
        [...after("mount -t tmpfs none /proc/pressure"), "setpriv", "--reuid", "65534", "--clear-groups"],
        "fresh /proc",
        "limited",
        /EPERM; \/proc\/self\/mountinfo has mounts that cover .*\/proc\/pressure/,
        /too revealing/,
      ],
      ["a masked /proc, for root", after("mount -t tmpfs none /proc/pressure"), "fresh /proc", "ok", /works/],
      ["/proc/pressure is masked", after("mount -t tmpfs none /proc/pressure"), "PSI", "cannot tell", /ENOENT/],
      ["/proc/filesystems is masked", after("mount --bind /dev/null /proc/filesystems"), "overlay", "cannot tell", /masked/],
      ["/proc/sys is masked", after("mount -t tmpfs none /proc/sys"), "seccomp", "cannot tell", /actions_avail: ENOENT/],
      [
        "no cgroup2 is mounted",
        after("while umount -l $(findmnt -nt cgroup2 -o TARGET | head -n 1) 2>/dev/null; do :; done"),
        "cgroup v2",
        "missing",
        /no cgroup2/,
        /mount -t cgroup2/,
      ],
      [
        "no cgroup2 is mounted",
        after("while umount -l $(findmnt -nt cgroup2 -o TARGET | head -n 1) 2>/dev/null; do :; done"),
        "cgroup memory",
        "missing",
        /no cgroup2/,
      ],
      ["v1 mounts that cannot be seen", NO_V1, "cgroup v2", "limited", V1_UNSEEN],
      ["v1 mounts that cannot be seen", NO_V1, "cgroup memory", "missing", /cgroup v1 holds it: \/proc\/cgroups: memory in hierarchy \d+/],
      ["a filter on this process", ["unshare", "--user", "setpriv", "--no-new-privs"], "seccomp filter", "ok", /Seccomp: 0/],
      [
        "/etc/subuid without a right to read it",
        [
          ...after("mount -t tmpfs none /etc; echo x:1:1 >/etc/subuid; chmod 600 /etc/subuid"),
          "setpriv",
          "--reuid",
          "65534",
          "--clear-groups",
        ],
        "subordinate uids",
        "cannot tell",
        /EACCES/,
      ],
      [
        "a directory service has the ranges",
        [
          ...after(
            "cp /etc/passwd /dev/shm/p.$$; mount -t tmpfs none /etc; mv /dev/shm/p.$$ /etc/passwd; echo 'subid: sss' >/etc/nsswitch.conf",
          ),
          "setpriv",
          "--reuid",
          "65534",
          "--clear-groups",
        ],
        "subordinate uids",
        "cannot tell",
        /getsubids nobody/,
      ],
      [
        "ranges by name",
        [
          ...after(
            "cp /etc/passwd /dev/shm/p.$$; mount -t tmpfs none /etc; mv /dev/shm/p.$$ /etc/passwd; echo nobody:200000:65536 >/etc/subuid",
          ),
          "setpriv",
          "--reuid",
          "65534",
          "--clear-groups",
        ],
        "subordinate uids",
        "ok",
        /nobody:200000:65536/,
      ],
      [
        "newuidmap without its bit",
        [
          ...after("mount -t tmpfs none /mnt; printf '#!/bin/sh\\n' >/mnt/newuidmap; chmod 755 /mnt/newuidmap"),
          "env",
          "PATH=/mnt:/usr/bin:/bin:/usr/local/bin",
        ],
        "newuidmap",
        "limited",
        /neither set-user-ID/,
        /chmod u\+s/,
      ],
      [
        "newuidmap with its bit",
        [
          ...after("mount -t tmpfs none /mnt; printf '#!/bin/sh\\n' >/mnt/newuidmap; chmod 4755 /mnt/newuidmap"),
          "env",
          "PATH=/mnt:/usr/bin:/bin:/usr/local/bin",
        ],
        "newuidmap",
        "ok",
        /mode 4755/,
      ],
      [
        "no_new_privs",
        [
          ...after("mount -t tmpfs none /mnt; printf '#!/bin/sh\\n' >/mnt/newuidmap; chmod 4755 /mnt/newuidmap"),
          "env",
          "PATH=/mnt:/usr/bin:/bin:/usr/local/bin",
          "setpriv",
          "--no-new-privs",
        ],
        "newuidmap",
        "limited",
        /NoNewPrivs: 1/,
      ],
    ];
    for (const [name, argv, what, state, text, fix = /(?:)/] of cases) {
      test(`${name}: ${what} is ${state}`, argv === NO_V1 && !hybrid ? { skip: "cgroup v1 holds nothing here" } : {}, () => {
        const check = doctor(argv).get(what);
        assert.equal(check?.state, state, check?.text);
        assert.match(check.text, text);
        assert.match(check.fix ?? "", fix);
      });
    }
  });

  describe("faults of system calls", need("root", "strace"), () => {
    const cases: readonly [inject: string, wanted: Readonly<Record<string, string>>][] = [
      ["clone3:error=ENOSYS", { clone3: "missing", "uts namespace": "ok", "fresh /proc": "ok", openat2: "ok" }],
      ["clone3:error=EPERM:when=OURS+", { clone3: "limited", "uts namespace": "cannot tell", overlay: "cannot tell" }],
      ["clone3:error=EAGAIN:when=FORK+", { clone3: "ok", "net namespace": "cannot tell", "fresh /proc": "cannot tell" }],
      ["clone3:error=E2BIG:when=INTO", { clone3: "limited", "net namespace": "ok" }],
      ["openat2:error=ENOSYS", { openat2: "missing", clone3: "ok" }],
      ["openat2:error=EPERM", { openat2: "limited" }],
      ["openat2:error=ENOMEM", { openat2: "cannot tell" }],
      ["pidfd_open:error=ENOSYS", { pidfd: "missing", clone3: "ok" }],
      ["pidfd_open:error=EMFILE", { pidfd: "cannot tell" }],
      ["unshare:error=EPERM", { "uts namespace": "limited", "user namespace, unprivileged": "limited", "fresh /proc": "ok" }],
      ["unshare:error=EINVAL", { "time namespace": "limited", "user namespace": "limited" }],
      ["sethostname:error=EPERM", { "user namespace": "ok", "user namespace, unprivileged": "limited" }],
      ["setresuid:error=EPERM", { "user namespace, unprivileged": "cannot tell" }],
      ["mount:error=EPERM", { "fresh /proc": "cannot tell", overlay: "cannot tell" }],
      ["mount:error=EPERM:when=2", { "fresh /proc": "limited", overlay: "cannot tell" }],
      ["mount:error=EINVAL:when=3", { "fresh /proc": "ok", overlay: "limited" }],
      ["unshare:signal=KILL", { "uts namespace": "cannot tell", "user namespace, unprivileged": "cannot tell", "fresh /proc": "ok" }],
    ];
    /** The runtime makes its threads by clone3 too, before us: the first call of ours, the second, and the first that forks. */
    const places = (threads: number) => ({ OURS: threads + 1, INTO: threads + 2, FORK: threads + 4 });
    const threads = () =>
      run(["strace", "-f", "-qq", "-e", "trace=clone3", doctorPath, "doctor"]).stderr.match(/clone3\(.*CLONE_THREAD/g)?.length ?? 0;
    for (const [fault, wanted] of cases) {
      test(`${fault}: doctor says so`, () => {
        const [calls = ""] = fault.split(":");
        const place = /OURS|INTO|FORK/.exec(fault)?.[0] as "OURS" | undefined;
        const inject = place === undefined ? fault : fault.replace(place, `${places(threads())[place]}`);
        const checks = doctor(["strace", "-f", "-qq", "-o", "/dev/null", "-e", `trace=${calls}`, "-e", `inject=${inject}`]);
        assert.deepEqual(Object.fromEntries(Object.keys(wanted).map((what) => [what, stateOf(checks, what)])), wanted);
      });
    }
  });

  test("nothing is changed: no mount comes through shared mounts, the host name stays, no child is left", need("root", "unshare"), () => {
    const dir = scratch("doctor");
    const script = `mount --make-rshared /; cd ${dir}
      look() { cat /proc/self/mountinfo; hostname; readlink /proc/self/ns/*; ls -A /tmp/l /tmp/u /tmp/w /tmp/m 2>&1 || :; }
      look >before; "$1" doctor >table; look >after; cmp before after && ps -o pid= --ppid $$ | wc -l; grep -c "^overlay  *ok" table`;
    const { stdout, stderr } = run(["unshare", "-m", "--propagation", "private", "sh", "-ec", script, "sh", doctorPath]);
    assert.equal(stderr, "");
    assert.match(stdout, /^[23]\n1\n$/); // ps itself, and the subshell of the pipe
  });

  describe("leftovers", need("root", "unshare", "nsenter"), () => {
    const world = new World("doctor");
    const leftovers = () => parse(world.run(["contain", "doctor", "--json"]).stdout).get("leftovers");

    test("those of a killed supervisor are shown, and gone after contain gc", async () => {
      assert.equal(leftovers()?.state, "ok");
      const { id, supervisor, pid, ended } = await world.start(["--", "sleep", "100"]);
      assert.equal(leftovers()?.state, "ok", "one that runs is none");
      process.kill(supervisor, "SIGKILL");
      await ended;
      await eventually(() => !isAlive(pid));
      const found = leftovers();
      assert.equal(found?.state, "limited");
      assert.match(found.text, new RegExp(`/${id}: its supervisor, PID ${supervisor}, was killed`));
      assert.equal(found.fix, "contain gc");
      world.run(["contain", "gc"]);
      assert.equal(leftovers()?.state, "ok");
    });

    test("an empty group of nobody's is root's to collect, and is not told to another user as his", () => {
      const group = `${world.top}/contain-0123456789ab`;
      world.sh(`mkdir ${group}`);
      const other = world.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", doctorPath, "doctor", "--json"]);
      assert.doesNotMatch(parse(other.stdout).get("leftovers")?.text ?? "?", /contain-0123456789ab|\?/);
      assert.match(leftovers()?.text ?? "", /contain-0123456789ab: an empty group without a known container/);
      world.sh(`rmdir ${group}`);
    });
  });
});
