// The verdict of contain run, wait and inspect: failures staged for real, each beside two that look like it.
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { throttles } from "../../packages/explain/src/verdict/throttled.ts";
import { elf } from "../helpers/elf.ts";
import { hierarchy } from "../helpers/group.ts";
import { need } from "../helpers/need.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { bin, root, run } from "../helpers/run.ts";
import { FUNCTIONS, faultsOf, type Report, type Row, readReports } from "../helpers/verdict.ts";

const dir = scratch("verdict");
const rootfs = makeRootfs(dir);
const bare = join(dir, "bare"); // without a shell, which would be given what the kernel does not know

function file(path: string, content: string | Buffer, mode = 0o755): void {
  writeFileSync(path, content);
  chmodSync(path, mode);
}

for (const name of ["proc", "dev", "tmp", "full"]) mkdirSync(join(bare, name), { recursive: true });
mkdirSync(join(rootfs, "mnt"), { recursive: true });
file(join(rootfs, "full"), "");
mkdirSync(join(rootfs, "locked"), { mode: 0o700 });
file(join(rootfs, "locked/prog"), "#!/bin/sh\n");
file(join(rootfs, "no-x"), "#!/bin/sh\n", 0o644);
file(join(rootfs, "roots"), "#!/bin/sh\n", 0o700);
file(join(rootfs, "secret"), "#!/no/such/shell\n", 0o711);
file(join(rootfs, "script"), "#!/no/such/shell\n");
file(join(rootfs, "windows"), "#!/bin/sh\r\nexit 0\r\n");
file(join(rootfs, "by-no-x"), "#!/no-x\n");
file(join(rootfs, "loader"), elf({ interpreter: "/lib64/ld-none.so" }));
file(join(rootfs, "foreign"), elf({ foreign: true }));
file(join(rootfs, "broken"), elf({}).fill(0xff, 54, 58));
file(join(bare, "text"), "echo hello\n");
file(join(rootfs, "busy"), readFileSync(join(rootfs, "bin/busybox")));
symlinkSync("/nowhere", join(rootfs, "dangling"));
symlinkSync("circle", join(rootfs, "circle"));
file(join(rootfs, "fault"), faulty());

/** A program that starts where no memory is. */
function faulty(): Buffer {
  const bytes = elf({});
  bytes.writeUInt16LE(2, 16); // ET_EXEC
  bytes.writeBigUInt64LE(16n, 24); // e_entry
  bytes.writeUInt16LE(1, 56);
  bytes.writeUInt32LE(1, 64); // PT_LOAD
  bytes.writeUInt32LE(5, 68); // readable, executable
  bytes.writeBigUInt64LE(0n, 72);
  bytes.writeBigUInt64LE(0x400000n, 80);
  bytes.writeBigUInt64LE(BigInt(bytes.length), 96);
  bytes.writeBigUInt64LE(BigInt(bytes.length), 104);
  bytes.writeBigUInt64LE(0x1000n, 112);
  return bytes;
}

test("io.max is a hint after a second, in a group that is the container's own from the start", () => {
  file(join(dir, "io.max"), "8:0 rbps=max wbps=1000 riops=max wiops=max\n");
  file(join(dir, "io.stat"), "8:0 rbytes=0 wbytes=1500 rios=0 wios=3 dbytes=0 dios=0\n");
  const level = { dir, files: new Map() };
  const codes = (ran: number, own?: typeof level) =>
    throttles({ chain: { own, before: [], after: [level] }, ran } as unknown as Parameters<typeof throttles>[0]).map(({ code }) => code);
  assert.deepEqual([codes(2000), codes(0), codes(10_000), codes(2000, level)], [["hint-io-limit"], [], [], []]);
});

const rows: readonly Row[] = [
  { name: "not-in-path", status: 127, code: "exec-not-in-path", unlike: ["own-127", "no-file"] },
  { name: "no-file", status: 127, code: "exec-not-found", unlike: ["not-in-path", "dangling"] },
  { name: "dangling", status: 127, code: "exec-dangling-link", unlike: ["no-file", "circle"], says: /a symbolic link to \/nowhere/ },
  { name: "circle", status: 126, code: "exec-link-loop", unlike: ["dangling", "no-file"] },
  {
    name: "no-loader",
    status: 127,
    code: "exec-no-loader",
    unlike: ["no-interpreter", "foreign"],
    says: /\/lib64\/ld-none.so \(PT_INTERP\)/,
  },
  { name: "no-interpreter", status: 127, code: "exec-no-interpreter", unlike: ["no-loader", "windows"], says: /\/no\/such\/shell/ },
  { name: "windows", status: 127, code: "exec-interpreter-crlf", unlike: ["no-interpreter", "no-file"], says: /carriage return/ },
  { name: "own-127", status: 127, code: "exit", unlike: ["not-in-path", "no-file"] },
  { name: "shell-127", status: 127, code: "exit", unlike: ["no-interpreter", "no-loader"] },
  { name: "own-126", status: 126, code: "exit", unlike: ["no-x", "directory"] },
  { name: "directory", status: 126, code: "exec-directory", unlike: ["fifo", "no-x"] },
  { name: "fifo", status: 126, code: "exec-not-a-file", unlike: ["directory", "noexec"] },
  { name: "no-x", status: 126, code: "exec-no-x-bit", unlike: ["not-for-user", "noexec"], says: /mode is 0644/ },
  { name: "not-for-user", status: 126, code: "exec-not-for-user", unlike: ["no-x", "locked"], says: /mode is 0700 .* 1000:1000/ },
  { name: "noexec", status: 126, code: "exec-noexec-mount", unlike: ["no-x", "by-no-x"] },
  { name: "locked", status: 126, code: "exec-path-not-searchable", unlike: ["not-for-user", "no-file"] },
  { name: "by-no-x", status: 126, code: "exec-interpreter-denied", unlike: ["no-x", "no-interpreter"], says: /\/no-x .*0644/ },
  { name: "foreign", status: 126, code: "exec-wrong-architecture", unlike: ["broken", "text"] },
  { name: "broken", status: 126, code: "exec-bad-elf", unlike: ["foreign", "text"] },
  { name: "text", status: 126, code: "exec-bad-format", unlike: ["broken", "no-interpreter"] },
  { name: "too-long", status: 126, code: "exec-too-long", unlike: ["busy", "no-x"] },
  { name: "busy", status: 126, code: "exec-busy", unlike: ["no-x", "noexec"] },
  { name: "not-started", status: 125, code: "not-started", unlike: ["no-file", "own-126"] },
  { name: "exit-3", status: 3, code: "exit", unlike: ["exit-137", "not-started"] },
  { name: "exit-137", status: 137, code: "exit-above-128", unlike: ["outside", "init-killed"] },
  { name: "shell-137", status: 137, code: "exit-above-128", unlike: ["init-killed", "grace"] },
  { name: "init-exit-137", status: 137, code: "exit-above-128", unlike: ["init-killed", "init-cpu"] },
  { name: "init-killed", status: 137, code: "killed-by-somebody", unlike: ["init-exit-137", "outside"] },
  { name: "outside", status: 137, code: "killed-from-outside", unlike: ["grace", "cpu"] },
  { name: "no-pid-ns", status: 137, code: "killed-by-somebody", unlike: ["outside", "exit-137"] },
  { name: "grace", status: 137, code: "killed-by-grace", unlike: ["outside", "handled"], says: /after SIGTERM, from bash \(PID/ },
  { name: "interrupt", status: 137, code: "killed-by-interrupt", unlike: ["grace", "outside"] },
  { name: "cpu", status: 137, code: "sigkill-cannot-tell", unlike: ["outside", "exit-137"], uncertain: true, says: /RLIMIT_CPU/ },
  { name: "handled", status: 143, code: "exit-after-signal", unlike: ["exit-143", "grace"], says: /SIGTERM from bash \(PID/ },
  { name: "exit-143", status: 143, code: "exit-above-128", unlike: ["handled", "forwarded"] },
  { name: "forwarded", status: 143, code: "signal-forwarded", unlike: ["exit-143", "suicide"], says: /forwarded: SIGTERM from bash/ },
  { name: "fault", status: 139, code: "signal-fault", unlike: ["sent-segv", "exit-139"] },
  { name: "init-fault", status: 139, code: "signal-fault", unlike: ["sent-segv", "init-killed"], says: /^the program \(fault\)/ },
  { name: "exit-139", status: 139, code: "exit-above-128", unlike: ["fault", "sent-segv"] },
  { name: "rest", status: 4, code: "rest-killed", unlike: ["waited", "exit-3"], says: /sleep \(PID \d+\)/ },
  { name: "waited", status: 4, code: "exit", unlike: ["exit-143", "fault"] },
  { name: "tmpfs-full", status: 1, code: "hint-tmpfs-full", unlike: ["tmpfs-room", "exit-3"], uncertain: true, says: /on \/tmp was full/ },
  { name: "tmpfs-room", status: 1, code: "exit", unlike: ["exit-143", "handled"] },
  // What cannot be told, and is not guessed.
  { name: "secret", status: 127, code: "exec-cannot-tell", unlike: ["no-interpreter", "no-file"], uncertain: true },
  { name: "chain", status: 127, code: "exit-cannot-tell", unlike: ["own-127", "no-file"], uncertain: true },
  { name: "suicide", status: 143, code: "signal-cannot-tell", unlike: ["forwarded", "exit-143"], uncertain: true },
  { name: "abort", status: 134, code: "signal-cannot-tell", unlike: ["fault", "forwarded"], uncertain: true, says: /abort\(3\)/ },
  { name: "sent-segv", status: 139, code: "signal-cannot-tell", unlike: ["fault", "exit-139"], uncertain: true },
  { name: "init-cpu", status: 137, code: "sigkill-cannot-tell", unlike: ["init-exit-137", "init-killed"], uncertain: true },
  // One file made unreadable.
  { name: "u-vmstat", status: 137, code: "sigkill-cannot-tell", unlike: ["outside", "init-killed"], uncertain: true },
  { name: "u-limits", status: 137, code: "sigkill-cannot-tell", unlike: ["outside", "shell-137"], uncertain: true },
  { name: "u-stat", status: 137, code: "exit-cannot-tell", unlike: ["init-exit-137", "init-killed"], uncertain: true },
  { name: "u-log", status: 139, code: "signal-cannot-tell", unlike: ["fault", "exit-139"], uncertain: true },
];

const SCRIPT = `
  v not-in-path none
  v no-file /none
  v dangling /dangling
  v circle /circle
  v no-loader /loader
  v no-interpreter /script
  v windows /windows
  v own-127 sh -c 'exit 127'
  v shell-127 sh -c none
  v own-126 sh -c 'exit 126'
  v directory /bin
  mkfifo "$ROOTFS/fifo"; v fifo /fifo
  v no-x /no-x
  v not-for-user --user 1000:1000 /roots
  v locked --user 1000:1000 /locked/prog
  mount -t tmpfs -o noexec tmpfs "$ROOTFS/mnt"; cp "$ROOTFS/bin/busybox" "$ROOTFS/mnt"; v noexec /mnt/busybox; umount "$ROOTFS/mnt"
  v by-no-x /by-no-x
  v foreign /foreign
  v broken /broken
  ROOTFS=$BARE v text /text
  printf 'LONG=%0140000d\\n' 0 >long; v too-long --env-file long /bin/true
  exec 9<>"$ROOTFS/busy"; v busy /busy; exec 9>&-
  v not-started --tmpfs /no/such /bin/true
  v exit-3 sh -c 'exit 3'
  v exit-137 sh -c 'exit 137'
  v shell-137 sh -c 'sh -c "kill -9 \\$\\$"; exit $?'
  v init-exit-137 --init sh -c 'exit 137'
  v init-killed --init sh -c 'kill -9 $$'
  h outside sh -c "$waits"; kill -9 $pid; ended
  h no-pid-ns --ns uts sh -c "$waits"; kill -9 $pid; ended
  h grace --grace 300ms sh -c "$waits"; kill -TERM $held; ends
  h interrupt sh -c "trap '' INT; $waits"; kill -INT $held; sleep 1; kill -INT $held; ends
  v cpu --ulimit cpu=1:1 sh -c 'while :; do :; done' &
  h handled sh -c "trap 'exit 143' TERM; $waits"; kill -TERM $held; ended
  v exit-143 sh -c 'exit 143'
  h forwarded --init sh -c "$waits"; kill -TERM $held; ended
  v fault /fault
  v init-fault --init sh -c 'sleep 0.2; exec /fault'
  v exit-139 sh -c 'exit 139'
  v rest sh -c 'sleep 100 & sleep 3; exit 4' &
  v waited sh -c 'sleep 3 & wait; exit 4' &
  v tmpfs-full --tmpfs /tmp:64K sh -c 'echo y >/tmp/y; dd if=/dev/zero of=/tmp/x bs=1M count=1; sleep 3; exit 1' &
  v tmpfs-room --tmpfs /tmp:64K sh -c 'dd if=/dev/zero of=/tmp/x bs=32K count=1; sleep 3; exit 1' &
  v secret --user 1000:1000 /secret
  v chain --chain exec /none
  v suicide --init sh -c 'kill -TERM $$'
  v abort --init sh -c 'kill -ABRT $$'
  v sent-segv --init sh -c 'kill -SEGV $$'
  v init-cpu --init --ulimit cpu=1:1 sh -c 'while :; do :; done' &
  h u-limits sh -c "(ulimit -t 1; while :; do :; done); $waits"; cover /proc/$pid/limits; kill -9 $pid; ended
  h u-stat --init sh -c "$waits; exit 137"; cover /proc/$pid/stat; echo go >&"$to"; ended
  cover /proc/vmstat; h u-vmstat sh -c "$waits"; kill -9 $pid; ended; umount /proc/vmstat
  cover /dev/kmsg; v u-log /fault; umount /dev/kmsg
  wait
`;

/** Runs a script of `v` and `h` in a mount namespace of its own. */
function staged(script: string) {
  const prelude = readFileSync(join(root, "tests/vm/prelude.sh"), "utf8");
  const text = `cd "$1"; cg=${hierarchy}; ROOTFS=$2 BARE=$3\n${prelude.replace(/^cg=.*$/m, "")}${FUNCTIONS}${script}`;
  const argv = ["unshare", "--mount", "--propagation", "private", "bash", "-c", text, "bash", dir, rootfs, bare];
  return run(argv, { timeout: 300_000, env: { PATH: `${bin}:${process.env["PATH"]}` } });
}

describe("the verdict", { ...need("root", "unshare", "bash"), concurrency: false }, () => {
  let reports: Map<string, Report>;
  let output = "";
  before(() => {
    const { stdout, stderr } = staged(SCRIPT);
    output = stderr;
    reports = readReports(stdout);
  });

  for (const row of rows) {
    test(`${row.name}: ${row.code}`, (t) => {
      const faults = faultsOf(row, reports);
      if (faults.length > 0) t.diagnostic(output);
      assert.deepEqual(faults, []);
    });
  }
});

/** Starts in the background, waits, and gives what wait and inspect say. */
function detached(words: readonly string[]) {
  const id = run(["contain", "run", "--detach", "--quiet", "--rootfs", rootfs, ...words]).stdout.trim();
  const wait = run(["contain", "wait", id]);
  const { ended } = JSON.parse(run(["contain", "inspect", id]).stdout) as { ended: Report };
  run(["contain", "rm", id]);
  return { wait, codes: ended.verdict.map(({ code }) => code), status: ended.status };
}

describe("the verdict of a detached container", need("root"), () => {
  test("wait tells it, inspect keeps it; a success has none", () => {
    const { wait, codes, status } = detached(["sh", "-c", "exit 7"]);
    assert.deepEqual([wait.status, status, wait.stdout, codes], [7, 7, "7\n", ["exit"]]);
    assert.match(wait.stderr, /^contain: verdict: PID 1 \(sh\) exited with 7 by itself\ncontain: {3}waitpid\(2\): exit status 7 \(/);
    const success = detached(["true"]);
    assert.deepEqual([success.wait.stderr, success.codes], ["", []]);
  });

  for (const [code, words, text] of [
    ["hint-read-only", [], "echo x >/file; exit 1"],
    ["hint-permission", ["--user", "1000:1000"], "cat /locked/prog; exit 1"],
    ["hint-no-space", ["--volume", "/dev/full:/full"], "echo x >/full; exit 1"],
    ["hint-nproc-limit", ["--user", "1234:1234", "--ulimit", "nproc=1"], "(sleep 1 & sleep 1); exit 1"],
  ] as const) {
    test(`${code}: what the log says last is a hint`, () => {
      const { codes, wait } = detached([...words, "--", "sh", "-c", text]);
      assert.deepEqual(codes, ["exit", code], wait.stderr);
      assert.match(wait.stderr, /verdict: a hint: it wrote "/);
    });
    test(`${code}: not for a success, nor without those words`, () => {
      assert.deepEqual(detached([...words, "--", "sh", "-c", `exec 2>/dev/null; ${text}`]).codes, ["exit"]);
      assert.deepEqual(detached([...words, "--", "sh", "-c", `trap 'exit 0' EXIT; ${text}`]).codes, []);
    });
  }
});
