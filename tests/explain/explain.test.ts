// `contain explain PID`: each statement staged for real, with look-alikes that must not get it.
import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { arch } from "node:process";
import { describe, test } from "node:test";
import { ownerOf } from "../../packages/explain/src/index.ts";
import { type Explained, explain, staged } from "../helpers/explained.ts";
import { need } from "../helpers/need.ts";
import { stat } from "../helpers/proc.ts";
import { scratch } from "../helpers/rootfs.ts";
import { NOBODY, root, run, sh } from "../helpers/run.ts";

const dir = scratch("explain");

test("a group called default is ctr's only outside of systemd's units", () => {
  for (const [path, engine, id] of [
    ["/default/task-1", "containerd", "task-1"],
    ["/nested/default/task-1/below", "containerd", "task-1"],
    ["/system.slice/web.service/default/worker", "systemd", "web.service"],
    ["/contain-0123456789ab/default", "contain", "0123456789ab"],
  ])
    assert.deepEqual([ownerOf(`0::${path}`)?.engine, ownerOf(`0::${path}`)?.id], [engine, id]);
});

interface Case {
  readonly name: string;
  readonly script: string;
  readonly has?: readonly string[];
  readonly not?: readonly string[];
  readonly texts?: Readonly<Record<string, RegExp>>;
  readonly needs?: readonly string[];
}

/** A program in a PID namespace of its own; the target is its PID 1. */
const init = (program: string, name: string) => `unshare -pf ${program} & P=$(child $!); named $P ${name}; echo "target $P"`;
const SIGTIMEDWAIT = arch === "arm64" ? 137 : 128; // rt_sigtimedwait
const DROPPED = "sigterm-dropped-by-init";
const SHELL = ["shell-is-pid1", "shell-wrapper", "shell-trap"];

const SIGNALS: readonly Case[] = [
  {
    name: "a PID 1 without a handler drops SIGTERM",
    script: init("sleep 1000", "sleep"),
    has: [DROPPED],
    not: ["sigterm-default", ...SHELL],
    texts: { [DROPPED]: /docker stop.*10 s/, pids: /its PID is \d+ here, 1 in its own .*init/ },
  },
  {
    name: "so does one that ignores it",
    script: init(`sh -c 'trap "" TERM; exec sleep 1000'`, "sleep"),
    has: [DROPPED],
    texts: { [DROPPED]: /it ignores it/ },
  },
  {
    name: "a PID 1 with a handler does not",
    script: init(`sh -c 'trap "exit 0" TERM; while :; do sleep 0.1; done'`, "sh"),
    has: ["sigterm-handled"],
    not: [DROPPED],
  },
  {
    name: "nor does pid1, which blocks it and takes it from the queue",
    script: init("pid1 sleep 1000", "pid1"),
    has: ["sigterm-waited-for"],
    texts: { "sigterm-forwarded": /the signal ends it/ },
    not: [DROPPED, "sigterm-default"],
  },
  {
    name: "nor does tini, whose mask looks empty while it waits",
    script: init("tini sleep 1000", "tini"),
    has: ["sigterm-waited-for"],
    not: [DROPPED],
    needs: ["tini"],
  },
  {
    name: "nor does one in sigtimedwait",
    script: `${init(`perl -e 'syscall(${SIGTIMEDWAIT}, $s = pack("Q", 1 << 14), 0, 0, 8)'`, "perl")}; soon grep -q "^${SIGTIMEDWAIT} " /proc/$P/syscall`,
    has: ["sigterm-waited-for"],
    not: [DROPPED],
    needs: ["perl"],
  },
  {
    name: "but one in sigtimedwait for another signal does",
    script: `${init(`perl -e 'syscall(${SIGTIMEDWAIT}, $s = pack("Q", 1 << 9), 0, 0, 8)'`, "perl")}; soon grep -q "^${SIGTIMEDWAIT} " /proc/$P/syscall`,
    has: [DROPPED],
    not: ["sigterm-waited-for"],
    needs: ["perl"],
  },
  {
    name: "pid1 forwards it to a program that ignores it",
    script: `${init(`pid1 sh -c 'trap "" TERM; exec sleep 1000'`, "pid1")}; forks() { is_named $(child $P) sleep; }; soon forks`,
    has: ["sigterm-waited-for", "sigterm-forwarded"],
    texts: { "sigterm-forwarded": /^pid1 forwards it to PID \d+ \(sleep\): it ignores it/ },
  },
  {
    name: "a process that is no PID 1 is ended by it",
    script: "sleep 1000 & echo target $!",
    has: ["sigterm-default"],
    not: [DROPPED, "stop-goes-to-init"],
  },
  {
    name: "an ignored SIGTERM",
    script: `sh -c 'trap "" TERM; exec sleep 1000' & named $! sleep; echo target $!`,
    has: ["sigterm-ignored"],
    not: [DROPPED, "sigterm-default"],
  },
  {
    name: "a blocked SIGTERM may be taken from a queue that nobody sees",
    script: `perl -e 'use POSIX; sigprocmask(SIG_BLOCK, POSIX::SigSet->new(SIGTERM)); sleep 1000' & soon grep -q '^SigBlk:.*4000$' /proc/$!/status; echo target $!`,
    has: ["sigterm-blocked"],
    not: [DROPPED, "sigterm-default", "sigterm-waited-for"],
    needs: ["perl"],
  },
  {
    name: "sh -c around one program",
    script: init("sh -c 'sleep 1000; true'", "sh").replace("named", "child $P >/dev/null; named"),
    has: ["shell-is-pid1", "shell-wrapper", DROPPED],
  },
  { name: "exec in sh -c leaves no wrapper", script: init("sh -c 'exec sleep 1000'", "sleep"), has: [DROPPED], not: SHELL },
  {
    name: "a wrapper that is no PID 1",
    script: "sh -c 'sleep 1000; true' & child $! >/dev/null; echo target $!",
    has: ["shell-wrapper", "sigterm-default"],
    not: ["shell-is-pid1", DROPPED],
  },
  {
    name: "a shell with a trap is no wrapper; when the trap runs cannot be told",
    script: `${init(`sh -c 'trap "exit 0" TERM; sleep 1000 & wait'`, "sh")}; child $P >/dev/null`,
    has: ["shell-is-pid1", "shell-trap", "sigterm-handled"],
    not: ["shell-wrapper", DROPPED],
  },
  {
    name: "a shell with two children is no wrapper",
    script: `${init("sh -c 'sleep 1000 & sleep 1000; true'", "sh")}; two() { second=; read -r _ second _ </proc/$1/task/$1/children; [ -n "$second" ]; }; soon two $P`,
    has: ["shell-is-pid1"],
    not: ["shell-wrapper"],
  },
  {
    name: "a program that only calls itself a shell is none",
    script: `cp "$(command -v sleep)" ${dir}/sh; ${init(`${dir}/sh 1000`, "sh")}`,
    not: SHELL,
  },
  {
    name: "a process inside: stop goes to PID 1",
    script: `${init("sh -c 'sleep 1000; true'", "sh")} >/dev/null; echo "target $(child $P)"`,
    has: ["stop-goes-to-init"],
    not: [DROPPED],
    texts: { "stop-goes-to-init": /PID \d+ \(sh\)/ },
  },
  {
    name: "masks are decoded",
    script: `perl -e '$SIG{USR1} = sub {}; $SIG{HUP} = "IGNORE"; sleep 1000' & soon grep -q '^SigIgn:.*[13579bdf]$' /proc/$!/status; echo target $!`,
    texts: { "signals-SigCgt": /handlers for .*USR1/, "signals-SigIgn": /ignores HUP/ },
    needs: ["perl"],
  },
];

const ZOMBIES: readonly Case[] = [
  {
    name: "a zombie of a living parent",
    script: "sh -c 'sleep 0.1 & exec sleep 1000' & C=$(child $!); state $C Z; named $! sleep; echo target $!",
    has: ["zombies", "zombie-of-living-parent"],
    not: ["zombie-of-init", "zombies-none"],
    texts: { "zombie-of-living-parent": /started .* ago.*PID \d+ \(sleep\), this very process/ },
  },
  {
    name: "a zombie that init has inherited and does not reap",
    script: init(`sh -c 'sh -c "sleep 1 & exit"; exec sleep 1000'`, "sleep").replace("named", "named $P sleep; state $(child $P) Z; named"),
    has: ["zombie-of-init"],
    not: ["zombie-of-living-parent"],
  },
  {
    name: "a zombie of somebody else's inside: init cannot",
    script: `${init(`sh -c 'sh -c "sleep 0.1 & exec sleep 1000" & exec sleep 1001'`, "sleep")}; until grep -q "State:.Z" /proc/$(child $(child $P))/status; do :; done`,
    has: ["zombie-of-living-parent"],
    not: ["zombie-of-init"],
    texts: { "zombie-of-living-parent": /init cannot; if that one ended, PID \d+ \(sleep\)/ },
  },
  {
    name: "children that live are no zombies",
    script: "sh -c 'sleep 1000 & exec sleep 1000' & child $! >/dev/null; echo target $!",
    has: ["zombies-none"],
    not: ["zombies"],
  },
  {
    name: "a zombie is explained as ended",
    script: "sh -c 'sleep 0.1 & exec sleep 1000' & C=$(child $!); state $C Z; echo target $C",
    has: ["ended", "zombie-of-living-parent"],
    not: ["not-stuck", "sigterm-default"],
  },
  {
    name: "a first thread that has ended is no zombie that could be reaped",
    script: `(cd ${root} && exec node -e 'require("koffi").load(null).func("long syscall(long, long)")(${arch === "arm64" ? 93 : 60}, 0)') & sleep 0.1; state $! Z; echo target $!`,
    has: ["zombie-leader"],
    not: ["zombies", "zombie-of-living-parent", "ended"],
  },
];

const STUCK: readonly Case[] = [
  { name: "nothing", script: "sleep 1000 & echo target $!", has: ["not-stuck"], not: ["stopped", "traced", "frozen"] },
  {
    name: "stopped",
    script: "sleep 1000 & kill -STOP $!; state $! T; kill -TERM $!; echo target $!",
    has: ["stopped", "signals-pending"],
    not: ["not-stuck", "sigkill-pending"],
    texts: { "signals-pending": /TERM sent to the process/ },
  },
  {
    name: "traced",
    script: `sleep 1000 & S=$!; strace -qq -o /dev/null -p $S & until grep -q "TracerPid:.[1-9]" /proc/$S/status; do sleep 0.02; done; echo target $S`,
    has: ["traced"],
    not: ["not-stuck", "stopped", "traced-stopped"],
    texts: { traced: /\(strace\) traces it/ },
    needs: ["strace"],
  },
  {
    name: "frozen by an ancestor's group",
    script: `mkdir $GROUP/a $GROUP/a/b; sleep 1000 & echo $! >$GROUP/a/b/cgroup.procs; echo 1 >$GROUP/a/cgroup.freeze; until grep -q "frozen 1" $GROUP/a/b/cgroup.events; do :; done; echo target $!`,
    has: ["frozen"],
    not: ["not-stuck"],
    texts: { frozen: /\(\/.*\/a\).*SIGKILL still ends it/ },
  },
  {
    name: "a frozen group beside it does not freeze it",
    script: "mkdir $GROUP/a $GROUP/b; sleep 1000 & echo $! >$GROUP/a/cgroup.procs; echo 1 >$GROUP/b/cgroup.freeze; echo target $!",
    has: ["not-stuck"],
    not: ["frozen"],
  },
  {
    name: "the init of a PID namespace waits for a zombie whose parent is outside",
    script: `unshare -pf sleep 1000 & P=$(child $!); named $P sleep; nsenter -t $P -p sleep 1001 & N=$!; C=$(child $N); named $C sleep
      kill -STOP $N; state $N T; kill -KILL $P; state $C Z; until [ "$(cat /proc/$P/wchan)" = zap_pid_ns_processes ]; do sleep 0.02; done; echo target $P`,
    has: ["sigkill-pending", "exiting", "pid-namespace-ending", "pid-namespace-held-by-zombie", "root-given-up"],
    not: ["not-stuck"],
    texts: { "pid-namespace-held-by-zombie": /zombie PID \d+ \(sleep\), whose parent PID \d+ \(nsenter\) \(state T\)/ },
  },
  {
    name: "vfork: state D, which SIGKILL ends",
    script: `perl -e 'syscall(${arch === "arm64" ? 220 : 56}, 0x4111, 0, 0, 0, 0); sleep 1000' & state $! D; echo target $!`,
    has: ["vfork"],
    not: ["uninterruptible", "sleeping-d", "not-stuck"],
    needs: ["perl"],
  },
];

const ROOTS: readonly Case[] = [
  {
    name: "its own namespaces, and those that it shares",
    script: "unshare -u -i sleep 1000 & named $! sleep; nsenter -t $! -u -i sleep 1001 & named $! sleep; echo target $!",
    texts: {
      "namespaces-own": /^uts, ipc: not the host's; shared with PID \d+ \(sleep\)$/,
      "namespaces-shared-with-host": /user, pid, mnt, net, cgroup, time: the host's/,
    },
  },
  {
    name: "user and group maps, both ways",
    script: `nsexec --user --map-users 0:100000:65536 --map-groups 0:200000:1000 -- sh -c 'echo $$; exec sleep 1000' >${dir}/mapped & soon test -s ${dir}/mapped; P=$(cat ${dir}/mapped); named $P sleep; echo target $P`,
    texts: {
      uid_map: /uid 0-65535 inside is 100000-165535 here; 100000-165535 here is 0-65535 inside/,
      gid_map: /200000-200999 here is 0-999 inside/,
    },
    not: ["uid_map-identity"],
  },
  {
    name: "no_new_privs, no capabilities, seccomp",
    script: "setpriv --no-new-privs --reuid 65534 --clear-groups --bounding-set -all,+kill sleep 1000 & named $! sleep; echo target $!",
    has: ["no-new-privs", "seccomp-off"],
    not: ["new-privs"],
    texts: { "capabilities-CapEff": /: none$/, "capabilities-CapBnd": /: CAP_KILL$/ },
  },
  {
    name: "a chroot",
    script: `mkdir -p ${dir}/jail; cp /bin/busybox ${dir}/jail/busybox; chroot ${dir}/jail /busybox sleep 1000 & until [ "$(readlink /proc/$!/root)" = ${dir}/jail ]; do :; done; echo target $!`,
    has: ["chroot"],
    not: ["root-writable", "root-read-only"],
    needs: ["busybox"],
  },
];

function check(explained: Explained, { has = [], not = [], texts = {} }: Case): void {
  const { codes } = explained;
  for (const code of has) assert.ok(codes.includes(code), `${code} is missing in ${codes.join(" ")}`);
  for (const code of not) assert.ok(!codes.includes(code), `${code}: ${explained.text(code)}`);
  for (const [code, pattern] of Object.entries(texts)) assert.match(explained.text(code), pattern);
  for (const { code, evidence, certain } of explained.findings) {
    assert.ok(evidence.length > 0, `${code} rests on nothing`);
    if (certain) for (const { source, problem } of evidence) assert.equal(problem, undefined, `${code} is certain without ${source}`);
  }
}

for (const [name, cases] of Object.entries({
  signals: SIGNALS,
  zombies: ZOMBIES,
  "why it will not die": STUCK,
  "root, namespaces, privileges": ROOTS,
})) {
  describe(`contain explain: ${name}`, { ...need("root", "unshare"), concurrency: 2 }, () => {
    for (const item of cases) {
      test(item.name, need(...(item.needs ?? [])), () => staged(item.script, (pid) => check(explain([`${pid}`]), item)));
    }
  });
}

/** A v1 group of a hybrid host, for a script in $V1. */
const v1 = (controller: string) => `/sys/fs/cgroup/${controller}/contain-test-explain-${process.pid}`;
const hybrid = (controller: string) =>
  existsSync(`/sys/fs/cgroup/${controller}/cgroup.procs`) && existsSync(`/sys/fs/cgroup/${controller}/release_agent`)
    ? {}
    : { skip: `no ${controller} hierarchy of cgroup v1 here` };

describe("contain explain: cgroup v1", { ...need("root"), concurrency: 2 }, () => {
  test("a signal that ends it, in a group frozen in v1: no SIGKILL was sent", hybrid("freezer"), async () => {
    const dir = `${v1("freezer")}-term`;
    // Asleep it is frozen as it is; awake it would have a signal pending for that already (kernel/freezer.c), and this one would wait behind it.
    const script = `mkdir ${dir}; sleep 1000 & soon grep -q nanosleep /proc/$!/wchan; echo $! >${dir}/cgroup.procs
      echo FROZEN >${dir}/freezer.state; soon grep -q FROZEN ${dir}/freezer.state; kill -TERM $!; echo target $!`;
    try {
      const { codes, text } = await staged(script, (pid) => {
        try {
          return explain([`${pid}`]);
        } finally {
          sh(`echo THAWED >${dir}/freezer.state`);
        }
      });
      assert.match(text("fatal-pending"), /no SIGKILL was sent to the process as a whole/);
      assert.equal(text("signals-pending"), "TERM sent to the process and not yet taken");
      assert.ok(!codes.includes("sigkill-pending"), codes.join(" "));
    } finally {
      sh(`echo THAWED >${dir}/freezer.state; until rmdir ${dir}; do sleep 0.05; done 2>/dev/null`);
    }
  });

  test("a burst of CPU time above the limit, and none", hybrid("cpu"), async () => {
    const dir = v1("cpu");
    const script = `mkdir ${dir}; echo 50000 >${dir}/cpu.cfs_quota_us; sleep 1000 & echo $! >${dir}/cgroup.procs; echo target $!`;
    try {
      await staged(script, (pid) => {
        assert.ok(!explain([`${pid}`, "limits"]).codes.includes("cpu-burst"));
        writeFileSync(`${dir}/cpu.cfs_burst_us`, "20000");
        assert.match(explain([`${pid}`, "limits"]).text("cpu-burst"), /may use 20 ms of CPU time more .*; it did so in \d+ periods?$/);
      });
    } finally {
      sh(`until rmdir ${dir}; do sleep 0.05; done 2>/dev/null`);
    }
  });

  test("a group frozen in v1: not even SIGKILL, and no guess about its state D", hybrid("freezer"), async () => {
    const dir = v1("freezer");
    const script = `mkdir ${dir} ${dir}/a; sleep 1000 & echo $! >${dir}/a/cgroup.procs; echo FROZEN >${dir}/freezer.state; state $! D; kill -KILL $!; echo target $!`;
    try {
      await staged(script, (pid) => {
        const { codes, text } = explain([`${pid}`]);
        assert.ok(codes.includes("frozen-v1") && codes.includes("sigkill-pending"), codes.join(" "));
        assert.match(text("frozen-v1"), new RegExp(`\\(${dir}\\).*not even SIGKILL`));
        for (const code of ["sleeping-d", "uninterruptible", "not-stuck", "frozen"]) assert.ok(!codes.includes(code), code);
        sh(`echo THAWED >${dir}/freezer.state`);
      });
    } finally {
      sh(`echo THAWED >${dir}/freezer.state; until rmdir ${dir}/a && rmdir ${dir}; do sleep 0.05; done 2>/dev/null`);
    }
  });

  test("the tightest limit of the chain, and where it is", hybrid("memory"), async () => {
    const dir = v1("memory");
    const script = `mkdir ${dir} ${dir}/a ${dir}/a/b; echo 64M >${dir}/memory.limit_in_bytes; echo 32M >${dir}/a/memory.limit_in_bytes; echo 128M >${dir}/a/b/memory.limit_in_bytes
      sleep 1000 & echo $! >${dir}/a/b/cgroup.procs; echo target $!`;
    try {
      await staged(script, (pid) => {
        const { codes, text } = explain([`${pid}`]);
        assert.match(text("memory-limit"), new RegExp(`32M at most, set in ${dir}/a, an ancestor of its group, .* used.*cgroup v1`));
        assert.ok(
          !codes.includes("memory-no-limit") && !codes.includes("memory-near-oom") && !codes.includes("memory-first-limit"),
          codes.join(" "),
        );
      });
    } finally {
      sh(`until rmdir ${dir}/a/b && rmdir ${dir}/a && rmdir ${dir}; do sleep 0.05; done 2>/dev/null`);
    }
  });
});

describe("contain explain: what cannot be known", { ...need("root", "unshare"), concurrency: false }, () => {
  test("another user's process: nothing is made up", () =>
    staged(init("sleep 1000", "sleep"), (pid) => {
      const { findings, codes, text } = explain([`${pid}`], NOBODY);
      for (const code of ["namespaces-unreadable", "sigterm-unknown", "open-files-unknown", "mounts-shared-unknown", "zombies-unknown"])
        assert.ok(codes.includes(code), `${code} is missing in ${codes.join(" ")}`);
      for (const code of [DROPPED, "namespaces-own", "zombies-none", "mounts-are-hosts", "mounts-none-of-hosts"])
        assert.ok(!codes.includes(code), code);
      assert.match(text("namespaces-unreadable"), /CAP_SYS_PTRACE/);
      for (const { certain, evidence } of findings) if (certain) assert.ok(evidence.every(({ problem }) => problem === undefined));
    }));

  test("a process that ends while it is looked at: said so, or no such process; never a bug", () => {
    for (let i = 0; i < 12; i++) {
      const { stdout } = sh(`sleep 0.0${i} & contain explain --json $! 2>&1; echo "status $?"`);
      assert.doesNotMatch(stdout, /this is a bug/);
      assert.match(stdout, /^status 0$|there is no process/m);
    }
  });

  test("what is wrong comes first, in at most five lines; one section alone; the evidence behind -v", () => {
    return staged(`unshare --pid --fork sleep 1000 & P=$(child $!); named $P sleep; echo target $P`, (pid) => {
      const ask = (...words: string[]) => run(["contain", "explain", `${pid}`, ...words]).stdout;
      const [short = "", ...others] = ask().split("\n\n").slice(1);
      assert.match(short, /^In short\n {2}- Signals: SIGTERM does nothing.*\n/);
      assert.ok(short.split("\n").length <= 6, short);
      assert.ok(others.length >= 7);
      assert.doesNotMatch(ask(), /\/proc\/\d+\/status SigCgt = /);
      const section = ask("signals");
      assert.match(section, new RegExp(`^PID ${pid}, sleep\n\nSignals\n(  .*\n)+$`));
      assert.match(ask("signals", "-v"), /\/proc\/\d+\/status SigCgt = 0+ /);
      assert.match(ask("signals", "zombies"), /\nSignals\n(.*\n)*Zombies\n/);
      assert.match(run(["contain", "explain", `${process.pid}`]).stdout, /^In short\n {2}- /m);
    });
  });

  test("a name cannot write on the terminal", () => {
    const script = `exec -a x perl -e '$0 = "a\\033[31m\\nb"; sleep 1000' & soon grep -q '^a' /proc/$!/comm; echo target $!`.replace(
      "exec -a x ",
      "",
    );
    return staged(script, (pid) => {
      const { stdout } = run(["contain", "explain", `${pid}`]);
      assert.equal(stdout.includes("\u001b"), false);
      assert.match(stdout, new RegExp(`^PID ${pid}, a`));
    });
  });
});

/** cutime and cstime, in ticks of 10 ms (proc_pid_stat(5)). */
const ticksOfChildren = () => Number(stat(process.pid, 16)) + Number(stat(process.pid, 17));

describe("contain explain: speed", need("root"), () => {
  test("with 500 processes on the host it takes at most six times as long as a start of Node that does nothing", (t) =>
    staged('i=0; while [ $i -lt 500 ]; do sleep 1000 & i=$((i + 1)); done; echo "target $!"', (pid) => {
      // CPU time of one thread, side by side: what else runs makes both slower.
      const used = (argv: readonly string[]) => {
        const before = ticksOfChildren();
        assert.equal(run(argv).status, 0);
        return ticksOfChildren() - before;
      };
      const sums = { explain: 0, node: 0 };
      for (let i = 0; i < 10; i++) {
        sums.explain += used(["contain", "explain", `${pid}`]);
        sums.node += used([process.execPath, "-e", "0"]);
      }
      t.diagnostic(`CPU: ${sums.explain} ms each, Node ${sums.node} ms each`);
      assert.ok(sums.explain < 6 * sums.node, `${sums.explain} ms, Node ${sums.node} ms`);
    }));
});
