// The same argv under util-linux and under nsexec: whatever the program finds must be the same. Known differences, which are
// not compared: descriptors from 3 up pass only with --preserve-fds, nsexec kills its child when it dies itself, its own
// failures are 125, not 1, and dash, which runs the launcher, has a word to say about a working directory that was removed.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { need } from "../helpers/need.ts";
import { probe, readReport } from "../helpers/probe.ts";
import { scratch } from "../helpers/rootfs.ts";
import { bin, type Result, run } from "../helpers/run.ts";
import { describeOnce, isSecond } from "../helpers/second.ts";

const dir = scratch("differential");
const out = join(dir, "out");
const newRoot = join(dir, "root");
const counts = { pairs: 0, differences: 0 };

/** A shell's preparation, which ends where "$@" follows. */
type Caller = string;
interface Pair {
  readonly theirs: readonly string[];
  readonly ours: readonly string[];
  readonly caller?: Caller;
  /** Instead of the probe. */
  readonly program?: readonly string[];
  readonly target?: number;
}

/** Closes what the test itself has inherited. */
const CLEAN = ["perl", "-MPOSIX", "-e", "POSIX::close($_) for 3 .. 255; exec @ARGV"];

/** Runs one side; what it found, and how it ended. */
function side(argv: readonly string[], { caller = "exec", program, target }: Pair): unknown {
  const report = join(out, "report");
  const words = [...argv, ...(program ?? probe(report))];
  const { stderr, ...result }: Result = run([...CLEAN, "/bin/sh", "-c", `${caller} "$@"`, "sh", ...words], {
    env: { PATH: `${bin}:${process.env["PATH"]}` },
  });
  const told = { ...result, stderr: stderr.replace("sh: 0: getcwd() failed: No such file or directory\n", "") };
  return program === undefined && result.status === 0 ? { ...told, ...readReport(report, target) } : told;
}

/** Counts what it compares as different unless it comes to its end. */
function counted(compare: () => void): void {
  counts.pairs++;
  counts.differences++;
  compare();
  counts.differences--;
}

function same(pair: Pair): void {
  counted(() => {
    const theirs = side(pair.theirs, pair);
    assert.deepEqual(side(pair.ours, pair), theirs);
    if (pair.program === undefined) assert.equal((theirs as Result).status, 0, (theirs as Result).stderr);
  });
}

/** One test for each row: the words behind `unshare` and `nsexec`. */
function rows(pairs: readonly (Pair & { readonly name: string })[]): void {
  for (const pair of pairs) test(pair.name, () => same(pair));
}

const unshared = (words: string, more: Partial<Pair> = {}) => {
  const list = words.split(" ").filter(Boolean);
  return {
    name: `${words || "nothing"}${more.caller ? ` with ${more.caller}` : ""}`,
    theirs: ["unshare", ...list],
    ours: ["nsexec", ...list],
    ...more,
  };
};

describe("the same as util-linux", need("root", "unshare", "nsenter", "setpriv", "perl", "script"), () => {
  before(() => {
    mkdirSync(out);
    run(["chmod", "1777", out]);
    mkdirSync(newRoot);
  });
  after(() => console.log(`${counts.pairs} argvs under util-linux and under nsexec, ${counts.differences} different`));

  describe("new namespaces, as unshare", () => {
    rows(
      [
        ...["", "-m", "-u", "-i", "-n", "-C", "-f", "-muinC", "--mount --uts", "--ipc --net --cgroup", "-fu", "-fm", "-fC", "-muinCf"],
        ...["-pf", "-pf --mount-proc", "-pfm", "-pfmuinC --mount-proc", "--pid --fork --kill-child", "-fT", "-fT --boottime 1000"],
        ...["-fT --monotonic 1000 --boottime 77", "-m --propagation private", "-m --propagation slave", "-m --propagation shared"],
        ...["-m --propagation unchanged", "-fm --propagation shared", "-fU", "-fr", "-fc", "-r", "-c", "-U", "-rm", "-rmuinC"],
        ...["-rpf --mount-proc", "-rfT", "-U --setgroups deny", "-fU --map-user 1000", "-f --map-user=7 --map-group=8"],
        ...["-f --map-group 0", "-fr --map-user 5", "-w /usr", "-uw /usr", "-R / -w /usr", "-m -R /", "-S 65534", "-G 65534"],
        ...["-G 65534 -S 65534", "-u -S 65534 -G 65534", "-fm -S 65534 -G 65534", "-pf -S 65534 -G 65534 --mount-proc"],
        ...["-fU --setgroups allow", "-m --mount-proc", "-pf --mount-proc=/proc"],
      ]
        .filter((_, i) => !isSecond || i % 5 === 0)
        .map((words) => unshared(words)),
    );

    rows([
      {
        name: "the ids of setpriv",
        theirs: ["setpriv", "--reuid", "1234", "--regid", "4321", "--clear-groups"],
        ours: ["nsexec", "-S", "1234", "-G", "4321"],
      },
      {
        name: "another root",
        caller: `exec unshare -m sh -c 'mount --rbind / ${newRoot} && exec "$@"' sh`,
        theirs: ["unshare", "-u", "-R", newRoot],
        ours: ["nsexec", "-u", "-R", newRoot],
      },
      {
        name: "another root and directory, forked",
        caller: `exec unshare -m sh -c 'mount --rbind / ${newRoot} && exec "$@"' sh`,
        theirs: ["unshare", "-f", "-m", "-R", newRoot, "-w", "/usr"],
        ours: ["nsexec", "-f", "-m", "-R", newRoot, "-w", "/usr"],
      },
    ]);
  });

  describeOnce("existing namespaces, as nsenter", () => {
    const targets: { root?: number; user?: number; proc?: number } = {};
    const holders = [
      { name: "root" as const, words: ["-muinpCTf"] },
      { name: "user" as const, words: ["-rmuinpCTf"] },
      { name: "proc" as const, words: ["-rmuinpCTf", "--mount-proc"] },
    ].map(({ name, words }) => ({
      name,
      process: spawn("unshare", [...words, "--kill-child", "cat"], { stdio: ["pipe", "pipe", "inherit"] }),
    }));
    before(async () => {
      for (const { name, process } of holders) {
        process.stdin.write("ready\n");
        await new Promise((resolve) => process.stdout.once("data", resolve));
        targets[name] = Number(readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, "utf8"));
      }
    });
    after(() => {
      for (const { process } of holders) process.kill("SIGKILL");
    });

    const join = (name: keyof typeof targets, letters: string) =>
      test(`-t ${name}'s ${letters}`, () => {
        const target = targets[name] ?? 0;
        const words = ["-t", `${target}`, ...letters.split(" ").map((word) => word.replace("PID", `${target}`))];
        same({ theirs: ["nsenter", ...words], ours: ["nsexec", ...words], target });
      });
    for (const letters of [
      "-m",
      "-u",
      "-i",
      "-n",
      "-p",
      "-C",
      "-T",
      "-a",
      "-m -u",
      "-m -p",
      "-m -u -i -n -p -C -T",
      "-p -T",
      "-u -S 65534 -G 65534",
    ])
      join("root", letters);
    for (const letters of ["--uts=/proc/PID/ns/uts", "-m --net=/proc/PID/ns/net", "--pid=/proc/PID/ns/pid"]) join("root", letters);
    for (const letters of ["-U", "-U -m", "-U -p", "-U -m -u -i -n -p", "-a", "-U -S 0 -G 0"]) join("user", letters);
    for (const letters of ["-a", "-U -m -p"]) join("proc", letters);
  });

  describe("whoever calls", () => {
    const callers = [
      "trap '' HUP; exec",
      "trap '' HUP INT QUIT PIPE TERM CHLD USR1 TTOU TSTP XFSZ FPE; exec",
      "exec env --block-signal=USR1",
      "exec env --block-signal",
      "exec env --block-signal=TERM --ignore-signal=HUP",
      "exec env --ignore-signal=RTMIN --block-signal=RTMAX",
      "nohup",
      "ulimit -Sn 64; exec",
      "ulimit -Hn 500; exec",
      "exec env --block-signal=PWR,CHLD --ignore-signal=ILL,TRAP,ABRT,BUS,SEGV,PWR,SYS",
      "ulimit -Sv 500000; exec",
      "ulimit -Sd 100000; ulimit -Ss 100; exec",
      "ulimit -c unlimited 2>/dev/null; ulimit -Ss 1024; ulimit -v 40000000; exec",
      "exec <&-",
      "exec >&-; exec",
      "exec 2>&-; exec",
      "exec <&- >&- 2>&-; exec",
      "exec </etc/passwd; read -r line; exec",
      `exec >>${out}/log 2>&1; exec`,
      "umask 077; exec",
      "umask 000; exec",
      `mkdir ${out}/gone; cd ${out}/gone; rmdir ${out}/gone; exec`,
      "cd /usr/share; PWD=/nowhere; exec",
      "cd /usr/share; exec env PWD=/nowhere OLDPWD=/elsewhere",
      "exec nice -n 7",
      "exec chrt --batch 0",
      "exec setpriv --no-new-privs --bounding-set -sys_boot",
      "exec setpriv --inh-caps +net_raw --ambient-caps +net_raw",
      "exec setpriv --pdeathsig HUP",
      "exec setarch -R",
      "exec taskset 1",
      "echo 300 >/proc/self/oom_score_adj; exec",
      "exec setsid -w",
      'exec env -i PATH="$PATH"',
      'exec env -i PATH="$PATH" PWD=/tmp _=x SHLVL=7 NODE_OPTIONS=--no-such-option NODE_EXTRA_CA_CERTS=/none NODE_V8_COVERAGE=/none',
      "exec env foo.bar=1 1x=2 a-b= '=x'",
      'exec env "LATIN=$(printf "\\351\\377")" "MULTI=a\nb" "EMPTY="',
      'exec env "BIG=$(head -c 100000 /dev/zero | tr "\\0" x)"',
      "exec env UV_USE_IO_URING=1 NODE_DEBUG=fs NODE_NO_WARNINGS=1 NODE_PATH=/x BASH_ENV=/x ENV=/x IFS=abc PS4=y CDPATH=/usr",
    ];
    for (const words of isSecond ? ["-fu"] : ["-u", "-rpf --mount-proc"]) rows(callers.map((caller) => unshared(words, { caller })));

    test("words that are not UTF-8", () => {
      const caller = 'set -- "$@" "$(printf "\\377\\376")" "" "$(printf "caf\\351")" "a b"; exec';
      same({ caller, theirs: ["unshare", "-u"], ours: ["nsexec", "-u"] });
      same({ caller, theirs: ["unshare", "-fr"], ours: ["nsexec", "-fr"] });
    });

    test("descriptors from 3 up, which nsexec is told to pass on", () => {
      for (const words of [["-u"], ["-fu"], ["-rpf"]]) {
        same({
          caller: "exec 3</etc/passwd 4<>/dev/null 5>>/dev/null; exec",
          theirs: ["unshare", ...words],
          ours: ["nsexec", "--preserve-fds", "3", ...words],
        });
      }
    });

    test("on a terminal", () => {
      for (const words of ["-u", "-fu", "-rpf --mount-proc"]) {
        const onTerminal = (tool: string) => {
          const report = join(out, "report");
          const line = [tool, ...words.split(" "), ...probe(report)].map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
          const result = run([...CLEAN, "script", "-qec", `exec ${line}`, "/dev/null"], { env: { PATH: `${bin}:${process.env["PATH"]}` } });
          return { ...result, ...readReport(report) };
        };
        counted(() => assert.deepEqual(onTerminal("nsexec"), onTerminal("unshare")));
      }
    });
  });

  describeOnce("an ordinary user", () => {
    const caller = "exec setpriv --reuid 65534 --regid 65534 --clear-groups";
    rows(
      [
        "",
        "-r",
        "-c",
        "-U",
        "-fr",
        "-rm",
        "-rmuinC",
        "-rpf --mount-proc",
        "-cpf",
        "--map-user 5 --map-group 6",
        "-rT -f",
        "--map-user=1 -n",
      ].map((words) => unshared(words, { caller })),
    );
    rows([unshared("-r", { caller: "exec setpriv --reuid 65534 --regid 65534 --groups 65534,12,100" })]);
  });

  describe("how it ends", () => {
    const shell = (script: string) => ["/bin/sh", "-c", script];
    const text = join(dir, "script");
    const plain = join(dir, "plain");
    before(() => {
      writeFileSync(text, 'echo "$0" "$@"; exit 9\n', { mode: 0o755 });
      writeFileSync(plain, "", { mode: 0o644 });
    });
    for (const words of isSecond ? ["-fu"] : ["-u", "-fu", "-r"]) {
      rows(
        [
          shell("exit 0"),
          shell("exit 1"),
          shell("exit 125"),
          shell("exit 255"),
          shell("echo out; echo err >&2; exit 3"),
          shell("kill -TERM $$"),
          shell("kill -HUP $$"),
          shell("kill -USR1 $$"),
          shell("ulimit -c 0; kill -SEGV $$"),
          shell("cat /proc/self/comm; kill -PIPE $$"),
          [text, "a", "b"],
        ].map((program) => ({ ...unshared(words, { program }), name: `${words} ${program.slice(-2).join(" ")}` })),
      );
      for (const [program, status] of [
        ["/none", 127],
        ["none-such", 127],
        [plain, 126],
        ["/usr", 126],
      ] as const) {
        test(`${words}: ${status} for ${program.replace(dir, "")}`, () => {
          counted(() => {
            for (const tool of ["unshare", "nsexec"]) assert.equal(run([tool, ...words.split(" "), program]).status, status, tool);
          });
        });
      }
    }
    rows([unshared("-u", { program: shell("kill -KILL $$") })]);
  });
});
