// `contain run --record` and `contain report`: what is written, by the real programs; what a hostile record can do to a page: nothing.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import manifest from "../../packages/contain/package.json" with { type: "json" };
import { clock, format } from "../../packages/record/page/format.ts";
import { need } from "../helpers/need.ts";
import { isAlive } from "../helpers/proc.ts";
import { scratch } from "../helpers/rootfs.ts";
import { bin, run, sh } from "../helpers/run.ts";
import { checkSchema } from "../helpers/schemas.ts";
import { eventually, pause } from "../helpers/wait.ts";
import { World } from "../helpers/world.ts";

interface Line {
  readonly t: number;
  readonly event: string;
  readonly [key: string]: unknown;
}

const dir = scratch("record");
const read = (file: string) =>
  readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .map((text) => {
      const line = JSON.parse(text) as Line;
      checkSchema("record", line);
      return line;
    });
const events = (file: string) => read(file).filter(({ event }) => event !== "sample" && event !== "start");
const names = (file: string) => events(file).map((line) => line["state"] ?? line["signal"]);

describe("contain run --record", need("root", "unshare", "nsenter"), () => {
  const world = new World("record");
  const file = join(dir, "rec");

  test("FILE that cannot be written: 125, and nothing has been started", () => {
    const marker = join(dir, "marker");
    const cidfile = join(dir, "cid");
    const words = ["--rw", "--cidfile", cidfile, "--", "touch", marker];
    const cases: readonly [string, RegExp][] = [
      [join(dir, "none/rec"), /: cannot be written: ENOENT\n.*nothing was started/],
      [dir, /: cannot be written: EISDIR/],
      [join(dir, "fifo"), /: cannot be written: ENXIO\n.*a FIFO needs a reader first/],
    ];
    run(["mkfifo", join(dir, "fifo")]);
    for (const [path, message] of cases) {
      for (const detach of [[], ["--detach"]]) {
        const { status, stderr } = world.run(["contain", "run", ...detach, "--record", path, ...words]);
        assert.equal(status, 125, path);
        assert.match(stderr, message);
        assert.equal(existsSync(marker) || existsSync(cidfile), false);
      }
    }
    assert.deepEqual(world.list(), []);
  });

  test("from the first line to the end: what is missing, samples, signals with their senders, the status; for the owner's eyes", async () => {
    const { supervisor, ended } = await world.start([
      ...["--record", file, "--env", "SECRET=canary", "--grace", "300ms", "--", "sh", "-c"],
      'trap "" TERM; trap : USR1; while :; do sleep 0.1; done',
    ]);
    const seen = (event: string) => read(file).filter((line) => line.event === event).length;
    await eventually(() => seen("sample") >= 3, "samples are written");
    process.kill(supervisor, "SIGUSR1");
    await eventually(() => names(file).includes("SIGUSR1"), "the signal is in the record");
    process.kill(supervisor, "SIGTERM");
    assert.equal(await ended, 137);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.equal(readFileSync(file, "utf8").includes("canary"), false, "no environment");
    const [start, ...rest] = read(file);
    assert.deepEqual([start?.event, start?.["interval"]], ["start", 250]);
    const kernel = readFileSync("/proc/sys/kernel/osrelease", "utf8").trim();
    assert.deepEqual([start?.["host"], start?.["kernel"], start?.["contain"]], [hostname(), kernel, manifest.version]);
    assert.ok(rest.every(({ t }, i) => t >= (rest[i - 1]?.t ?? start?.t ?? 0)));
    assert.deepEqual(names(file), ["started", "SIGUSR1", "SIGTERM", "SIGKILL", "exited"]);
    const [, first, second, , last] = events(file);
    assert.deepEqual(first?.["from"], { pid: process.pid, comm: readFileSync("/proc/self/comm", "utf8").trim() });
    assert.deepEqual([second?.["forwarded"], last?.["status"]], ["SIGTERM", 137]);
    const samples = rest.filter(({ event }) => event === "sample");
    assert.ok(samples.length >= 4, `${samples.length} samples`);
    assert.ok(samples.every((line) => "cpu.stat" in line));
    const { stdout } = run(["contain", "report", file]);
    assert.match(stdout, /^S +\S+ s SIGUSR1 from \S+ \(PID \d+\), passed on$/m);
    assert.match(stdout, /^K +\S+ s SIGKILL by the supervisor: the grace window is over$/m);
    assert.match(stdout, /^end +killed by SIGKILL/m);
    assert.match(JSON.stringify(last?.["verdict"]), /^\[{"code":"killed-by-grace"/);
    assert.match(stdout, /^verdict +PID 1 \(sh\) was killed by contain: the grace window after SIGTERM/);
  });

  test("a detached one, its pauses, and the stop by contain; nobody inside has the file open", () => {
    const { stdout: id } = world.run(["contain", "run", "-d", "--init", "--record", file, "--", "sleep", "100"]);
    const { stdout: text } = world.run(["contain", "inspect", id.trim()]);
    const { init } = JSON.parse(text) as { init: { pid: number } };
    const held = readdirSync(`/proc/${init.pid}/fd`).map((fd) => readlinkSync(`/proc/${init.pid}/fd/${fd}`));
    assert.equal(
      held.some((path) => path.includes(file)),
      false,
      `${held}`,
    );
    world.sh(`contain pause ${id.trim()}; contain unpause ${id.trim()}; contain stop ${id.trim()}; contain rm ${id.trim()}`);
    assert.deepEqual(names(file), ["started", "paused", "resumed", "SIGTERM", "exited"]);
    assert.equal(((events(file)[3]?.["from"] ?? {}) as { comm?: string }).comm, "contain");
  });

  test("one whose supervisor is killed, and one that never started, say so in the report", async () => {
    const { supervisor, pid, ended } = await world.start(["--record", file, "--", "sleep", "100"]);
    process.kill(supervisor, "SIGKILL");
    await ended;
    await eventually(() => !isAlive(pid));
    world.run(["contain", "gc"]);
    assert.match(run(["contain", "report", file]).stdout, /^end +not in the record/m);
    assert.equal(world.run(["contain", "run", "--record", file, "--", "/no/such/program"]).status, 127);
    assert.match(run(["contain", "report", file]).stdout, /^\| +\S+ s failed: /m);
  });

  test("a full disk costs lines, and they are counted; the container goes on, and ends with its own status", () => {
    assert.equal(run(["contain", "run", "-q", "--record", "/dev/full", "--", "sh", "-c", "exit 5"]).status, 5);
    const { stdout } = sh(`exec unshare -m --propagation private sh -c '
      mount -t tmpfs -o size=12k none /mnt; head -c 8k /dev/zero >/mnt/filler
      { contain run -q --record /mnt/rec -- sh -c "sleep 1.8; echo full; sleep 1 # ${"x".repeat(2500)}"; echo "status $?"; } | { read full; rm /mnt/filler; cat; }
      contain report /mnt/rec'`);
    assert.match(stdout, /^status 0$/m);
    assert.match(stdout, /^unreadable +1 line, left out$/m);
    assert.match(stdout, /^\? +\S+ s \d+ lines before this could not be written$/m);
    assert.match(stdout, /^end +exit status 0$/m);
  });

  test("it costs at most 1 % of a CPU", async (t) => {
    const nanoseconds = (pid: number) => Number(readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ")[0]);
    const { id, supervisor, ended } = await world.start(["--record", file, "--", "sleep", "100"]);
    await eventually(() => read(file).filter(({ event }) => event === "sample").length >= 2, "it has started");
    const before = nanoseconds(supervisor);
    await pause(4000);
    const perCent = (nanoseconds(supervisor) - before) / 40e6;
    world.run(["contain", "kill", id]);
    await ended;
    t.diagnostic(`${perCent.toFixed(2)} % of a CPU`);
    assert.ok(perCent > 0 && perCent <= 1, `${perCent} %`);
  });
});

describe("contain report", () => {
  const file = join(dir, "hostile");
  const out = join(dir, "out.html");
  const evil = '</script><script>alert(1)</script><img src="https://example.org/x" onerror=alert(1)>\u001b[31m\u202e@@DATA@@$&';
  const lines = (...more: unknown[]) =>
    [
      {
        t: 1e12,
        event: "start",
        id: evil,
        name: evil,
        argv: [evil, 7],
        limits: evil,
        host: evil,
        kernel: 7,
        missing: [{ what: evil, why: evil }, 3, null],
      },
      ...more,
    ]
      .map((line) => (typeof line === "string" ? line : JSON.stringify(line)))
      .join("\n");

  test("a page has no address in it, a policy that allows its own script alone, and nothing of the record is markup", () => {
    const hostile = [
      { t: 1e12, event: "sample", "memory.current": 1, "cpu.stat": { usage_usec: evil }, "pids.current": -1 },
      { t: 1e12 + 250, event: "sample", "memory.current": "9", "memory.stat": [1], __proto__: { x: 1 }, "cpu.max": evil },
      { t: 1e12 + 300, event: "signal", signal: evil, from: { pid: evil, comm: evil }, forwarded: evil },
      {
        t: 1e12 + 300,
        event: "state",
        state: "exited",
        reason: evil,
        verdict: [{ text: evil, fix: evil, evidence: [{ value: evil }, 7] }, [], { fix: 7 }],
      },
      { t: 1e12 + 310, event: "oom", oom: Number.NaN, oom_kill: evil },
      ...["{torn", "[]", "7", '{"t":"x","event":"sample"}', '{"t":1e300,"event":"signal"}', ""],
    ];
    writeFileSync(file, lines(...hostile));
    const { status, stderr } = run(["contain", "report", file, "-o", out]);
    assert.equal(status, 0, stderr);
    const page = readFileSync(out, "utf8");
    assert.equal(page.match(/<script/g)?.length, 2);
    assert.equal(page.includes("<img"), false);
    const own = page.replace(/<title>.*?<\/title>/s, "").replace(/<script type="application\/json".*?<\/script>/s, "");
    assert.doesNotMatch(own, /\b(src|href|action)\s*=|@import|url\(|\beval\b|\son\w+=(?!=)["']/i);
    const policy = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(page)?.[1] ?? "";
    assert.match(policy, /^default-src 'none';/);
    assert.doesNotMatch(policy, /unsafe|https?:|\*/);
    for (const [directive, pattern] of [
      ["script-src", /<script>([\s\S]*)<\/script>/],
      ["style-src", /<style>([\s\S]*)<\/style>/],
    ] as const) {
      const hash = createHash("sha256")
        .update(pattern.exec(page)?.[1] ?? "")
        .digest("base64");
      assert.ok(policy.includes(`${directive} 'sha256-${hash}'`), directive);
    }
    const data = /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(page)?.[1] ?? "";
    const model = JSON.parse(data) as { facts: [string, string][]; marks: { text: string }[]; verdict: { evidence: string[] }[] };
    assert.deepEqual(
      model.verdict.map(({ evidence }) => evidence.length),
      [1, 0],
    );
    assert.match(JSON.stringify(model), /alert\(1\)/); // it is there, as text
    assert.ok(model.marks.length === 3 && model.facts.some(([name, value]) => name === "unreadable" && value === "5 lines, left out"));
    const { stdout } = run(["contain", "report", file]);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    assert.doesNotMatch(stdout, /[\u0000-\u0009\u000b-\u001f\u202e]/);
  });

  test("what is no record is told, with 125, and no page is written", () => {
    rmSync(out, { force: true });
    const cases: readonly [content: string | undefined, message: RegExp][] = [
      [undefined, /cannot be read: ENOENT/],
      ["", /: not a record: it is empty/],
      ['{"t":1,"event":"sample"}\n', /its first line is not that of a record/],
      ["\u0000\u0001garbage", /its first line is not that of a record/],
    ];
    for (const [content, message] of cases) {
      rmSync(file, { force: true });
      if (content !== undefined) writeFileSync(file, content);
      const { status, stderr } = run(["contain", "report", file, "-o", out]);
      assert.equal(status, 125);
      assert.match(stderr, message);
      assert.equal(existsSync(out), false);
    }
    assert.match(run(["contain", "report", dir]).stderr, /cannot be read: EISDIR/);
    assert.equal(run(["contain", "report"]).status, 125);
    assert.match(run(["contain", "report", "a", "b"]).stderr, /unexpected argument: /);
    writeFileSync(file, lines());
    assert.match(run(["contain", "report", "-o", join(dir, "none/x"), file]).stderr, /--output .* cannot be written: ENOENT/);
  });

  test("a long record keeps its peaks, on the page and in the terminal", () => {
    const many = Array.from({ length: 50_000 }, (_, i) => ({
      t: 1e12 + i * 250,
      event: "sample",
      "memory.current": i === 33_333 ? 3 << 29 : i,
      "memory.max": 2 ** 31,
    }));
    writeFileSync(file, lines(...many));
    assert.match(run(["contain", "report", file]).stdout, /^memory +[▁-█]+ +most 1.5G of 2G$/m);
    run(["contain", "report", file, "-o", out]);
    assert.ok(statSync(out).size < 400_000, `${statSync(out).size} bytes`);
    assert.ok(readFileSync(out, "utf8").includes(`"last":49999,"most":${3 << 29}`));
  });

  test("the page's figures have units, and its clock times are as exact as their steps", () => {
    assert.deepEqual(
      [0, 1023, 64 * 1024 ** 2, 1.5 * 1024 ** 3].map((bytes) => format("bytes", bytes)),
      ["0 B", "1023 B", "64 MiB", "1.5 GiB"],
    );
    assert.deepEqual([format("percent", 33.333), format("count", 7)], ["33.3 %", "7"]);
    const at = new Date(2026, 0, 2, 3, 4, 5, 60).getTime();
    assert.deepEqual(
      [0.01, 0.1, 1, 60, 3600, 86400].map((step) => clock(at, step)),
      ["03:04:05.06", "03:04:05.0", "03:04:05", "03:04", "01-02 03:04", "01-02"],
    );
  });

  test("the chart is as wide as the terminal", need("script"), () => {
    writeFileSync(file, lines(...Array.from({ length: 300 }, (_, i) => ({ t: 1e12 + i, event: "sample", "memory.current": i }))));
    for (const columns of [60, 140]) {
      const { stdout } = run(["script", "-qec", `stty cols ${columns}; ${join(bin, "contain")} report ${file}`, "/dev/null"]);
      const row = /^memory .*$/m.exec(stdout)?.[0].trimEnd() ?? "";
      assert.ok(row.length <= columns && row.length > columns - 34, `${row.length} of ${columns}`);
    }
  });
});
