// contain run --confine: docker's rails. Every system call is tried, with the filter and without it.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { need } from "../helpers/need.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { NOBODY, type RunOptions, run, sh } from "../helpers/run.ts";

const dir = scratch("rails");
const rootfs = makeRootfs(dir);
const contain = (words: readonly string[], options?: RunOptions) => run(["contain", "run", "--quiet", ...words], options);
const script = (text: string, words: readonly string[] = [], options?: RunOptions) =>
  contain(["--confine", ...words, "--", "/bin/sh", "-c", text], options);

/** What docker's default profile refuses to its default capabilities on x86-64, by number. */
const REFUSED: Readonly<Record<string, number>> = {
  ...{ uselib: 134, ustat: 136, sysfs: 139, vhangup: 153, pivot_root: 155, _sysctl: 156, acct: 163, settimeofday: 164, mount: 165 },
  ...{ umount2: 166, swapon: 167, swapoff: 168, reboot: 169, sethostname: 170, setdomainname: 171, iopl: 172, ioperm: 173 },
  ...{ create_module: 174, init_module: 175, delete_module: 176, get_kernel_syms: 177, query_module: 178, quotactl: 179, nfsservctl: 180 },
  ...{ syslog: 103, lookup_dcookie: 212, clock_settime: 227, vserver: 236, mbind: 237, set_mempolicy: 238, get_mempolicy: 239 },
  ...{ kexec_load: 246, add_key: 248, request_key: 249, keyctl: 250, migrate_pages: 256, unshare: 272, move_pages: 279 },
  ...{ perf_event_open: 298, fanotify_init: 300, open_by_handle_at: 304, setns: 308, kcmp: 312, finit_module: 313 },
  ...{ kexec_file_load: 320, bpf: 321, userfaultfd: 323, io_uring_setup: 425, io_uring_enter: 426, io_uring_register: 427 },
  ...{ open_tree: 428, move_mount: 429, fsopen: 430, fsconfig: 431, fsmount: 432, fspick: 433, pidfd_getfd: 438, process_madvise: 440 },
  ...{ mount_setattr: 442, quotactl_fd: 443, set_mempolicy_home_node: 450 },
};
/** Reserved numbers that no kernel ever gave a meaning: getpmsg, putpmsg, afs_syscall, tuxcall, security. */
const UNUSED = [181, 182, 183, 184, 185];
const NEWER = 451;
const LSM = [459, 460, 461];
const OPEN_TREE_ATTR = 467;
const EPERM = 1;
const ENOSYS = 38;

/** Each call once in a process of its own, with -1 for all arguments, which the kernel itself takes for none of them in earnest. */
const CALLS = `
  my %skip = map { $_ => 1 } (56, 57, 58, 162, 435); # these make processes, or wait for the disk
  for my $n (@ARGV ? @ARGV : (0 .. 334, 424 .. 475)) {
    next if $skip{$n};
    my $pid = fork;
    if (!$pid) {
      open STDIN, "<", "/dev/null"; open STDOUT, ">", "/dev/null"; open STDERR, ">", "/dev/null";
      my $timer = pack("q4", 0, 0, 0, 400000);
      syscall(38, 0, $timer, 0);
      $! = 0;
      my $result = syscall($n + 0, -1, -1, -1, -1, -1, -1);
      syscall(231, $result == -1 ? $! + 0 : 0);
    }
    waitpid($pid, 0);
    print "$n ", ($? & 127) ? "signal " . ($? & 127) : $? >> 8, "\\n";
  }`;
const file = join(dir, "calls.pl");
writeFileSync(file, CALLS);

function outcomes(words: readonly string[], numbers: readonly number[] = []): Map<number, string> {
  const { status, stdout, stderr } = contain([
    ...words,
    "--overlay",
    "--volume",
    `${file}:/calls.pl`,
    "--",
    "perl",
    "/calls.pl",
    ...numbers.map(String),
  ]);
  assert.equal(status, 0, stderr);
  return new Map(
    stdout
      .trim()
      .split("\n")
      .map((line) => [Number.parseInt(line, 10), line.replace(/^\d+ /, "")]),
  );
}

const onX64 = process.arch === "x64" ? need("root", "perl") : { skip: "the numbers are those of x86-64" };

describe("contain run --confine: system calls", onX64, () => {
  test("every call that docker refuses is refused by the filter, and no other one", () => {
    const filtered = outcomes(["--confine"]);
    const plain = outcomes(["--confine", "--seccomp", "none"]);
    assert.ok(filtered.size > 340, `${filtered.size} calls were made`);
    const changed = [...filtered].filter(([number, outcome]) => plain.get(number) !== outcome).map(([number]) => number);
    const refused = Object.values(REFUSED);
    // personality(2) and socket(2) are refused for what they were asked; the cases below have both.
    const asked = [135, 41];
    assert.deepEqual(
      changed.filter((number) => number < NEWER && !refused.includes(number) && !UNUSED.includes(number) && !asked.includes(number)),
      [],
    );
    // What libseccomp is too old to know is ENOSYS; else it is allowed, or refused like the others.
    for (const number of changed.filter((n) => n >= NEWER))
      assert.ok(filtered.get(number) === `${ENOSYS}` || (LSM.includes(number) && filtered.get(number) === `${EPERM}`), `${number}`);
    assert.ok(changed.includes(OPEN_TREE_ATTR) || plain.get(OPEN_TREE_ATTR) === `${ENOSYS}`, "open_tree_attr");
    // Where even the rails' capabilities end in EPERM, only root without rails shows that it was the filter here.
    const unclear = refused.filter((number) => plain.get(number) === `${EPERM}` && number !== REFUSED["vhangup"]);
    const free = outcomes([], unclear);
    for (const [name, number] of Object.entries(REFUSED)) {
      assert.equal(filtered.get(number), `${EPERM}`, `${name} under the filter`);
      if (unclear.includes(number)) assert.notEqual(free.get(number), `${EPERM}`, `${name} without rails`);
    }
  });

  const CASES: readonly { readonly name: string; readonly code: string; readonly errno: number; readonly words?: readonly string[] }[] = [
    { name: "a clone of this process", code: "my $p = syscall(56, 17, 0, 0, 0, 0); exit 0 if $p == 0; waitpid($p, 0)", errno: 0 },
    ...["20000", "2000000", "4000000", "8000000", "10000000", "20000000", "40000000"].map((flag) => ({
      name: `clone of a namespace 0x${flag}`,
      code: `my $p = syscall(56, 0x${flag} | 17, 0, 0, 0, 0); exit 0 if $p == 0; waitpid($p, 0) if $p > 0`,
      errno: EPERM,
    })),
    { name: "clone3, whose flags no filter sees", code: "syscall(435, 0, 0)", errno: ENOSYS },
    { name: "personality that asks", code: "syscall(135, 0xffffffff)", errno: 0 },
    { name: "personality of Linux", code: "syscall(135, 0)", errno: 0 },
    { name: "personality without random addresses", code: "syscall(135, 0x40000)", errno: EPERM },
    { name: "a socket", code: "my $fd = syscall(41, 2, 1, 0); $! = 0 if $fd > 2", errno: 0 },
    ...[40, 38, 12, 19, 46, 0x7fffffff].map((family) => ({
      name: `a socket of family ${family}`,
      code: `syscall(41, ${family}, 1, 0)`,
      errno: EPERM,
    })),
    // The kernel takes 32 bits of the register, the filter sees 64.
    { name: "AF_VSOCK with something in the upper half", code: "syscall(41, (1 << 32) + 40, 1, 0)", errno: EPERM },
    ...[1, 2, 10, 17].map((family) => ({
      name: `a socket of family ${family} is nobody's to refuse`,
      code: `my $fd = syscall(41, ${family}, ${family === 17 ? 3 : 1}, 0); $! = 0 if $fd > 2`,
      errno: 0,
    })),
    { name: "a socket of netlink", code: "my $fd = syscall(41, 16, 3, 0); $! = 0 if $fd > 2", errno: 0 },
    { name: "personality with something in the upper half", code: "syscall(135, (1 << 32) + 0x40000)", errno: EPERM },
    {
      name: "clone with something in the upper half",
      code: "my $p = syscall(56, (1 << 32) + 0x10000000 + 17, 0, 0, 0, 0); exit 0 if $p == 0",
      errno: EPERM,
    },
    { name: "a number with something in the upper half", code: "syscall((1 << 32) + 165, 0, 0, 0, 0, 0)", errno: EPERM },
    { name: "TIOCSTI, which types into the terminal", code: "my $b = 'x'; syscall(16, 0, 0x5412, $b)", errno: EPERM },
    { name: "TIOCSTI with something in the upper half", code: "my $b = 'x'; syscall(16, 0, (1 << 32) + 0x5412, $b)", errno: EPERM },
    { name: "TIOCLINUX", code: "my $b = 'x'; syscall(16, 0, 0x541c, $b)", errno: EPERM },
    { name: "another ioctl of a terminal, on a pipe", code: "my $b = 'x' x 64; syscall(16, 0, 0x5401, $b)", errno: 25 },
    { name: "fork by its number", code: "my $p = syscall(57); exit 0 if $p == 0; waitpid($p, 0); $! = 0 if $p > 0", errno: 0 },
    { name: "--cap-add gives the call with the capability", code: "syscall(170, -1, -1)", errno: 22, words: ["--cap-add", "sys_admin"] },
    {
      name: "vhangup in a session without a terminal",
      code: "use POSIX (); my $p = fork; if (!$p) { POSIX::setsid(); $! = 0; syscall(153); POSIX::_exit(0 + $!) } waitpid $p, 0; $! = $? >> 8",
      errno: 0,
      words: ["--cap-add", "sys_tty_config"],
    },
    { name: "--cap-drop takes it", code: "syscall(161, -1)", errno: EPERM, words: ["--cap-drop", "sys_chroot"] },
    { name: "x32 has no way round it", code: "syscall(0x40000000 + 165, -1, -1, -1, -1, -1)", errno: EPERM },
  ];
  /** What comes with a capability, as docker has it. */
  const GATES: Readonly<Record<string, readonly number[]>> = {
    dac_read_search: [304],
    sys_admin: [321, 300, 431, 432, 430, 433, 212, 165, 442, 429, 428, 298, 179, 443, 171, 170, 308, 103, 166, 272],
    sys_boot: [169],
    sys_module: [176, 175, 313],
    sys_pacct: [163],
    sys_ptrace: [312, 438, 440],
    sys_rawio: [172, 173],
    sys_time: [164, 227],
    sys_nice: [239, 237, 238, 450],
    syslog: [103],
    bpf: [321],
    perfmon: [298],
  };
  for (const [capability, numbers] of Object.entries(GATES)) {
    test(`--cap-add ${capability} opens its calls, and no other one`, () => {
      const gated = Object.values(REFUSED).filter((number) => number !== REFUSED["vhangup"]); // that would hang up our own terminal
      const words = ["--confine", "--cap-add", capability];
      const filtered = outcomes(words, gated);
      const plain = outcomes([...words, "--seccomp", "none"], gated);
      assert.deepEqual(
        gated.filter((number) => filtered.get(number) !== `${EPERM}` && !numbers.includes(number)),
        [],
        "still refused",
      );
      for (const number of numbers) assert.equal(filtered.get(number), plain.get(number), `${number}`);
    });
  }

  test("what a call is asked for decides", () => {
    for (const { name, code, errno, words = [] } of CASES) {
      const { stdout, stderr } = contain(["--confine", ...words, "--", "perl", "-e", `$! = 0; ${code}; print 0 + $!`]);
      assert.equal(stdout, `${errno}`, `${name}: ${stderr}`);
    }
  });
});

describe("contain run --confine", need("root"), () => {
  test("docker's capabilities, no_new_privs and a filter; with --init too, and for `contain exec`", () => {
    const wanted = /^CapPrm:\t(\w+)\nCapEff:\t\1\nCapBnd:\t\1\nNoNewPrivs:\t1\nSeccomp:\t2$/;
    const status = "grep -E '^(CapPrm|CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status";
    for (const words of [[], ["--init"], ["--rootfs", rootfs, "--tty"]]) {
      const { stdout, stderr } = script(status, words);
      assert.match(stdout.replaceAll("\r", "").trimEnd(), wanted, stderr);
      assert.match(stdout, /00000000a80425fb/);
    }
    const ids = "grep -E '^(Uid|CapEff|CapPrm|NoNewPrivs)' /proc/1/status; cat /proc/1/comm";
    const init = script(ids, ["--init", "--user", "7", "--rootfs", rootfs]); // nothing with root's capabilities stays inside
    assert.match(init.stdout, /^Uid:\t7\t7\t7\t7\nCapPrm:\t0{16}\nCapEff:\t0{16}\nNoNewPrivs:\t1\npid1\n$/, init.stderr);
    const { stdout, stderr } = sh(`
      id=$(contain run -q -d --confine --cap-drop chown --user 7 --rootfs ${rootfs} -- sleep 1000)
      contain exec $id -- sh -c 'id -u; grep CapBnd /proc/self/status'
      contain exec --user 0 $id -- sh -c "id -u; ${status}"
      contain kill $id >/dev/null; contain wait $id >/dev/null; contain rm $id >/dev/null`);
    assert.match(stdout, /^7\nCapBnd:\t00000000a80425fa\n0\nCapPrm:\t00000000a80425fa\n/, stderr);
    assert.match(stdout.trimEnd(), /Seccomp:\t2$/);
  });

  const CAPABILITIES: readonly { readonly words: string; readonly set: string }[] = [
    { words: "--cap-add sys_time", set: "00000000aa0425fb" },
    { words: "--cap-drop all", set: "0000000000000000" },
    { words: "--cap-drop all --cap-add net_bind_service", set: "0000000000000400" },
    { words: "--cap-add sys_time,CAP_SYSLOG --cap-drop chown", set: "00000004aa0425fa" },
  ];
  for (const { words, set } of CAPABILITIES) {
    test(words, () => {
      assert.equal(script("grep CapBnd /proc/self/status", words.split(" ")).stdout, `CapBnd:\t${set}\n`);
    });
  }

  test("masked and read-only paths, as docker has them; the mask is the null device and cannot be changed", () => {
    for (const words of [["--rootfs", rootfs], []]) {
      const { stdout, stderr } = script(
        "for f in keys timer_list interrupts; do stat -c '%t:%T' /proc/$f; chmod 000 /proc/$f && echo changed; done; ls /proc/acpi /proc/scsi /sys/firmware | grep -v -e : -e '^$'; grep -E ' /proc/(sys|irq|bus|fs|sysrq-trigger) ' /proc/mounts | cut -d' ' -f2,4 | cut -d, -f1; echo 1 >/proc/sys/vm/drop_caches",
        words,
      );
      run(["chmod", "666", "/dev/null"]); // which it would be, were the mask writable
      assert.match(stdout, /^1:3\n1:3\n1:3\n(\/proc\/[\w-]+ ro\n)+$/, stderr);
      assert.match(stdout, /^\/proc\/sys ro$/m);
      assert.match(stderr, /drop_caches.*[Rr]ead-only/);
    }
    assert.match(
      contain(["--", "/bin/sh", "-c", "stat -c '%t:%T' /proc/keys; ls /sys/firmware | wc -l"]).stdout,
      /^0:0\n[1-9]/,
      "without rails they are there",
    );
  });

  test("the host's abstract sockets are out of reach, unless its network is asked for", async () => {
    const name = `contain-test-${process.pid}`;
    const listener = `use Socket; socket(S, AF_UNIX, SOCK_STREAM, 0); bind(S, pack "Sa*", AF_UNIX, "\\0${name}") or die; listen(S, 99); $| = 1; print "ready\n"; sleep 100`;
    const server = spawn("perl", ["-e", listener], { stdio: ["ignore", "pipe", "inherit"] });
    await once(server.stdout, "data");
    const client = `use Socket; socket(S, AF_UNIX, SOCK_STREAM, 0); print connect(S, pack "Sa*", AF_UNIX, "\\0${name}") ? "open" : "closed"`;
    const OWN = "[contain] network: its own, with only loopback. --net veth connects it, --net host shares the host's.";
    const HOSTS = "[contain] network: the host's, abstract sockets of its services included (unix(7)). --net none or veth separates it.";
    const cases: readonly [readonly string[], string, string | undefined, RunOptions?][] = [
      [["--confine"], "closed", OWN],
      [["--confine", "--init"], "closed", OWN],
      [["--confine"], "closed", OWN, NOBODY],
      [["--confine", "--net", "none"], "closed", undefined],
      [["--confine", "--ns", "pid,mnt,net"], "closed", undefined],
      [["--confine", "--ns", "pid,mnt"], "open", HOSTS],
      [["--confine", "--net", "host"], "open", HOSTS],
      [[], "open", undefined],
    ];
    try {
      for (const [words, answer, line, options] of cases) {
        const { stdout, stderr } = run(["contain", "run", ...words, "--", "perl", "-e", client], options);
        assert.equal(stdout, answer, `${words.join(" ")}: ${stderr}`);
        assert.equal(/^\[contain\] network: .*$/m.exec(stderr)?.[0], line, words.join(" "));
      }
    } finally {
      server.kill();
    }
  });

  test("without it the truth is told, each way", () => {
    const said = (words: readonly string[], options?: RunOptions) =>
      /^\[contain\] confinement: .*$/m.exec(run(["contain", "run", ...words, "--", "/bin/true"], options).stderr)?.[0];
    assert.equal(said([]), "[contain] confinement: none; root inside is root outside. --confine adds docker's rails.");
    assert.equal(
      said(["--ns", "pid,mnt,user"]),
      "[contain] confinement: none; root inside is root outside, with no capabilities there. --confine adds docker's rails.",
    );
    assert.equal(said([], NOBODY), "[contain] confinement: none; root inside is you outside. --confine adds docker's rails.");
    assert.equal(said(["--confine"]), undefined);
  });

  test("an ordinary user has the rails too", () => {
    const { stdout, stderr } = script(
      "grep -E '^(CapEff|NoNew|Seccomp:)' /proc/self/status; stat -c %t:%T /proc/keys",
      ["--rootfs", rootfs],
      NOBODY,
    );
    assert.equal(stdout, "CapEff:\t00000000a80425fb\nNoNewPrivs:\t1\nSeccomp:\t2\n1:3\n", stderr);
  });

  test("--trace-denied tells a refusal, and the watcher ends with the container", () => {
    const { stderr } = script("mount -t tmpfs none /tmp", ["--trace-denied", "--rootfs", rootfs]);
    assert.match(stderr, /^confine: mount was refused to mount \(PID \d+\): EPERM .*contain run --cap-add sys_admin$/m);
  });

  test("--trace-denied of a detached container is in its log, and holds nobody who reads what contain run says", () => {
    const { stdout, stderr } = sh(`
      said=$(timeout -s KILL 100 contain run -q -d --confine --trace-denied --rootfs ${rootfs} -- sh -c 'mount -t tmpfs none /tmp; exec sleep 1000' 2>&1)
      until contain logs $said | grep refused; do sleep 0.1; done
      contain kill $said >/dev/null; contain wait $said >/dev/null; contain rm $said >/dev/null`);
    assert.match(stdout, /^confine: mount was refused to mount \(PID \d+\): EPERM .*\n$/, stderr);
  });

  for (const words of [["--seccomp", "default"], ["--trace-denied"]]) {
    test(`${words[0]} alone is refused: it changes nothing without the rails`, () => {
      const { status, stderr } = contain([...words, "--", "true"]);
      assert.equal(status, 125);
      assert.match(stderr, / needs --confine\n/);
    });
  }
});
