// `contain watch`: processes and groups of others, followed from outside. Groups are named as engines name them.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { hierarchy, makeGroup } from "../helpers/group.ts";
import { need } from "../helpers/need.ts";
import { scratch } from "../helpers/rootfs.ts";
import { NOBODY, run, sh } from "../helpers/run.ts";
import { checkSchema } from "../helpers/schemas.ts";
import { start } from "../helpers/started.ts";
import { eventually, pause } from "../helpers/wait.ts";

const dir = scratch("watch");
const states = join(dir, "states");
const env = { CONTAIN_ROOT: states };
const canTrace = sh("unshare -m mount -t tracefs tracefs /sys/kernel/tracing").status === 0;

/** Where limits on memory can be set: on either version of cgroups. */
const memory = [
  {
    top: "/sys/fs/cgroup/memory",
    limit: "memory.limit_in_bytes",
    swap: ["memory.memsw.limit_in_bytes", "16M"],
    is: existsSync("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
  },
  {
    top: hierarchy,
    limit: "memory.max",
    swap: ["memory.swap.max", "0"],
    is: /\bmemory\b/.test(sh(`cat ${hierarchy}/cgroup.subtree_control`).stdout),
  },
].find(({ is }) => is);

interface Event {
  readonly event: string;
  readonly id: string;
  readonly engine: string;
  readonly pid: number;
  readonly argv: readonly string[];
  readonly status?: number;
  readonly verdict?: readonly { readonly code: string; readonly text: string; readonly certain: boolean }[];
}

const events = (stdout: string): Event[] =>
  stdout
    .split("\n")
    .filter(Boolean)
    .map((line) => {
      const event = JSON.parse(line) as Event;
      checkSchema("watch", event);
      return event;
    });

/** A container's ID, 64 digits. */
const hex = (text: string) => Buffer.from(text).toString("hex").padEnd(64, "0").slice(0, 64);

/** A process that is no child of `contain watch`; it ends with the test. */
function script(t: TestContext, text: string): ChildProcess & { readonly pid: number } {
  const child = spawn("/bin/sh", ["-c", text], { stdio: ["pipe", "ignore", "inherit"] });
  t.after(() => child.kill("SIGKILL"));
  return child as ChildProcess & { readonly pid: number };
}

function watch(t: TestContext, ...words: readonly string[]) {
  const watching = start(`CONTAIN_ROOT=${states} exec contain watch ${words.join(" ")}`);
  t.after(() => watching.child.kill("SIGKILL"));
  return watching;
}

/** One group, as podman would name it, with a process that waits for a line on its standard input. */
function podman(t: TestContext, top: string, name: string, then: string) {
  const group = `${top}/libpod-${hex(name)}.scope`;
  mkdirSync(group);
  return script(t, `echo $$ >${group}/cgroup.procs; exec 2>/dev/null; read go; ${then}`);
}

describe("contain watch", need("root"), () => {
  test("a process: who killed it, and its memory for contain explain", async (t) => {
    const { pid } = script(t, "exec sleep 1000");
    const watching = watch(t, "--json", `${pid}`);
    await watching.shows('"watching"');
    process.kill(pid, "SIGKILL");
    assert.equal(await watching.ended, 0, "all that were named have ended");
    const [followed, ended] = events(watching.output().stdout);
    assert.deepEqual([followed?.argv, followed?.pid], [["sleep", "1000"], pid]);
    assert.deepEqual([ended?.event, ended?.pid, ended?.status], ["ended", pid, 137]);
    const [main] = ended?.verdict ?? [];
    const text = canTrace
      ? `was killed by SIGKILL, which node \\(PID ${process.pid}\\) sent`
      : "was killed by a SIGKILL that a process sent";
    assert.match(main?.text ?? "", new RegExp(text));
    assert.equal(main?.code, canTrace ? "killed-by-sender" : "killed-by-somebody");
    assert.match(run(["contain", "explain", `${pid}`], { env }).stdout, new RegExp(`it has ended: killed by SIGKILL[^]*${text}`));
  });

  test("whom the OOM killer chose, where the kernel's log cannot be read", {
    skip: memory === undefined && "needs memory limits",
  }, async (t) => {
    const group = `${memory?.top}/contain-test-watch-${process.pid}`;
    mkdirSync(group);
    const child = script(t, `echo $$ >${group}/cgroup.procs; read go; exec dd if=/dev/zero of=/dev/null bs=64M count=1`);
    t.after(async () => {
      child.kill("SIGKILL");
      await eventually(() => sh(`rmdir ${group}`).status === 0);
    });
    const [swap = "", most = ""] = memory?.swap ?? [];
    writeFileSync(`${group}/${memory?.limit}`, "16M");
    if (existsSync(`${group}/${swap}`)) writeFileSync(`${group}/${swap}`, most);
    await eventually(() => readFileSync(`${group}/cgroup.procs`, "utf8") === `${child.pid}\n`);
    const covered = "mount --bind /proc/1/mem /dev/kmsg";
    const watching = start(`exec unshare -m sh -c '${covered}; CONTAIN_ROOT=${states} exec contain watch --json ${child.pid}'`);
    t.after(() => watching.child.kill("SIGKILL"));
    await watching.shows('"watching"');
    child.stdin?.write("\n");
    assert.equal(await watching.ended, 0);
    const [main] = events(watching.output().stdout).find(({ event }) => event === "ended")?.verdict ?? [];
    const says = canTrace
      ? /^\S.* was killed by the OOM killer\. By which limit: cannot tell/
      : /By whom: cannot tell, the OOM killer took/;
    assert.match(main?.text ?? "", says);
    assert.equal(main?.certain, false);
  });

  test("--record: the record of one that is named, with the signals of others", async (t) => {
    const group = makeGroup("watch-record");
    t.after(() => group.remove());
    const child = podman(t, group.dir, "recorded", "exit 7");
    await eventually(() => group.processes().length === 1);
    const record = join(dir, "record");
    const watching = watch(t, "--json", "--record", record, hex("recorded"));
    await watching.shows('"watching"');
    child.kill("SIGKILL");
    assert.equal(await watching.ended, 0);
    const lines = readFileSync(record, "utf8").trimEnd().split("\n");
    const read = lines.map((line) => JSON.parse(line));
    const last = read.at(-1);
    assert.deepEqual(
      [read[0].event, read[0].id, read[0].group],
      ["start", hex("recorded"), `${group.dir}/libpod-${hex("recorded")}.scope`],
    );
    assert.ok(
      read.some(({ event }) => event === "sample"),
      lines.join("\n"),
    );
    assert.deepEqual([last.event, last.state, last.status, last.verdict.length], ["state", "exited", 137, 1]);
    const { stdout, status } = run(["contain", "report", record]);
    assert.equal(status, 0);
    assert.match(stdout, /killed by SIGKILL \(exit status 137\)/);
    if (canTrace) assert.match(stdout, new RegExp(`SIGKILL from node \\(PID ${process.pid}\\), to PID ${child.pid}$`, "m"));
    for (const words of [[], ["1", "2"]]) assert.equal(run(["contain", "watch", "--record", record, ...words], { env }).status, 125);
    assert.equal(run(["contain", "watch", "--record", join(dir, "no/where"), `${process.pid}`], { env }).status, 125);
  });

  test("by itself, and after a signal that it took", async (t) => {
    const [own, taken] = [script(t, "read go; kill -9 $$"), script(t, "trap 'exit 9' TERM; while :; do sleep 0.05; done")];
    const watching = watch(t, "--json", `${own.pid}`, `${taken.pid}`);
    await eventually(() => events(watching.output().stdout).length === 2);
    own.stdin?.write("\n");
    taken.kill("SIGTERM");
    assert.equal(await watching.ended, 0);
    const ended = events(watching.output().stdout).filter(({ event }) => event === "ended");
    const textOf = (pid: number) => ended.find((one) => one.pid === pid)?.verdict?.[0]?.text ?? "";
    assert.match(textOf(own.pid), canTrace ? /SIGKILL, which it sent itself$/ : /itself, another one inside, or one outside/);
    assert.match(textOf(taken.pid), canTrace ? /exited with 9 by itself, \S+ ms after SIGTERM, which node/ : /exited with 9 by itself$/);
  });

  test("all: containers that are there, and those that come; Ctrl-C ends it", async (t) => {
    const group = makeGroup("watch");
    t.after(() => group.remove());
    const old = podman(t, group.dir, "old", "exit 7");
    await eventually(() => group.processes().length === 1);
    const watching = watch(t, "--json");
    await watching.shows(hex("old"));
    const fresh = podman(t, group.dir, "fresh", "exit 0");
    await watching.shows(hex("fresh"));
    old.stdin?.write("\n");
    fresh.stdin?.write("\n");
    const ends = () =>
      events(watching.output().stdout).filter(({ event, id }) => event === "ended" && [hex("old"), hex("fresh")].includes(id));
    await eventually(() => ends().length === 2);
    const endOf = (name: string) => ends().find(({ id }) => id === hex(name));
    assert.deepEqual([endOf("old")?.engine, endOf("old")?.status], ["podman", 7]);
    assert.deepEqual([endOf("fresh")?.status, endOf("fresh")?.verdict], [0, []]);
    watching.child.kill("SIGINT");
    assert.equal(await watching.ended, 0);
    assert.match(run(["contain", "explain", hex("old").slice(0, 8)], { env }).stdout, /it has ended: exit status 7/);
    assert.match(run(["contain", "list", "--engines"], { env }).stdout, new RegExp(`^${hex("fresh").slice(0, 12)} .*exited \\(0\\)`, "m"));
  });

  test("by the names of groups: ctr's namespace, a pod of the kubelet, a unit of systemd", async (t) => {
    const group = makeGroup("watch-names");
    t.after(() => group.remove());
    const places = [
      ["containerd", "task-1", "default/task-1"],
      ["Kubernetes", hex("pod"), `kubepods/burstable/pod7/${hex("pod")}`],
      ["systemd", "web.service", "system.slice/web.service"],
    ] as const;
    const watching = watch(t, "--json");
    const made = places.map(([, id, path]) => {
      mkdirSync(join(group.dir, path), { recursive: true });
      return [id, script(t, `echo $$ >${group.dir}/${path}/cgroup.procs; read go; exit 9`)] as const;
    });
    for (const [id, child] of made) {
      await watching.shows(id);
      child.stdin?.write("\n");
    }
    const ids: readonly string[] = places.map(([, id]) => id);
    const ends = () => events(watching.output().stdout).filter(({ event, id }) => event === "ended" && ids.includes(id));
    await eventually(() => ends().length === places.length);
    for (const [engine, id] of places) {
      const end = ends().find((one) => one.id === id);
      assert.deepEqual([end?.engine, end?.status], [engine, 9]);
      assert.match(run(["contain", "explain", id], { env }).stdout, /it has ended: exit status 9/);
    }
    assert.match(run(["contain", "list", "--engines"], { env }).stdout, /^web\.service .*exited \(9\)/m);
  });

  test("a start of several processes, as runc makes it, is one container", async (t) => {
    const group = makeGroup("watch-steps");
    t.after(() => group.remove());
    const watching = watch(t, "--json");
    podman(t, group.dir, "before", "exit 0");
    await watching.shows(hex("before"));
    const steps = podman(t, group.dir, "steps", "(sleep 1; exit 5) & exit 0");
    await eventually(() => steps.pid > 0 && group.processes().includes(steps.pid));
    steps.stdin?.write("\n");
    const ends = () => events(watching.output().stdout).filter(({ event, id }) => event === "ended" && id === hex("steps"));
    await eventually(() => ends().length > 0);
    assert.deepEqual(
      ends().map(({ status, pid }) => [status, pid === steps.pid]),
      [[5, false]],
    );
  });

  test("an instance of the tracing is removed at the end, and after a kill -9 by the next one", {
    skip: canTrace ? false : "needs tracefs",
  }, async (t) => {
    const left = () => sh("unshare -m sh -c 'mount -t tracefs tracefs /sys/kernel/tracing && ls /sys/kernel/tracing/instances'").stdout;
    const { pid } = script(t, "exec sleep 1000");
    const killed = watch(t, `${pid}`);
    await eventually(() => left().includes(`contain-watch-${killed.child.pid}`));
    killed.child.kill("SIGKILL");
    await killed.gone;
    assert.match(left(), new RegExp(`contain-watch-${killed.child.pid}\\b`));
    const next = watch(t, `${pid}`);
    await eventually(() => left().includes(`contain-watch-${next.child.pid}`));
    assert.doesNotMatch(left(), new RegExp(`contain-watch-${killed.child.pid}\\b`));
    next.child.kill("SIGTERM");
    assert.equal(await next.ended, 143);
    assert.doesNotMatch(left(), new RegExp(`contain-watch-(${killed.child.pid}|${next.child.pid})\\b`)); // others may be watching
  });

  test("its reader goes, and standard input is closed", async (t) => {
    const { pid } = script(t, "exec sleep 1000");
    assert.equal(
      sh(`contain watch -v ${pid} <&- 2>/dev/null | head -c 1 >/dev/null & sleep 1; kill ${pid}; wait`, { env, timeout: 60_000 }).status,
      0,
    );
  });

  test("a memory that cannot be written is told, and the end is printed", async (t) => {
    const { pid } = script(t, "read go; exit 3");
    const broken = join(dir, "broken");
    mkdirSync(broken, { mode: 0o700 });
    writeFileSync(join(broken, "@ended"), "");
    const watching = start(`CONTAIN_ROOT=${broken} exec contain watch ${pid}`);
    t.after(() => watching.child.kill("SIGKILL"));
    await eventually(() => watching.output().stderr.includes("1 followed"));
    process.kill(pid, "SIGTERM");
    assert.equal(await watching.ended, 0);
    assert.match(watching.output().stdout, /ended: killed by SIGTERM/);
    assert.match(watching.output().stderr, /is not remembered: /);
  });

  for (const [words, fault] of [
    [["999999999"], /999999999/],
    [["nosuchunit"], /no such process, container or unit/],
    [["/tmp"], /\/tmp is not a group/],
    [["0"], /0 is no PID/],
    [["--jsno"], /--jsno/],
  ] as const)
    test(`${words.join(" ")}: 125`, () => {
      const { status, stderr } = run(["contain", "watch", ...words], { env, timeout: 100_000 });
      assert.equal(status, 125, stderr);
      assert.match(stderr, fault);
    });

  test("more groups than may be watched: a line says that some will be missed", () => {
    const limit = "echo 1 >/proc/sys/user/max_inotify_watches";
    const { stderr } = sh(`unshare -Ur sh -c '${limit}; CONTAIN_ROOT=${dir}/limited exec timeout -s INT 10 contain watch'`);
    assert.match(stderr, /^contain: \/.*: no more directories can be watched \(fs\.inotify\.max_user_watches\), so groups .* are missed$/m);
    assert.equal(stderr.match(/no more directories/g)?.length, 1);
  });

  test("an ordinary user is refused", () => {
    const { status, stderr } = run(["contain", "watch"], { ...NOBODY, env: { CONTAIN_ROOT: join(dir, "nobody") }, timeout: 100_000 });
    assert.deepEqual([status, /needs root/.test(stderr)], [125, true], stderr);
  });

  test("200 containers cost at most 1 % of a CPU", async (t) => {
    const group = makeGroup("watch-many");
    t.after(() => group.remove());
    for (let i = 0; i < 200; i++) mkdirSync(`${group.dir}/libpod-${hex(`many${i}`)}.scope`);
    const made = sh(`for g in ${group.dir}/*.scope; do (echo 0 >$g/cgroup.procs; exec sleep 1000 >/dev/null 2>&1 </dev/null) & done`);
    assert.equal(made.status, 0, made.stderr);
    await eventually(() => group.processes().length === 200);
    const watching = watch(t, "--json");
    await eventually(() => events(watching.output().stdout).length >= 200);
    const ticks = () => {
      const stat = readFileSync(`/proc/${watching.child.pid}/stat`, "latin1");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return Number(fields[11]) + Number(fields[12]);
    };
    // At rest: groups that others make on this host meanwhile wake it too.
    let used = Number.POSITIVE_INFINITY;
    for (let tries = 0; tries < 3 && used > 20; tries++) {
      const before = ticks();
      await pause(20_000); // two of its looks
      used = ticks() - before;
    }
    t.diagnostic(`${used} ticks of 2000`);
    assert.ok(used <= 20, `${used} ticks of 2000`);
  });
});
