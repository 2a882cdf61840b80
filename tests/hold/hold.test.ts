// hold: what is looked for before the wait, what ends it, what signals do meanwhile, and what PROG finds.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { constants as os } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { need } from "../helpers/need.ts";
import { descendants, stat, statusField } from "../helpers/proc.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { bin, run, sh } from "../helpers/run.ts";
import { eventually, within } from "../helpers/wait.ts";

const dir = scratch("hold");
const rootfs = makeRootfs(dir);
const fifo = join(dir, "fifo");
run(["mkfifo", "-m", "600", fifo]);

const PLACES = {
  alone: [],
  "PID 1 of a rootfs": ["nsexec", "--pid", "--", "pivot", rootfs, "--"],
  "behind pid1": ["nsexec", "--pid", "--", "pivot", rootfs, "--", "pid1", "--"],
  "in a user namespace": ["nsexec", "--user", "--map-root-user", "--pid", "--", "pivot", rootfs, "--"],
  "in a rootfs without /proc": ["nsexec", "--pid", "--", "pivot", rootfs, "--no-proc", "--"],
  "as another user of the rootfs": ["nsexec", "--pid", "--", "pivot", rootfs, "--user", "7:7", "--"],
} as const;
type Place = keyof typeof PLACES;

interface Held {
  readonly process: ChildProcess;
  /** The host's PID of hold. */
  readonly pid: number;
  readonly output: () => string;
  readonly ended: Promise<number>;
}

/** Starts a chain, and waits until its hold says that it waits. */
async function start(before: readonly string[], program: readonly string[], launcher: readonly string[] = []): Promise<Held> {
  const [name = "", ...words] = [...before, "hold", "--verbose", fifo, "--", ...program];
  const [file = "", ...argv] = [...launcher, join(bin, name), ...words];
  const process = spawn(file, argv, { stdio: ["ignore", "pipe", "pipe"], env: { ...globalThis.process.env, SECRET: "canary" } });
  let [output, errors] = ["", ""];
  process.stdout?.on("data", (data) => {
    output += data;
  });
  process.stderr?.on("data", (data) => {
    errors += data;
  });
  const ended = once(process, "close").then(([code, signal]: (string | number | null)[]) =>
    signal === null ? Number(code) : 128 + os.signals[signal as NodeJS.Signals],
  );
  if (
    !(await within(60_000, () => errors.includes("[hold] waiting for a writer") || process.exitCode !== null)) ||
    process.exitCode !== null
  ) {
    process.kill("SIGKILL");
    throw new Error(`it does not wait: ${errors}`);
  }
  const pid = [process.pid ?? 0, ...descendants(process.pid ?? 0)].findLast((each) => statusField(each, "Name") === "hold") ?? 0;
  return { process, pid, output: () => output, ended };
}

/** Lets a hold go; there is one, so this does not wait. */
function letGo(text = "\n"): void {
  const fd = openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK);
  writeFileSync(fd, text);
  closeSync(fd);
}

describe("hold", need("root"), () => {
  for (const [place, before] of Object.entries(PLACES))
    test(`PROG begins when somebody writes: ${place}`, async () => {
      const held = await start(before, ["/bin/sh", "-c", "echo ran; exit 7"]);
      assert.equal(held.output(), "");
      letGo();
      assert.equal(await held.ended, 7);
      assert.equal(held.output(), "ran\n");
    });

  test("a writer that writes nothing ends the wait too, and one that writes much is not in the way", async () => {
    for (const text of ["", "x".repeat(5000)]) {
      const held = await start(PLACES["PID 1 of a rootfs"], ["/bin/true"]);
      letGo(text);
      assert.equal(await held.ended, 0);
    }
  });

  test("where nobody waits there is no reader any more: ENXIO", async () => {
    const held = await start([], ["/bin/true"]);
    letGo();
    await held.ended;
    assert.throws(() => openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK), { code: "ENXIO" });
  });

  test("PROG starts as without it: signals, descriptors, environment, and a name of its own", async () => {
    const look = [
      "/bin/sh",
      "-c",
      "grep -E '^(Name|Sig[PBIC]|Shd|Cap|NoNew)' /proc/self/status; ls /proc/self/fd | wc -l; env | sort | grep -v ^_=",
    ];
    for (const place of ["alone", "PID 1 of a rootfs"] satisfies Place[]) {
      const without = run([...(place === "alone" ? ["nsexec", "--uts", "--"] : PLACES[place]), ...look], { env: { SECRET: "canary" } });
      const held = await start(PLACES[place], look);
      letGo();
      assert.equal(await held.ended, 0);
      assert.equal(held.output(), without.stdout);
    }
  });

  test("during the wait nothing of the host is shown, and little memory is its own", async () => {
    const held = await start(PLACES["PID 1 of a rootfs"], ["/bin/true"]);
    assert.doesNotMatch(readFileSync(`/proc/${held.pid}/environ`, "latin1"), /[^\0]/);
    assert.match(readFileSync(`/proc/${held.pid}/cmdline`, "latin1"), /^hold\0--\0\/bin\/true\0/);
    assert.equal(stat(held.pid, 3), "S");
    const rollup = readFileSync(`/proc/${held.pid}/smaps_rollup`, "utf8");
    const own = [...rollup.matchAll(/^Private_(?:Clean|Dirty): +(\d+) kB/gm)].reduce((sum, [, size]) => sum + Number(size), 0);
    assert.ok(own < 2500, `${own} kB`);
    letGo();
    assert.equal(await held.ended, 0);
  });

  const ENDING = ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGALRM"] as const;
  for (const place of ["alone", "PID 1 of a rootfs", "behind pid1"] satisfies Place[])
    test(`a signal ends it: ${place}`, async () => {
      for (const signal of ENDING) {
        const held = await start(PLACES[place], ["/bin/true"]);
        process.kill(held.pid, signal);
        assert.equal(await held.ended, 128 + os.signals[signal], signal);
      }
    });

  test("what is harmless by default, ignored or blocked does not; what was blocked is pending for PROG", async () => {
    const launcher = ["perl", "-MPOSIX", "-e", "sigprocmask(SIG_BLOCK, POSIX::SigSet->new(SIGUSR2)); $SIG{HUP} = 'IGNORE'; exec @ARGV"];
    const held = await start([], ["grep", "-E", "^(SigPnd|ShdPnd|SigBlk|SigIgn)", "/proc/self/status"], launcher);
    for (const signal of ["SIGCHLD", "SIGWINCH", "SIGURG", "SIGCONT", "SIGHUP", "SIGUSR2"] as const) process.kill(held.pid, signal);
    const mask = (signal: number) => (1n << BigInt(signal - 1)).toString(16).padStart(16, "0");
    const [pending, hangup] = [mask(os.signals.SIGUSR2), mask(os.signals.SIGHUP)];
    // Each was taken before PROG is let go, or waits in the queue; both ways it comes to the same.
    letGo();
    assert.equal(await held.ended, 0);
    assert.match(held.output(), new RegExp(`^(SigPnd|ShdPnd):\t${pending}$`, "m"));
    assert.match(held.output(), new RegExp(`^SigBlk:\t${pending}$`, "m"));
    assert.match(held.output(), new RegExp(`^SigIgn:\t${hangup}$`, "m"));
  });

  /** A process group that is not orphaned: only there the kernel stops anybody. */
  const SHELL = ["perl", "-e", "$p = fork; $p || (setpgrp, exec @ARGV); waitpid $p, 0; exit $? >> 8"];
  test("SIGTSTP stops it, and it waits on when it is continued", async () => {
    const held = await start([], ["/bin/true"], SHELL);
    process.kill(held.pid, "SIGTSTP");
    await eventually(() => stat(held.pid, 3) === "T");
    process.kill(held.pid, "SIGCONT");
    await eventually(() => stat(held.pid, 3) === "S");
    letGo();
    assert.equal(await held.ended, 0);
  });

  test("a program that is not there, or cannot be executed, is an error before the wait, with the words of execve", () => {
    writeFileSync(join(rootfs, "plain"), "#!/bin/sh\n", { mode: 0o644 });
    const unnamed = (text: string) => text.replace(/^(hold|pivot|nsexec):/, "").replace(/^ +/gm, " ");
    for (const program of ["/nope", "nope", "/plain", "/etc", ""]) {
      for (const before of [PLACES.alone, PLACES["PID 1 of a rootfs"]]) {
        const first = [...before, "hold", fifo, "--", "confine", "--no-new-privs", "--", program];
        const { status, stderr } = run(first, { timeout: 60_000 });
        const direct = run([...(before.length > 0 ? before : ["nsexec", "--uts", "--"]), program]);
        assert.equal(status, direct.status, program);
        assert.equal(unnamed(stderr), unnamed(direct.stderr), program);
      }
    }
  });

  test("a file that changes into a link of /proc is not even looked up", () => {
    const { status, stderr } = run([...PLACES["PID 1 of a rootfs"], "hold", fifo, "--", "/proc/self/exe"], { timeout: 60_000 });
    assert.equal(status, 126);
    assert.match(stderr, /^hold: \/proc\/self\/exe: not executed inside the rootfs .*\n.*CVE-2019-5736/);
  });

  test("a link behind that has another root looks for PROG itself", async () => {
    const held = await start(["nsexec", "--pid", "--"], ["pivot", rootfs, "--", "/bin/busybox", "true"]);
    letGo();
    assert.equal(await held.ended, 0);
  });

  test("each link as a process of its own", async () => {
    const held = await start(["nsexec", "--chain=exec", "--pid", "--mount-proc", "--"], ["pid1", "/bin/sh", "-c", "exit 4"]);
    letGo();
    assert.equal(await held.ended, 4);
  });

  test("two containers of one FIFO begin together", async () => {
    const both = await Promise.all([1, 2].map(() => start(PLACES["PID 1 of a rootfs"], ["/bin/true"])));
    const writer = openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK);
    closeSync(writer);
    assert.deepEqual(await Promise.all(both.map(({ ended }) => ended)), [0, 0]);
  });

  test("wrong words", () => {
    const cases: readonly (readonly [words: readonly string[], told: RegExp])[] = [
      [[], /^hold: missing FIFO\n/],
      [[fifo], /^hold: missing program\n/],
      [[join(dir, "none"), "true"], /^hold: FIFO \S+\/none: cannot be opened: ENOENT\n.*mkfifo/],
      [["/dev/null", "true"], /^hold: FIFO \/dev\/null: not a FIFO\n/],
      [[dir, "true"], /: not a FIFO\n/],
      [[fifo, "--", "nsexec", "--no-such"], /^nsexec: unknown option --no-such/],
    ];
    for (const [words, told] of cases) {
      const { status, stderr } = run(["hold", ...words], { timeout: 60_000 });
      assert.equal(status, 125);
      assert.match(stderr, told);
    }
  });

  test("nsexec dies, and so does what it holds", async () => {
    const held = await start(PLACES["PID 1 of a rootfs"], ["/bin/true"]);
    held.process.kill("SIGKILL");
    await eventually(() => stat(held.pid, 3) === undefined || stat(held.pid, 3) === "Z");
  });

  test("the example of its page", need("root", "ip"), () => {
    const go = join(dir, "go");
    const { stdout } = sh(`
      mkfifo ${go}
      nsexec --pid --net -- pivot / -- hold ${go} -- cat /proc/sys/net/ipv4/ip_default_ttl &
      until pid=$(pgrep -P $! -x hold); do sleep 0.05; done
      nsenter -t $pid -n sysctl -qw net.ipv4.ip_default_ttl=77
      echo >${go}; wait $!`);
    rmSync(go);
    assert.equal(stdout, "77\n");
  });
});
