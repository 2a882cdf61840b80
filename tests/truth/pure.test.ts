// Judgements that need a newer kernel, or a race, to be staged: from counters and traces as they would be.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Finding } from "../../packages/chain/src/evidence.ts";
import { judgeOthers, type KnownEnd } from "../../packages/explain/src/others/judge.ts";
import type { Case } from "../../packages/explain/src/verdict/case.ts";
import { lastWords } from "../../packages/explain/src/verdict/lastwords.ts";
import { pidsLimit } from "../../packages/explain/src/verdict/pids.ts";

const GROUP = "/sys/fs/cgroup/nowhere/contain-x";
const level = (dir: string, files: Readonly<Record<string, string>>) => ({
  dir,
  files: new Map(Object.entries(files).map(([name, text]) => [name, { text }])),
});
const evidence = (source: string, value: string) => ({ source, value, rule: "proc(5)" });
const program = { pid: 100, name: "sh", isInit: false, status: "", limits: "", cpuLimit: evidence("limits", "unlimited unlimited") };
const zombie = () => ({ name: "sh", cpu: 0, stat: evidence("stat", "(sh) Z"), limits: "", cpuLimit: program.cpuLimit });
const base = {
  ...{ failure: undefined, watched: { pid: 100, group: GROUP, init: false, indirect: false } },
  seen: { began: 0, program, look: undefined, zombie, mounts: undefined, refusal: undefined, reached: [] },
  chain: { before: [], after: [level(GROUP, {})] },
  oomKills: { by: 0, absent: false, evidence: evidence("memory.events oom_kill", "0 → 0") },
  log: () => ({ records: [], problem: undefined, lost: false }),
  read: () => ({ problem: "ENOENT" }),
  ...{ output: undefined, own: { sent: [], problem: undefined }, argv: ["sh"], path: undefined, made: [], ran: 1000 },
} as unknown as Case;

describe("pids.events.local, since Linux 6.12", () => {
  const said = (own: string, ownLocal: string, above: string, aboveLocal: string) => {
    const top = "/sys/fs/cgroup/nowhere";
    const before = [level(top, { "pids.events": "max 5\n", "pids.events.local": "max 5\n" })];
    const after = [
      level(GROUP, { "pids.events": own, "pids.events.local": ownLocal }),
      level(top, { "pids.events": above, "pids.events.local": aboveLocal }),
    ];
    return pidsLimit({ ...base, chain: { before, after } } as unknown as Case).map(({ text }) => text);
  };
  test("the limit above refused", () =>
    assert.match(said("max 0\n", "max 0\n", "max 8\n", "max 8\n").join(), /3 forks were refused .* of \/sys\/fs\/cgroup\/nowhere, above/));
  test("it refused nothing more", () => assert.deepEqual(said("max 0\n", "max 0\n", "max 5\n", "max 5\n"), []));
  test("its own refused, which counts above too", () =>
    assert.doesNotMatch(said("max 2\n", "max 2\n", "max 7\n", "max 5\n").join() || "nothing", /, above|nothing/));
});

describe("the end of another program's container", () => {
  const told = evidence("/proc/100/stat exit_code", "killed by SIGKILL");
  const sender = { signal: 9, pid: 7, name: "node", at: 0, line: "node-7 … sig=9" };
  const victim = { at: 0, line: "dd-100 … mark_victim: pid=100" };
  const counted = { ...base, oomKills: { by: 1, absent: false, evidence: evidence("memory.events oom_kill", "0 → 1") } };
  const lost = { ...counted, log: () => ({ records: [], problem: undefined, lost: true }) };
  const main = (c: Case, known: Partial<KnownEnd>) => judgeOthers(c, { status: 9, told, ...known })[0] as Finding;

  test("a traced sender is certain, and nothing is without it", () => {
    assert.deepEqual([main(base, { sender }).code, main(base, { sender }).certain], ["killed-by-sender", true]);
    assert.equal(main(base, {}).code, "killed-by-somebody");
    const unknown = { status: undefined, told: { source: "pidfd", value: undefined, problem: "ESRCH", rule: "x" } };
    assert.equal(main(base, { ...unknown, sender }).certain, false);
  });

  test("a status that nobody has, after a signal of contain-oci", () => {
    const sent = [{ signal: 15, command: "contain-oci kill", pid: 7, parent: "podman (PID 6)", target: undefined, at: 0 }];
    const unknown = { status: undefined, told: { source: "pidfd", value: undefined, problem: "ESRCH", rule: "x" } };
    const found = main({ ...base, own: { sent, problem: undefined } } as Case, unknown);
    assert.deepEqual([found.code, found.certain], ["ended-after-signal", false]);
  });

  test("whom the OOM killer chose: only where the log is lost, it has taken one, and nobody sent a SIGKILL before", () => {
    const codes = ([c, known]: readonly [Case, Partial<KnownEnd>]) => [main(c, known).code, main(c, known).certain];
    assert.deepEqual(codes([lost, { victim }]), ["oom-cannot-tell", false]);
    assert.match(main(lost, { victim }).text, /was killed by the OOM killer\. By which limit: cannot tell/);
    assert.deepEqual(codes([lost, {}]), ["sigkill-cannot-tell", false]);
    assert.deepEqual(codes([lost, { victim, sender }]), ["killed-by-sender", true]);
    assert.deepEqual(codes([{ ...base, log: lost.log }, { victim }]), ["killed-by-somebody", true]);
  });

  test("its line in what is left of a log that lost others", () => {
    const records = ["Memory cgroup out of memory: Killed process 100 (dd) total-vm:9kB, anon-rss:5kB, file-rss:0kB, shmem-rss:0kB, UID:0"];
    const left = { ...counted, log: () => ({ records, problem: undefined, lost: true }) };
    assert.match(main(left, {}).text, /\(dd\) was killed by the OOM killer/);
    assert.equal(main({ ...left, log: () => ({ records, problem: "EPERM", lost: false }) }, {}).code, "sigkill-cannot-tell");
  });
});

describe("last words that no limit of the kernel explains", () => {
  const root = { ...program, status: "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nGroups:\t\nCapEff:\tffffffffffffffff\n" };
  const said = (output: string) => lastWords({ ...base, output, seen: { ...base.seen, program: root } }, false);
  test("a refused fork of root, to which RLIMIT_NPROC does not apply", () => {
    const [one] = said("sh: fork: Resource temporarily unavailable\n");
    assert.deepEqual([one?.code, one?.certain], ["hint-fork-refused", false]);
    assert.match(one?.text ?? "", /cannot tell which: RLIMIT_NPROC \S+ \(not for its capabilities\)/);
  });
  test("a descriptor, and a fanotify group that may be one too many", () => {
    const text = (line: string) => said(`${line}: Too many open files\n`)[0]?.text ?? "";
    assert.match(text("accept"), /RLIMIT_NOFILE of the process was reached/);
    assert.match(text("fanotify_init"), /max_fanotify_groups or RLIMIT_NOFILE .*cannot tell/);
  });
  test("a network that cannot be reached, by IPv6 and otherwise", () => {
    const fix = (line: string) => lastWords({ ...base, made: ["net"], output: line }, false)[0]?.fix ?? "";
    assert.match(fix("connect to 2001:db8::1 port 80: Network is unreachable"), /^--net host: --net veth has IPv4 alone$/);
    for (const line of ["10:20:30 connect: Network is unreachable", "std::connect 192.0.2.1:80: ENETUNREACH"])
      assert.match(fix(line), /^--net veth or/);
  });
  test("an error in a line that is indented is no trace of calls", () => {
    const code = (output: string) => said(output)[0]?.code;
    assert.equal(code("make:\n  accept: Too many open files\n"), code("accept: Too many open files\n"));
  });
  test("the heap of a runtime", () => {
    const [one] = said("FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n");
    assert.equal(one?.code, "hint-heap-limit");
  });
});
