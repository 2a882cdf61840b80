// Every certain statement of a verdict loses one piece of its evidence after the other: then it is not made any more, and nothing else
// that is certain stands in its place. A new statement in the sources has to have a case here.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { Evidence, Finding } from "../../packages/chain/src/evidence.ts";
import type { Case } from "../../packages/explain/src/verdict/case.ts";
import { judge } from "../../packages/explain/src/verdict/verdict.ts";
import { losses } from "../helpers/evidence.ts";
import { root } from "../helpers/run.ts";
import { eventually } from "../helpers/wait.ts";

const GROUP = "/sys/fs/cgroup/contain-x";
const read = (source: string, value: string): Evidence => ({ source, value, rule: "proc(5)" });
const [KILLED, EXITED] = [(signal: number) => signal, (status: number) => status << 8];

const level = (dir: string, files: Readonly<Record<string, string>>) => ({
  dir,
  files: new Map(Object.entries(files).map(([name, text]) => [name, { text }])) as Case["chain"]["after"][number]["files"],
});
const counted = (from: number, to: number): Case["oomKills"] => ({
  by: to - from,
  absent: false,
  evidence: read(`${GROUP}/memory.events oom_kill`, `${from} → ${to}`),
});
const program = (change: object = {}) => ({
  ...{ pid: 100, name: "sh", isInit: true, status: "", limits: "" },
  ...{ cpuLimit: read("/proc/100/limits Max cpu time", "unlimited unlimited"), ...change },
});
const zombie =
  (change: object = {}) =>
  () => ({
    ...{
      name: "sh",
      cpu: 0.1,
      stat: read("/proc/PID/stat", "(sh) Z"),
      cpuLimit: read("/proc/100/limits", "unlimited unlimited"),
      ...change,
    },
  });

/** A program that was killed by SIGKILL, and nobody knows by whom. */
const killed = {
  outcome: { status: KILLED(9), killedByUs: undefined, asked: undefined, inD: [], sent: [] },
  failure: undefined,
  watched: { pid: 100, group: GROUP, init: false, indirect: false },
  seen: { program: program(), look: undefined, zombie: zombie(), mounts: undefined, refusal: undefined, reached: [] },
  chain: { before: [level("/sys/fs/cgroup", {})], after: [level(GROUP, {}), level("/sys/fs/cgroup", {})] },
  oomKills: counted(0, 0),
  log: () => ({ records: [] as string[], problem: undefined, lost: false }),
  read: (path: string) => (path.endsWith("memory.max") ? { text: "33554432\n" } : { problem: "ENOENT" }),
  ...{ output: undefined, argv: ["sh"], path: undefined, made: ["pid", "mnt"], own: { sent: [], problem: undefined }, ran: 1000 },
} as unknown as Case;

const exited = (status: number): Case => ({ ...killed, outcome: { ...killed.outcome, status: EXITED(status) } });
const asked = { signal: 15, sent: 15, from: "bash (PID 9)", reaction: { fate: "dropped", who: "PID 1 (sh)", proof: [] } } as const;
const byUs = (how: Case["outcome"]["killedByUs"]): Case => ({ ...killed, outcome: { ...killed.outcome, killedByUs: how, asked } });
const reaction = { fate: "default", who: "sh", proof: [read("/proc/100/status SigCgt", "0")] } as const;
const passedOn = { signal: 15, received: 15, from: "bash (PID 9)", direct: false, reaction };

/** The lines of the kernel's log about one victim. */
const lines = (pid: number, limit: string) => [
  "dd invoked oom-killer: gfp_mask=0x0(), order=0, oom_score_adj=0",
  "anon 1000",
  `oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=${limit},task_memcg=/contain-x,task=dd,pid=${pid},uid=0`,
  `Memory cgroup out of memory: Killed process ${pid} (dd) total-vm:100kB, anon-rss:50kB, file-rss:0kB, shmem-rss:0kB, UID:0`,
];
const machine = (pid: number) => [
  "bash invoked oom-killer: gfp_mask=0x0(), order=0, oom_score_adj=0",
  `oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg=/contain-x,task=dd,pid=${pid},uid=0`,
  `Out of memory: Killed process ${pid} (dd) total-vm:100kB, anon-rss:50kB, file-rss:0kB, shmem-rss:0kB, UID:0`,
];
const oom = (from: Case, records: readonly string[]): Case => ({
  ...from,
  oomKills: counted(0, 1),
  log: () => ({ records, problem: undefined, lost: false }),
  chain: {
    before: [level("/sys/fs/cgroup", { "memory.events.local": "oom 2\n" })],
    after: [level(GROUP, { "memory.events.local": "oom 1\n" }), level("/sys/fs/cgroup", { "memory.events.local": "oom 3\n" })],
  },
});
const own = (signal: number, target?: number) => ({
  sent: [{ signal, command: "contain kill", pid: 7, parent: "bash (PID 6)", target, at: 0 }],
  problem: undefined,
});

/** A process that SIGKILL has ended, to be asked by its pidfd. */
async function ended() {
  const { pidfdOpen, pidfdStatus } = await import("../../packages/kernel/src/process/process.ts");
  const child = spawn("sleep", ["1000"]);
  const pidfd = pidfdOpen(child.pid ?? 0);
  const mine = pidfdOpen(process.pid);
  child.kill("SIGKILL");
  await eventually(() => child.signalCode === "SIGKILL");
  return { pid: child.pid, name: "sleep", pidfd, alive: mine, isKnown: pidfdStatus(pidfd) !== undefined };
}

const other = await ended();
const list = read(`${GROUP}/cgroup.procs`, `100\n${other.pid}`);
const rest = { at: 0, others: [{ pid: other.pid, name: other.name, pidfd: other.pidfd }], list } as NonNullable<Case["seen"]["look"]>;

/** By the code of the statement. */
const CASES: Readonly<Record<string, Case>> = {
  exit: exited(3),
  "exit-above-128": exited(143),
  "exit-after-signal": { ...exited(143), outcome: { ...exited(143).outcome, sent: [passedOn] } },
  "killed-from-outside": killed,
  "killed-by-somebody": { ...killed, seen: { ...killed.seen, program: program({ isInit: false }) } },
  "killed-by-contain": { ...killed, own: own(9) },
  "killed-by-grace": byUs("grace"),
  "killed-by-interrupt": byUs("interrupt"),
  "killed-by-hangup": byUs("hangup"),
  "killed-by-keys": byUs("keys"),
  "oom-kill-own-limit": oom(killed, lines(100, "/contain-x")),
  "oom-kill-ancestor-limit": oom(killed, lines(100, "/")),
  "oom-kill-inner-limit": oom(
    killed,
    lines(100, "/contain-x/inner").map((line) => line.replace("task_memcg=/contain-x,", "task_memcg=/contain-x/inner,")),
  ),
  "oom-kill-machine": oom(killed, machine(100)),
  "oom-other-own-limit": oom(exited(1), lines(200, "/contain-x")),
  "oom-other-ancestor-limit": oom(exited(1), lines(200, "/")),
  "oom-other-inner-limit": oom(
    exited(1),
    lines(200, "/contain-x/inner").map((line) => line.replace("task_memcg=/contain-x,", "task_memcg=/contain-x/inner,")),
  ),
  "oom-other-machine": oom(exited(1), machine(200)),
  "signal-fault": {
    ...killed,
    outcome: { ...killed.outcome, status: KILLED(11) },
    log: () => ({ records: ["sh[100]: segfault at 0 ip 0 sp 0 error 4 in sh[0+1000]"], problem: undefined, lost: false }),
  },
  "ended-by-reboot": { ...killed, outcome: { ...killed.outcome, status: KILLED(2) } },
  "signal-forwarded": { ...killed, outcome: { ...killed.outcome, status: KILLED(15), sent: [passedOn] } },
  "rest-killed": { ...exited(4), seen: { ...exited(4).seen, look: rest } },
  "not-started": {
    ...exited(125),
    failure: { tool: "pivot", message: "no such rootfs", hint: undefined, diagnosis: undefined },
  } as unknown as Case,
  "exec-no-loader": {
    ...exited(127),
    failure: {
      ...{ tool: "pivot", message: "/x: cannot be executed", hint: undefined },
      diagnosis: {
        code: "exec-no-loader",
        text: "",
        certain: true,
        facts: [read("execve(/x)", "ENOENT"), read("/x ELF", "PT_INTERP /ld")],
      },
    },
  } as unknown as Case,
};

/** What was received, not read: it cannot be missing. */
const RECEIVED = new Set(["waitpid(2)", "open(/dev/tty)", "keys on the terminal", "pivot"]);
/** Of our own SIGKILL we know that it was ours, whoever asked for it. */
const isReceived = (code: string, { source }: Evidence) =>
  RECEIVED.has(source) || (code.startsWith("killed-by-") && source === "the supervisor's siginfo");
/** What is still true, and says less. */
const WEAKER: Readonly<Record<string, readonly string[]>> = {
  "killed-from-outside": ["killed-by-somebody"],
  "exit-after-signal": ["exit-above-128"],
};

const certainOf = (findings: readonly Finding[], code: string) => findings.find((finding) => finding.code === code && finding.certain);

describe("a verdict that loses evidence", () => {
  for (const [code, whole] of Object.entries(CASES)) {
    test(code, code === "rest-killed" && !other.isKnown ? { skip: "pidfds tell how a process ended since Linux 6.15" } : {}, () => {
      const finding = certainOf(judge(whole), code);
      assert.ok(finding, `${code}: ${JSON.stringify(judge(whole))}`);
      const lost = losses(whole);
      const alive = { ...rest, others: rest.others.map((one) => ({ ...one, pidfd: other.alive })) };
      if (code === "rest-killed") lost.push({ what: "pidfd", case: { ...whole, seen: { ...whole.seen, look: alive } } });
      const judged = lost.map(({ what, case: less }) => ({ what, findings: judge(less) }));
      for (const { what, findings } of judged) {
        for (const { certain, evidence, code: told, text } of findings.filter((one) => one.certain)) {
          assert.ok(
            certain && evidence.every(({ value }) => value !== undefined),
            `without ${what}: ${told} is certain on what it has not: ${text}`,
          );
          const isAsBefore = certainOf(judge(whole), told) !== undefined || (WEAKER[code] ?? []).includes(told);
          assert.ok(isAsBefore, `without ${what}, ${code} becomes another certain one: ${told}: ${text}`);
        }
      }
      for (const piece of finding.evidence.filter((one) => !isReceived(code, one))) {
        const stays = ({ findings }: (typeof judged)[number]) =>
          certainOf(findings, code)?.evidence.some(({ source, value }) => source === piece.source && value === piece.value);
        assert.ok(!judged.every(stays), `${code} stays certain whatever is lost, although it rests on ${piece.source}`);
        const stubborn = judged.filter(
          ({ findings }) =>
            certainOf(findings, code) !== undefined && !certainOf(findings, code)?.evidence.some(({ source }) => source === piece.source),
        );
        assert.deepEqual(
          stubborn.map(({ what }) => what).filter(() => !MAY_LACK.has(piece.source.replace(/^.*\//, ""))),
          [],
          `${code} is certain without ${piece.source}`,
        );
      }
    });
  }

  test("every certain statement in the sources has a case", () => {
    const dir = join(root, "packages/explain/src/verdict");
    const text = readdirSync(dir)
      .filter((name) => name.endsWith(".ts"))
      .map((name) => readFileSync(join(dir, name), "utf8"))
      .join("\n");
    const literal = [...text.matchAll(/code: "([\w-]+)"(?:(?!code: ")[\s\S])*?certain: (true|false)/g)].flatMap(([, code = "", certain]) =>
      certain === "true" ? [code] : [],
    );
    const ends = [...text.matchAll(/finding\("(-[\w-]+)"|"(-[\w-]+)", `/g)].flatMap(([, one, another]) =>
      ["oom-kill", "oom-other"].map((begin) => `${begin}${one ?? another}`),
    );
    assert.deepEqual(
      [...literal, ...ends].filter((code) => !(code in CASES)),
      [],
    );
    assert.ok(literal.length >= 10 && ends.length >= 6, `${literal.length} and ${ends.length} were found`);
  });
});

/** The number of a limit is told where it can be read; which limit it was, other files say. */
const MAY_LACK = new Set(["memory.max"]);
