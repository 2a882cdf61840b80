// Planning changes nothing: between the first word that is read and the first step no system call is made that could.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { need } from "../helpers/need.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { root, run } from "../helpers/run.ts";

const INSIDE = ["--env", "A=B", "--env-file", "FILE", "--user", "1:2", "--ulimit", "nofile=64", "--tmpfs", "/tmp:1M"];
const LIMITS = [
  "--memory",
  "64M",
  "--swap",
  "1M",
  "--cpu",
  "50%",
  "--cpu-weight",
  "9",
  "--pids",
  "9",
  "--oom-group",
  "--set",
  "memory.min=1M",
];
const RAILS = ["--seccomp", "default", "--caps", "chown", "--no-new-privs", "--landlock", "/tmp:rw"];
const SHOW = ["--print-chain"];

const CHAINS: readonly (readonly string[])[] = [
  ["nsexec", "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--hostname", "h", "--mount-proc", "--", "true"],
  ["nsexec", "--user", "--map-root-user", "--monotonic", "9", "--tty", "--", "true"],
  ["nsexec", "--map-users", "0:0:9", "--map-groups", "0:0:9", "--shift", "ROOTFS", "--mount", "--", "true"],
  ["nsexec", "--user", "--map-root-user", "--mount", "--lock", "ROOTFS", "--", "true"],
  ["nsexec", "--target", "PID", "--all", "--target-env", "--setuid", "follow", "--", "true"],
  ["nsexec", "--into-cgroup", "/", "--net", "--foreground", "--keyring", "k", "--env", "A=B", "--clear-env", "--", "true"],
  ["cgset", ...LIMITS, "--device", "default", "--", "true"],
  ["cgset", "--name", "planned", "--kill", "--rm"],
  ["cgset", "--name", "planned", "--freeze"],
  ["pivot", "ROOTFS", ...INSIDE, "--tty", "--sys", "--mask", "--bind", "/tmp:/mnt", "--hide", "/root", "--overlay", "--", "true"],
  ["pivot", "ROOTFS", "--no-dev", "--no-proc", "--overlay-lower", "/tmp", "--ro-bind", "/tmp:/mnt", "--", "true"],
  ["pid1", "--subreaper", "--pdeathsig", "TERM", "--rewrite", "TERM:QUIT", "--linger", "1s", "--", "true"],
  ["confine", ...RAILS, "--user", "1:2", "--", "true"],
  ["confine", "--seccomp", "default", "--trace-denied", "--", "true"],
  ["veth", "--bridge", "planned0", "--address", "10.9.9.2/24", "--gateway", "10.9.9.1", "--", "true"],
  ["veth", "1", "--show"],
  ["cgset", "--memory", "64M", "nsexec", "--pid", "--mount", "pivot", "ROOTFS", "confine", "--drop", "all", "pid1", "true"],
  ["nsexec", "--chain", "exec", "--preserve-fds", "2", "--trace", "--verbose", "--pid", "pid1", "true"],
  ...[
    [],
    ["--rw"],
    LIMITS,
    INSIDE,
    ["--init", "--tty"],
    ["--detach", "--name", "planned", "--log-size", "1M", "--cidfile", "NEW"],
    ["--net", "none"],
    ["--net", "host"],
    ["--net", "veth", "--publish", "8080:80"],
    ["--userns", "auto"],
    ["--confine"],
    ["--confine", "--seccomp", "default", "--trace-denied", "--cap-add", "sys_admin", "--user", "1"],
    ["--json", "NEW", "--record", "NEW", "--quiet"],
    ["--device", "/dev/fuse", "--keep-keyring", "--inherit-env"],
    ["--overlay", "--volume", "/tmp:/mnt:ro", "--workdir", "/tmp", "--hostname", "h"],
    ["--chain", "exec"],
    ["--stop-signal", "INT", "--grace", "1s"],
  ].map((options) => ["contain", "run", "--rootfs", "ROOTFS", ...options, "--", "true"]),
  ["contain", "run", "--rootfs", "ROOTFS", "--net", "veth", ...SHOW, "--", "true"],
  ["contain", "--root", "NEW", "list"],
  ["contain", "gc"],
  ["contain", "doctor"],
  ["contain", "lab", "fork-bomb"],
  ["contain", "rootfs", "NEW"],
  ["contain", "explain", "1"],
];

/** Calls that only read, or are about this process's own memory; for some, what must not be among their arguments. */
const READS: Readonly<Record<string, RegExp | undefined>> = {
  ...Object.fromEntries(
    "read pread64 close lseek getdents64 stat lstat fstat newfstatat statx statfs fstatfs access faccessat faccessat2 readlink readlinkat getcwd uname \
getpid getppid getpgid getpgrp getsid getuid geteuid getgid getegid getgroups getpriority capget clock_gettime gettimeofday poll ppoll select \
mmap munmap mremap mprotect madvise brk futex sched_yield getrandom rt_sigreturn epoll_wait epoll_pwait"
      .split(" ")
      .map((name) => [name, undefined]),
  ),
  openat: /O_(WRONLY|RDWR|CREAT|TRUNC|APPEND|TMPFILE)/,
  prlimit64: /, \{rlim_cur[^}]*\}, /,
  landlock_create_ruleset: /^(?!NULL, 0, )/, // its version
  seccomp: /SET_MODE.* = 0$/, // whether a mode is known: EINVAL or EFAULT
  bpf: /^(?!BPF_PROG_LOAD)/, // whether one can be loaded; its descriptor is all there is of it
  memfd_create: undefined, // libseccomp's way to write a filter
  write: /^\d+<(?!\/memfd:|anon_inode:\[eventfd\])/,
  ioctl: /^\d+<.*?>, (?!TCGETS|TIOCGPGRP|TIOCGWINSZ|TIOCGSID)/,
  fcntl: /^\d+<.*?>, (?!F_GET)/,
  kill: /^-?\d+, (?!0\))/,
};

interface Answer {
  readonly error?: string;
  /** What a process has that is otherwise than before. */
  readonly changed: readonly string[];
}

/** Plans chains in one process under strace(1). Returns its answers, and for each chain the calls that are not in READS. */
function planAll(chains: readonly (readonly string[])[]): { answers: Answer[]; calls: string[][] } {
  const trace = join(dir, "trace");
  const argv = ["strace", "-f", "-qq", "-y", "-s", "64", "-e", "signal=none", "-o", trace];
  const { stdout, stderr } = run([...argv, process.execPath, "--import", "tsx", join(import.meta.dirname, "planned.ts")], {
    cwd: root,
    input: JSON.stringify(chains),
    timeout: 120_000,
  });
  assert.notEqual(stdout, "", stderr);
  const lines = readFileSync(trace, "utf8").split("\n");
  const calls = chains.map((_, i) => {
    const begins = lines.findIndex((line) => line.includes(`"/planning/${i}/begins"`));
    const ends = lines.findIndex((line) => line.includes(`"/planning/${i}/ends"`));
    const pid = /^\d+ /.exec(lines[begins] ?? "")?.[0] ?? "?"; // the runtime's other threads go on as they like
    return lines.slice(begins + 1, ends).filter((line) => line.startsWith(pid) && !isRead(line.slice(pid.length).trimStart()));
  });
  return { answers: JSON.parse(stdout) as Answer[], calls };
}

function isRead(call: string): boolean {
  const [, name = "", args = ""] = /^(?:<\.\.\. )?(\w+)(?:\(| resumed>)(.*)$/.exec(call) ?? [];
  return Object.hasOwn(READS, name) && !READS[name]?.test(args);
}

const dir = scratch("planning");

describe("planning", need("root", "strace"), () => {
  let planned: ReturnType<typeof planAll>;
  const chains = (): string[][] => {
    const files: Readonly<Record<string, string>> = {
      ROOTFS: makeRootfs(dir),
      FILE: join(dir, "variables"),
      NEW: join(dir, "new"),
      PID: `${process.pid}`,
    };
    writeFileSync(join(dir, "variables"), "C=D\n");
    return CHAINS.map((words) => words.map((word) => files[word] ?? word));
  };
  before(() => {
    planned = planAll(chains());
  });

  for (const [i, words] of CHAINS.entries()) {
    test(words.join(" "), () => {
      assert.deepEqual({ ...planned.answers[i], calls: planned.calls[i] }, { changed: [], calls: [] });
    });
  }

  test("what changes something is seen", () => {
    const changes = [
      'mkdir("/a", 0700) = 0',
      'openat(AT_FDCWD</>, "/a", O_WRONLY|O_CREAT, 0600) = 3</a>',
      'write(3</a>, "1", 1) = 1',
      "kill(1, SIGTERM) = 0",
    ];
    assert.deepEqual([...changes, "ioctl(0</dev/pts/0>, TIOCSPGRP, [1]) = 0"].filter(isRead), []);
    assert.deepEqual(["kill(1, 0) = 0", "ioctl(0</dev/pts/0>, TIOCGPGRP, [1]) = 0"].map(isRead), [true, true]);
  });
});
