// pid1: every status, every signal, orphans by the thousand, as PID 1 of a rootfs and as a subreaper beside others.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { need } from "../helpers/need.ts";
import { childrenOf, commandOf, descendants, isAlive, parentOf, stat, statusField, ticksOf, withWord } from "../helpers/proc.ts";
import { refusal } from "../helpers/refusal.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { bin, isNative, run, sh } from "../helpers/run.ts";
import { isSecond, testOnce } from "../helpers/second.ts";
import { eventually, pause, within } from "../helpers/wait.ts";

const dir = scratch("pid1");
const rootfs = makeRootfs(dir);

/** The two places where pid1 works. The second has the host's files, for programs that the small rootfs lacks. */
const AS_PID_1 = ["nsexec", "--pid", "--", "pivot", rootfs, "--", "pid1"];
const PLACES = { standalone: ["pid1"], "as PID 1": ["nsexec", "--pid", "--", "pivot", "/", "--", "pid1"] } as const;

interface Running {
  readonly process: ChildProcess;
  readonly pid: number;
  /** The host's PID of the init. */
  readonly init: number;
  /** The host's PID of the payload. */
  readonly child: number;
  readonly output: () => string;
  readonly errors: () => string;
  readonly until: (pattern: RegExp) => Promise<void>;
  readonly ended: Promise<number>;
}

/** What a failed test leaves would keep this file from ending. */
const all: ChildProcess[] = [];
after(() => {
  for (const process of all) process.kill("SIGKILL");
});

/** Starts a chain that ends in pid1, and waits until its payload has written `ready`. */
async function start(argv: readonly string[]): Promise<Running> {
  const [name = "", ...words] = argv;
  const process = spawn(join(bin, name), words, { stdio: ["ignore", "pipe", "pipe"] });
  all.push(process);
  const { stdout, stderr, pid = 0 } = process;
  let output = "";
  let errors = "";
  stdout?.on("data", (data) => {
    output += data;
  });
  stderr?.on("data", (data) => {
    errors += data;
  });
  const ended = once(process, "exit").then(([code, signal]) =>
    signal === null ? code : 128 + constants.signals[signal as NodeJS.Signals],
  );
  const until = async (pattern: RegExp) => {
    if (await within(60_000, () => pattern.test(output) || process.exitCode !== null)) if (pattern.test(output)) return;
    process.kill("SIGKILL");
    throw new Error(`never said ${pattern}: ${output}${errors}`);
  };
  await until(/^ready/m);
  const init = name === "nsexec" ? (childrenOf(pid)[0] ?? 0) : pid;
  const child = childrenOf(init)[0] ?? 0;
  return { process, pid, init, child, output: () => output, errors: () => errors, until, ended };
}

/** A payload that says every signal it gets, and ends with 7 on SIGQUIT. */
const LISTENER = [
  "perl",
  "-MConfig",
  "-e",
  `$| = 1; my @names = split " ", $Config{sig_name};
   for my $n (1 .. 64) { next if $n == 9 || $n == 17 || $n == 19 || $n == 32 || $n == 33;
     $SIG{$names[$n]} = sub { print "got $n.\\n"; exit 7 if $n == 3 }; }
   print "ready\\n"; select(undef, undef, undef, 10) while 1;`,
];
/** Signals in one storm, and twice the orphans in another. */
const MANY = isSecond ? 4_000 : 20_000;
const HANDLED = Array.from({ length: 64 }, (_, i) => i + 1).filter((n) => ![3, 9, 17, 19, 32, 33].includes(n));
const count = (text: string, word: string) => text.split(word).length - 1;

async function inParallel<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
    }),
  );
}

async function statusOf(argv: readonly string[]): Promise<number> {
  const [name = "", ...words] = argv;
  const [code, signal] = await once(spawn(join(bin, name), words, { stdio: "ignore" }), "close");
  return signal === null ? code : 128 + constants.signals[signal as NodeJS.Signals];
}

/** The small rootfs's shell ignores SIGQUIT, so the host's is asked. */
const FATAL = Array.from({ length: 64 }, (_, i) => i + 1).filter((n) => ![17, 18, 19, 20, 21, 22, 23, 28].includes(n));
const FATAL_SOME = [1, 2, 6, 9, 11, 13, 15, 32, 34, 64];

/** All of them once; eight through another chain, and in the second build. */
const ALL = Array.from({ length: 256 }, (_, i) => i);
const SOME = [0, 1, 2, 64, 127, 128, 254, 255];

describe("pid1: status", need("root"), () => {
  for (const [place, chain] of Object.entries({ standalone: ["pid1"], "as PID 1": AS_PID_1 })) {
    const statuses = place === "standalone" && !isSecond ? ALL : SOME;
    test(`${statuses.length} exit statuses are passed on, ${place}`, async () => {
      const wrong: string[] = [];
      await inParallel(statuses, 2, async (n) => {
        const status = await statusOf([...chain, "/bin/sh", "-c", `exit ${n}`]);
        if (status !== n) wrong.push(`${n}: ${status}`);
      });
      assert.deepEqual(wrong, []);
    });
  }

  for (const [place, chain] of Object.entries(PLACES)) {
    test(`a program that a signal ends gives 128 + its number, ${place}`, async () => {
      const wrong: string[] = [];
      await inParallel(place === "standalone" && !isSecond ? FATAL : FATAL_SOME, 2, async (n) => {
        const status = await statusOf([...chain, "/bin/sh", "-c", `ulimit -c 0; kill -${n} $$; sleep 5`]);
        if (status !== 128 + n) wrong.push(`${n}: ${status}`);
      });
      assert.deepEqual(wrong, []);
    });
  }

  test("a program that cannot be executed: 126 and 127, with the reason", () => {
    const cases: readonly [string, number, RegExp][] = [
      ["/nowhere", 127, /^pid1: "\/nowhere": no such file/],
      ["nowhere-at-all", 127, /^pid1: nowhere-at-all: not found in PATH/],
      ["/etc/passwd", 126, /^pid1: \/etc\/passwd: cannot be executed.*EACCES[\s\S]*no execute bit/],
      ["/tmp", 126, /^pid1: \/tmp: cannot be executed.*EACCES[\s\S]*directory/],
    ];
    for (const [program, status, message] of cases) {
      for (const chain of [["pid1"], AS_PID_1]) {
        const result = run([...chain, program]);
        assert.equal(result.status, status, `${chain.at(0)} ${program}: ${result.stderr}`);
        assert.match(result.stderr, message);
      }
    }
  });
});

describe("pid1: signals", need("root", "perl"), () => {
  for (const [place, chain] of Object.entries(PLACES)) {
    test(`every signal is forwarded exactly once, ${place}`, async () => {
      const running = await start([...chain, ...LISTENER]);
      // At the outermost process and, in the chain, at the init itself.
      for (const target of new Set([running.pid, running.init])) {
        for (const n of HANDLED) {
          const before = count(running.output(), `got ${n}.`);
          process.kill(target, n);
          await eventually(
            () => count(running.output(), `got ${n}.`) > before,
            () => `signal ${n} to ${target}`,
          );
        }
      }
      await pause(200);
      const targets = new Set([running.pid, running.init]).size;
      for (const n of HANDLED) assert.equal(count(running.output(), `got ${n}.`), targets, `signal ${n}`);
      process.kill(running.pid, "SIGQUIT");
      assert.equal(await running.ended, 7);
    });

    for (const n of [32, 33]) {
      test(`signal ${n}, which libc keeps to itself, is forwarded, ${place}`, async () => {
        const running = await start([...chain, ...LISTENER]);
        process.kill(running.pid, n);
        assert.equal(await running.ended, 128 + n);
      });
    }

    test(`${MANY} real-time signals: none is lost and none doubled, ${place}`, async (t) => {
      const running = await start([...chain, "pid1", "-v", "-r", "40:0", ...LISTENER]);
      for (let sent = 0; sent < MANY; ) {
        for (let i = 0; i < 500; i++, sent++) process.kill(running.pid, 40);
        await eventually(
          () => count(running.errors(), "SIGRTMIN+6 dropped") >= sent,
          () => `after ${sent}`,
        );
      }
      await pause(300);
      assert.equal(count(running.errors(), "SIGRTMIN+6 dropped"), MANY);
      // -v makes a string a signal, which the bar does not speak of: it is kept below, without -v.
      if (place === "as PID 1") t.diagnostic(`private memory after ${MANY} signals told by -v: ${privateMemory(running.init)} kB`);
      process.kill(running.pid, "SIGQUIT");
      assert.equal(await running.ended, 7);
    });

    test(`a storm of 6,000 mixed signals and 1,000 orphans that end at once, ${place}`, async () => {
      const orphans = `
        $| = 1; $SIG{$_} = "IGNORE" for qw(HUP INT USR1 USR2 WINCH ALRM NUM35 NUM40 NUM63); $SIG{QUIT} = sub { exit 9 };
        pipe(my $r, my $w);
        for (1 .. 1000) { my $p = fork; if (!$p) { if (!fork) { close $w; sysread $r, my $x, 1; } exec "/bin/true"; } waitpid $p, 0 }
        $SIG{TERM} = sub { close $w; print "let go\\n" }; print "ready\\n"; select(undef, undef, undef, 10) while 1;`;
      const running = await start([...chain, "perl", "-e", orphans]);
      await eventually(
        () => childrenOf(running.init).length === 1001,
        () => `${childrenOf(running.init).length} children`,
      );
      const kinds = [1, 2, 10, 12, 28, 14, 35, 40, 63];
      for (let i = 0; i < 6000; i++) {
        process.kill(running.pid, kinds[i % kinds.length] ?? 1);
        if (i === 1000) process.kill(running.pid, "SIGTERM");
        if (i % 200 === 0) await pause(1);
      }
      await running.until(/let go/);
      await eventually(() => childrenOf(running.init).length === 1, "every orphan is reaped while the child runs");
      process.kill(running.pid, "SIGQUIT");
      assert.equal(await running.ended, 9);
    });

    test(`kill -9 of the child: 137, ${place}`, async () => {
      const running = await start([...chain, ...LISTENER]);
      process.kill(running.child, "SIGKILL");
      assert.equal(await running.ended, 137);
    });

    test(`a zombie whose parent lives is left to that parent, ${place}`, async () => {
      const running = await start([
        ...chain,
        "-w",
        "perl",
        "-e",
        '$| = 1; if (!fork) { exit 3 } $SIG{TERM} = sub { exit 4 }; print "ready\\n"; sleep 100',
      ]);
      const zombie = childrenOf(running.child)[0] ?? 0;
      await eventually(() => stat(zombie, 3) === "Z");
      process.kill(running.init, "SIGCHLD");
      await pause(300);
      assert.equal(stat(zombie, 3), "Z");
      assert.equal(parentOf(zombie), running.child);
      process.kill(running.pid, "SIGTERM");
      assert.equal(await running.ended, 4);
      await eventually(() => stat(zombie, 3) === undefined);
    });
  }
});

/** The private memory of a process in kB, clean and dirty. */
function privateMemory(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "latin1");
  return [...text.matchAll(/^Private_(?:Clean|Dirty):\s+(\d+) kB$/gm)].reduce((sum, [, kb]) => sum + Number(kb), 0);
}

/** kB, of which the heap's new space, collected before the fork, is half a megabyte in Node. JavaScriptCore's collector writes to more of what is shared. */
const MOST_MEMORY = isNative ? 8000 : 2500;

describe("pid1: memory", need("root", "perl"), () => {
  test(`an init has at most ${MOST_MEMORY} kB of private memory, after ${MANY / 2} orphans and ${MANY} signals too`, async (t) => {
    const many = `trap '' USR1 USR2 HUP CONT; trap 'exit 9' QUIT; echo ready
      i=0; while [ $i -lt ${MANY / 2} ]; do (: &); i=$((i + 1)); done; echo done; sleep 1000 & while :; do wait; done`;
    const running = await start([...PLACES["as PID 1"], "sh", "-c", many]);
    assert.match(statusField(running.init, "Name"), /^pid1$/);
    t.diagnostic(`at the start: ${privateMemory(running.init)} kB`);
    assert.ok(privateMemory(running.init) <= MOST_MEMORY, `${privateMemory(running.init)} kB`);
    await eventually(() => running.output().includes("done"));
    await eventually(() => childrenOf(running.init).length === 1);
    t.diagnostic(`after ${MANY / 2} orphans: ${privateMemory(running.init)} kB`);
    assert.ok(privateMemory(running.init) <= MOST_MEMORY, `${privateMemory(running.init)} kB`);
    const kinds = ["SIGUSR1", "SIGUSR2", "SIGHUP", "SIGCONT"] as const;
    for (let i = 0; i < MANY; i++) {
      process.kill(running.init, kinds[i % 4]);
      if (i % 4 === 3) await new Promise(setImmediate);
    }
    t.diagnostic(`after ${MANY} signals: ${privateMemory(running.init)} kB`);
    assert.ok(privateMemory(running.init) <= MOST_MEMORY, `${privateMemory(running.init)} kB`);
    process.kill(running.pid, "SIGQUIT");
    assert.equal(await running.ended, 9);
  });
});

describe("pid1: how the child is started", need("root", "perl", "strace"), () => {
  /** Which call made the child, and what it wrote. */
  const started = (script: string) => {
    const { stdout, stderr, status } = sh(script);
    return { stdout, status, call: /^\[pid1 \d+\] (clone3|posix_spawn)\(.* = \d+\r?$/m.exec(stderr)?.[1], stderr };
  };
  /** What blocks some signals, then becomes its words: rt_sigprocmask(2) itself, since libc keeps 32 and 33 to itself. */
  const blocking = (...signals: number[]) => {
    const set = signals.reduce((sum, signal) => sum | (1n << BigInt(signal - 1)), 0n);
    const number = process.arch === "arm64" ? 135 : 14;
    return `perl -e '$s = pack "Q", ${set}; syscall(${number}, 2, $s, 0, 8) == 0 or die; exec @ARGV'`;
  };

  test("by posix_spawn where that will do; a fork where something is to be set that it cannot set", () => {
    const cases: Readonly<Record<string, string>> = {
      "pid1 --trace true": "posix_spawn",
      "pid1 --trace -c true": "posix_spawn",
      "nohup pid1 --trace true": "clone3", // SIGHUP is to be ignored
      "pid1 --trace true <&-": "clone3", // the runtime opens /dev/null there, which is to be closed
      "pid1 --trace nsexec --uts true": "clone3", // a link of ours
      "confine --ulimit core=0 -- pid1 --trace true": "clone3",
      "nsexec --tty -- pid1 --trace true >&2": "clone3",
      [`${blocking(10, 34)} pid1 --trace true`]: "posix_spawn",
      [`${blocking(10, 33)} pid1 --trace true`]: "clone3",
    };
    for (const [script, call] of Object.entries(cases)) {
      const found = started(script);
      assert.equal(found.call, call, `${script}: ${found.stderr}`);
      assert.equal(found.status, 0, script);
    }
  });

  test("either way it finds what pid1 was started with: mask, dispositions, descriptors, limit, a group of its own, PID 2", () => {
    const file = join(dir, "open");
    const place = `ulimit -Sn 123; PATH=/nowhere:/none:$PATH; exec 5<${import.meta.filename} 6>${file} 7>>${file} 8</ 9</dev/null </dev/null`;
    const both = (fds: number, words: string) => {
      const chain = `${place}; ${blocking(10, 14, 40)} nsexec --pid --mount-proc -- pid1 --preserve-fds ${fds} --trace`;
      const [spawned, forked] = [started(`${chain} ${words}`), started(`${chain} nsexec --uts ${words}`)];
      assert.deepEqual([spawned.call, forked.call], ["posix_spawn", "clone3"]);
      assert.equal(spawned.stdout, forked.stdout);
      return spawned.stdout;
    };
    const found = both(0, "grep -hE '^(Pid|SigBlk|SigIgn|SigPnd)|open files' /proc/self/status /proc/self/limits");
    assert.match(found, /^Pid:\t2\nSigPnd:\t0+\nSigBlk:\t0000008000002200\nSigIgn:\t0+\nMax open files +123 /);
    assert.match(both(0, "cut -d' ' -f1,5 /proc/self/stat"), /^2 2\n$/);
    const links = "readlink /proc/self/fd/5 /proc/self/fd/6 /proc/self/fd/7 /proc/self/fd/8";
    assert.equal(both(0, links), "");
    assert.equal(both(4, links), `${import.meta.filename}\n${file}\n`);
  });

  test("whatever PROG is, the end, the message and the PID are those of a fork", () => {
    sh(
      `cd ${dir} && printf 'echo $$ $0 $1\n' >plain && chmod +x plain && mkdir -p no closed && touch no/plain && cp /bin/true closed && chmod 700 closed`,
    );
    const cases: readonly [words: string, status: number, output: RegExp, before?: string][] = [
      ["/none", 127, /"\/none": no such file/],
      ["none", 127, /none: not found in PATH/],
      ["''", 127, /no such file/],
      ["/etc", 126, /it is a directory/],
      ["/etc/passwd", 126, /EACCES/],
      ["-e 127 /none", 0, /no such file/],
      ["-e 126 /etc", 0, /it is a directory/],
      [`${dir}/plain word`, 0, /^2 \/.*\/plain word$/],
      ["plain word", 0, /^2 \/.*\/plain word$/, `PATH=${dir}/no:${dir}:$PATH`],
      [`${dir}/closed/true`, 0, /^$/, "confine --user 1000:1000 --caps dac_read_search"],
    ];
    for (const [words, status, output, before = ""] of cases) {
      const [path, link] = before.startsWith("PATH") ? [before, "confine"] : ["", before || "confine"];
      const chain = (limits: string) => sh(`${path}; nsexec --pid --mount-proc -- ${link} ${limits} -- pid1 ${words}`.replace(/^; /, ""));
      const [spawned, forked] = [chain(""), chain("--ulimit core=0")];
      assert.equal(spawned.status, status, `${words}: ${spawned.stderr}`);
      assert.match((spawned.stdout + spawned.stderr).trim(), output, words);
      assert.deepEqual([forked.status, forked.stdout, forked.stderr], [spawned.status, spawned.stdout, spawned.stderr], words);
    }
  });

  test("no more processes: the rule of clone(2), and 125", () => {
    // The launcher has made one process before, and Node two threads.
    const faults = `-e inject=clone3:error=EAGAIN:when=${isNative ? 1 : 3}+ -e inject=clone,vfork:error=EAGAIN:when=2+`;
    for (const prog of ["true", `${dir}/plain`]) {
      const { status, stderr } = sh(`timeout -s KILL 60 strace -f -qq -o /dev/null -e trace=clone,clone3,vfork ${faults} pid1 ${prog}`);
      assert.equal(status, 125, stderr);
      assert.match(stderr, /^pid1: clone3\(.*\): EAGAIN .*\n {6}.*pids\.max/m);
    }
  });
});

describe("pid1: options", need("root", "perl"), () => {
  const group = async (words: string[]) => {
    const running = await start(["pid1", ...words, "sh", "-c", "sleep 50 >/dev/null 2>&1 & echo ready $!; wait"]);
    const sleep = Number(/ready (\d+)/.exec(running.output())?.[1]);
    process.kill(running.pid, "SIGTERM");
    const status = await running.ended;
    const lives = !(await within(1000, () => !isAlive(sleep)));
    if (lives) process.kill(sleep, "SIGKILL");
    return { status, lives };
  };

  test("-g sends a signal to the whole group, otherwise it is the child's alone", async () => {
    assert.deepEqual(await group(["-g"]), { status: 143, lives: false });
    assert.deepEqual(await group([]), { status: 143, lives: true });
  });

  test("it becomes subreaper when it is not PID 1, and -s insists", () => {
    const trace = /prctl\(PR_SET_CHILD_SUBREAPER, 1\) = 0/;
    assert.match(run(["pid1", "--trace", "true"]).stderr, trace);
    assert.doesNotMatch(run([...AS_PID_1, "--trace", "/bin/true"]).stderr, trace);
    assert.match(run([...AS_PID_1, "--trace", "-s", "/bin/true"]).stderr, trace);
    const orphan = `(sh -c 'until [ "$(cut -d" " -f4 /proc/$$/stat)" = $0 ]; do sleep 0.02; done; echo found' $PPID &) | cat`;
    assert.equal(run(["pid1", "sh", "-c", orphan]).stdout, "found\n", "the orphan's parent is pid1");
  });

  test("-p: the signal comes when the parent dies, and is forwarded", async () => {
    const running = await start([
      "pid1",
      "sh",
      "-c",
      `${bin}/pid1 -p USR2 perl -e '$| = 1; $SIG{USR2} = sub { print "told\\n"; exit }; print "ready\\n"; sleep 50' & wait`,
    ]);
    process.kill(running.child, "SIGKILL");
    assert.equal(await running.ended, 137);
    await eventually(() => /told/.test(running.output()), "after the end of what we had started");
  });

  test("-w says who was reaped, and is silent otherwise", () => {
    const script = "(sh -c 'echo $$; exit 5' &) | { read p; while [ -d /proc/$p ]; do sleep 0.02; done; }";
    assert.match(run(["pid1", "-w", "sh", "-c", script]).stderr, /^pid1: reaped orphan \d+ \(status 5\)[^\n]*\n$/);
    assert.equal(run(["pid1", "sh", "-c", script]).stderr, "");
    assert.match(run([...AS_PID_1, "-w", "/bin/sh", "-c", script]).stderr, /^pid1: reaped orphan \d+ \(status 5\)[^\n]*\n$/);
  });

  test("-e makes a status 0, several too, and leaves others", () => {
    for (const [status, wanted] of [
      [3, 0],
      [143, 0],
      [4, 4],
    ] as const) {
      assert.equal(run(["pid1", "-e", "3", "--expect-exit=143", "sh", "-c", `exit ${status}`]).status, wanted);
    }
    assert.equal(run(["pid1", "-e", "143", "sh", "-c", "kill -TERM $$"]).status, 0);
  });

  test("-r sends another signal, b = 0 drops it", async () => {
    const running = await start(["pid1", "-r", "TERM:USR1", "--rewrite=INT:0", "-r", "SIGRTMIN+1:34", ...LISTENER]);
    process.kill(running.pid, 2);
    process.kill(running.pid, 15);
    await running.until(/got 10/);
    process.kill(running.pid, 35);
    await running.until(/got 34/);
    assert.equal(running.output(), "ready\ngot 10.\ngot 34.\n");
    process.kill(running.pid, "SIGQUIT");
    assert.equal(await running.ended, 7);
  });

  test("the child has a process group of its own, with -c the caller's", async () => {
    for (const [words, same] of [
      [[], false],
      [["-c"], true],
    ] as const) {
      const running = await start(["pid1", ...words, ...LISTENER]);
      assert.equal(stat(running.child, 5), same ? stat(running.pid, 5) : `${running.child}`);
      process.kill(running.pid, "SIGQUIT");
      assert.equal(await running.ended, 7);
    }
  });

  test("-v says what is forwarded", async () => {
    const running = await start(["pid1", "-v", ...LISTENER]);
    process.kill(running.pid, "SIGUSR1");
    await running.until(/got 10/);
    assert.match(running.errors(), new RegExp(`^pid1: SIGUSR1 to ${running.child}$`, "m"));
    process.kill(running.pid, "SIGQUIT");
    assert.equal(await running.ended, 7);
  });

  const WRONG: readonly (readonly [string[], RegExp])[] = [
    [["-p", "NOPE"], /"NOPE" is not a signal/],
    [["-p", "0"], /"0" is not a signal/],
    [["-p", "65"], /"65" is not a signal/],
    [["-e", "256"], /--expect-exit: "256" is not a whole number from 0 to 255/],
    [["-e", "-1"], /needs a value|-1/],
    [["--expect-exit=x"], /"x" is not a whole number/],
    [["-e", ""], /empty value/],
    [["-r", "TERM"], /must be A:B/],
    [["-r", "TERM:"], /must be A:B/],
    [["-r", ":TERM"], /must be A:B/],
    [["-r", "TERM:INT:HUP"], /must be A:B/],
    [["-r", "0:TERM"], /"0" is not a signal/],
    [["-r", "TERM:65"], /"65" is not a signal/],
    [["--linger", "soon"], /--linger: "soon" is not a time/],
    [["--linger", "10x"], /is not a time/],
    [["--linger=-1"], /is not a time/],
    [["--linger=1", "--linger=2"], /--linger was given twice/],
    [["-g=1"], /-g|unknown/],
    [["--group=yes"], /takes no value/],
    [["--lingr", "1"], /did you mean --linger/],
    [["--trace=xml"], /text and json/],
    [["--chain", "jump"], /call or exec/],
    [["--preserve-fds", "many"], /whole number/],
  ];
  for (const [words, message] of WRONG) {
    testOnce(`refused: pid1 ${words.join(" ")}`, () => {
      assert.match(refusal(["pid1", ...words, "--", "echo", "ran"]), message);
    });
  }

  test("without a program: 125", () => {
    for (const words of [[], ["--"], ["-g"], ["-p"], ["-e", "3"], ["--linger"]]) assert.equal(run(["pid1", ...words]).status, 125);
  });
});

describe("pid1: --linger", need("root"), () => {
  const timed = (argv: readonly string[]) => {
    const from = performance.now();
    const result = run(argv);
    return { ...result, seconds: (performance.now() - from) / 1000 };
  };
  const mild = `trap 'echo told; sleep 0.3; echo gone; exit' TERM; touch /tmp/ready; while :; do sleep 0.05; done`;
  const chain = ["nsexec", "--pid", "--", "pivot", rootfs, "--tmpfs", "/tmp", "--", "pid1"];
  const straggler = (script: string, way = "") => [
    "/bin/sh",
    "-c",
    `${way} /bin/sh -c "$0" & until [ -e /tmp/ready ]; do sleep 0.05; done; exit 6`,
    script,
  ];
  /** Far below the times that are given to stragglers here, and far above what a busy machine needs. */
  const SOON = 60;
  let count = 0;
  /** A straggler that says what it gets, and the end of its parent once it listens. */
  const listening = (way: string, file: string) =>
    `${way} sh -c "trap 'echo told; exit' TERM; echo up; : >${file}; while :; do sleep 0.05; done" & until [ -e ${file} ]; do sleep 0.02; done; exit 6`;

  test("stragglers get SIGTERM, and it leaves as soon as they are gone", () => {
    for (const way of ["", "setsid"]) {
      const { status, stdout, seconds } = timed([...chain, "--linger", "100s", ...straggler(mild, way)]);
      assert.equal(stdout, "told\ngone\n");
      assert.equal(status, 6);
      assert.ok(seconds < SOON, `${seconds} s`);
    }
  });

  test("the time is kept, then the kernel kills them", () => {
    const { status, seconds } = timed([...chain, "--linger", "1500ms", ...straggler("trap '' TERM; touch /tmp/ready; sleep 100")]);
    assert.equal(status, 6);
    assert.ok(seconds > 1.5 && seconds < SOON, `${seconds} s`);
  });

  test("without it, and with 0, they are killed at once", () => {
    for (const words of [[], ["--linger", "0"]]) {
      const { status, stdout, seconds } = timed([...chain, ...words, ...straggler(mild)]);
      assert.equal(stdout, "");
      assert.equal(status, 6);
      assert.ok(seconds < SOON, `${seconds} s`);
    }
  });

  test("nobody left: no waiting", () => {
    assert.ok(timed([...chain, "--linger", "100s", "/bin/true"]).seconds < SOON);
  });

  for (const way of ["", "setsid", "setsid setsid -f"]) {
    test(`as a subreaper it reaches all that descends from the child: ${way}`, () => {
      const { status, stdout, seconds } = timed(["pid1", "--linger", "100s", "sh", "-c", listening(way, join(dir, `up-${count++}`))]);
      assert.equal(stdout, "up\ntold\n");
      assert.equal(status, 6);
      assert.ok(seconds < SOON, `${seconds} s`);
    });
  }

  test("a /proc that is not the kernel's is not believed: nobody else is signalled", async () => {
    const decoy = await start(["pid1", "sh", "-c", "echo ready; exec sleep 60"]);
    const script = `mkdir /proc/${decoy.pid}; echo "${decoy.pid} (x) S $PPID" >/proc/${decoy.pid}/stat; ln -s $PPID /proc/self
      ${listening("", "/proc/up")}`;
    const { stdout, stderr } = run([
      "nsexec",
      "--fork",
      "--",
      "pivot",
      rootfs,
      "--no-proc",
      "--tmpfs",
      "/proc",
      "--",
      "pid1",
      "--linger",
      "100s",
      "sh",
      "-c",
      script,
    ]);
    assert.equal(stdout, "up\ntold\n", stderr);
    assert.equal(stat(decoy.pid, 3), "S");
    process.kill(decoy.pid, "SIGKILL");
    await decoy.ended;
  });

  test("more time than a clock can count is simply long", async () => {
    const file = join(dir, "deaf");
    const script = `sh -c "trap '' TERM; : >${file}; exec sleep 60" & echo ready $!; until [ -e ${file} ]; do sleep 0.02; done`;
    const running = await start(["pid1", "--linger", "99999999h", "sh", "-c", script]);
    const straggler = Number(/ready (\d+)/.exec(running.output())?.[1]);
    await eventually(() => parentOf(straggler) === running.pid, "the program has ended");
    const before = ticksOf(running.pid);
    await pause(1000);
    assert.ok(ticksOf(running.pid) - before < 50, "it does not spin");
    process.kill(straggler, "SIGKILL");
    assert.equal(await running.ended, 0);
  });
});

describe("pid1: odd surroundings", need("root", "perl"), () => {
  test("closed standard descriptors stay closed for the payload", () => {
    const ls = "ls -l /proc/self/fd | sed -n 's/.* \\([0-9]\\) -> .*/\\1/p' | tr -d '\\n'";
    assert.equal(sh(`pid1 sh -c 'ls /proc/$$/fd | tr -d "\\n"' <&-`).stdout.replace(/[^12]/g, ""), "12");
    assert.equal(sh(`pid1 sh -c "exit 4" <&- >&- 2>&-`).status, 4);
    assert.equal(sh(`pid1 sh -c "${ls}" </dev/null 2>&1 | head -c 3`).status, 0);
  });

  test("a closed pipe on standard error does not end it", async () => {
    const status = sh(`{ { pid1 -w sh -c '(sleep 0.1 &); (sleep 0.2 &); sleep 0.5; exit 5' 2>&4; echo $?; } 4>&1 >&3 | true; } 3>&1`);
    assert.equal(status.stdout, "5\n");
  });

  test("a closed pipe on standard error of contain does not end its container", () => {
    const { stdout } = sh(`{ { contain run -- sh -c 'sleep 0.5; exit 5' 2>&4; echo $?; } 4>&1 >&3 | true; } 3>&1`);
    assert.equal(stdout, "5\n");
  });

  test("nsexec in nsexec dies of its child's signal, and signals nobody else", () => {
    for (const [name, number] of [
      ["TERM", 143],
      ["KILL", 137],
      ["USR1", 138],
    ] as const) {
      const { status, signal } = run(["nsexec", "--fork", "nsexec", "--fork", "nsexec", "--fork", "sh", "-c", `kill -${name} $$`]);
      assert.equal(status, number);
      assert.equal(signal, `SIG${name}`);
    }
  });

  test("a SIGTERM that the caller ignores is ignored by the payload, and still forwarded", async () => {
    const heard = join(dir, "heard");
    const running = await start([
      "pid1",
      "sh",
      "-c",
      `trap '' TERM; exec ${bin}/pid1 -v sh -c 'grep SigIgn /proc/self/status; echo ready; until [ -e ${heard} ]; do sleep 0.05; done; exit 5'`,
    ]);
    assert.match(running.output(), /SigIgn:\s*[0-9a-f]*4[0-9a-f]{3}$/m);
    process.kill(running.child, "SIGTERM");
    await eventually(() => /SIGTERM to/.test(running.errors()));
    writeFileSync(heard, "");
    assert.equal(await running.ended, 5);
  });

  test("signals at any moment of the start end it or are forwarded: no hang, nothing left", async () => {
    const ways = [["pid1"], ["nsexec", "--pid", "--", "pid1"], ["nsexec", "--fork"], ["contain", "run", "-q", "--init", "--"]];
    const wrong: string[] = [];
    let seed = 1;
    const random = () => {
      seed = (seed * 1103515245 + 12345) % 2 ** 31;
      return seed / 2 ** 31;
    };
    const rounds = Array.from({ length: Number(process.env["CONTAIN_RUNS"] ?? 100) }, (_, i) => ({
      i,
      at: random() * 160,
      signal: [15, 2, 1, 12][Math.floor(random() * 4)] ?? 15,
    }));
    await inParallel(rounds, 2, async ({ i, at, signal }) => {
      const marker = `60.${process.pid}${1000 + i}`;
      const [name = "", ...words] = [...(ways[i % ways.length] ?? []), "sleep", marker];
      const started = spawn(join(bin, name), words, { stdio: "ignore", env: { ...process.env, PATH: `${bin}:${process.env["PATH"]}` } });
      const ended = once(started, "close");
      await pause(at);
      if (started.exitCode === null) process.kill(started.pid ?? Number.NaN, signal);
      const outcome = await Promise.race([ended, pause(60_000).then(() => "hang")]);
      if (outcome === "hang") {
        wrong.push(
          `hang: ${name} ${words.join(" ")}, signal ${signal} after ${at} ms: ${[started.pid ?? 0, ...descendants(started.pid ?? 0)].map((pid) => `${pid} ${commandOf(pid)}`)}`,
        );
        for (const pid of descendants(started.pid ?? 0)) process.kill(pid, "SIGKILL");
        started.kill("SIGKILL");
      } else {
        const [code, by] = outcome as [number | null, string | null];
        if (code !== 128 + signal && by !== "SIGTERM" && by !== "SIGINT" && by !== "SIGHUP" && by !== "SIGUSR2")
          wrong.push(`${name} ${words.join(" ")}, signal ${signal} after ${at} ms: ${code} ${by}`);
      }
      if (!(await within(30_000, () => withWord(marker).length === 0))) wrong.push(`left: ${name} ${marker}`);
    });
    assert.deepEqual(wrong, []);
  });

  test("SIGTERM in a tight loop from the first moment on", async () => {
    for (let i = 0; i < 12; i++) {
      const marker = `70.${process.pid}${100 + i}`;
      const started = spawn(
        join(bin, i % 2 ? "contain" : "nsexec"),
        i % 2 ? ["run", "-q", "--init", "sleep", marker] : ["--pid", "pid1", "sleep", marker],
        { stdio: "ignore" },
      );
      const ended = once(started, "close");
      await pause(i * 9);
      let done = false;
      void ended.then(() => {
        done = true;
      });
      await eventually(() => {
        started.kill("SIGTERM");
        return done;
      });
      await eventually(() => withWord(marker).length === 0);
    }
  });
});

describe("pid1: secrets", need("root"), () => {
  const canary = "canary-d41d8cd9";
  const hidden = join(dir, canary);
  mkdirSync(hidden);
  const env = { OPERATOR_SECRET: canary };
  const look = `echo environ: $(tr '\\0' ' ' </proc/1/environ); echo cmdline: $(tr '\\0' ' ' </proc/1/cmdline)
    echo cwd: $(readlink /proc/1/cwd); echo init: $(for fd in $(ls /proc/1/fd); do [ $fd -lt 3 ] && echo $fd || readlink /proc/1/fd/$fd; done | sort -u); echo self:; ls /proc/$$/fd; true`;

  const ways: readonly (readonly [string, string[]])[] = [
    ["the chain", ["nsexec", "--pid", "--wd", hidden, "--", "pivot", rootfs, "--", "pid1"]],
    ["the chain, each link exec'd", ["nsexec", "--chain=exec", "--pid", "--wd", hidden, "--", "pivot", rootfs, "--", "pid1"]],
    ["contain run --init", ["contain", "run", "-q", "--init", "--rootfs", rootfs, "--workdir", "/tmp", "--"]],
    ["contain run", ["contain", "run", "-q", "--rootfs", rootfs, "--"]],
  ];
  for (const [name, argv] of ways) {
    test(`the host's environment and command line are not in /proc/1, no descriptor is open: ${name}`, () => {
      const { stdout, stderr, status } = run([...argv, "/bin/sh", "-c", look], { env });
      assert.equal(status, 0, stderr);
      const line = (name: string) => new RegExp(`^${name}: ?(.*)$`, "m").exec(stdout)?.[1];
      if (name !== "contain run") assert.equal(line("environ"), "");
      assert.doesNotMatch(stdout, new RegExp(canary));
      assert.doesNotMatch(stdout, /--wd|--workdir|contain\.cjs/);
      assert.match(line("cmdline") ?? "", name === "contain run" ? /^\/bin\/sh / : /^pid1 (-- )?\/bin\/sh /);
      assert.match(line("cwd") ?? "", /^\/(tmp)?$/);
      // The runtime's eventfds lead nowhere, and libuv aborts without them.
      if (name !== "contain run") assert.match(line("init") ?? "", /^0 1 2( anon_inode:\[eventfd\])?$/);
      assert.match(stdout, /^self:\n0\n1\n2\n(10\n)?$/m);
    });
  }

  test("in a user namespace container root can read nothing of the init", () => {
    const script = `for f in environ maps mem auxv syscall stack io; do head -c 1 /proc/1/$f >/dev/null 2>&1 && echo "readable: $f"; done
      for l in exe cwd root fd/0 fd/1 fd/2; do readlink /proc/1/$l >/dev/null 2>&1 && echo "readable: $l"; done
      id -u`;
    const { stdout, stderr, status } = run(
      ["nsexec", "--user", "--map-root-user", "--pid", "--wd", hidden, "--", "pivot", rootfs, "--", "pid1", "/bin/sh", "-c", script],
      { env },
    );
    assert.equal(status, 0, stderr);
    assert.equal(stdout, "0\n");
  });

  test("real root, which may ptrace everything, finds the canary only in memory", () => {
    const { stdout } = run([...AS_PID_1, "/bin/sh", "-c", "cat /proc/1/environ /proc/1/cmdline /proc/1/auxv /proc/1/comm | tr '\\0' ' '"], {
      env,
    });
    assert.ok(!stdout.includes(canary));
  });
});
