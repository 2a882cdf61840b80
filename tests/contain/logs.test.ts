// The log of a detached container: what is in it, in which format, what `contain logs` shows of it, and what it costs.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { detached, folder, ids, inspect } from "../helpers/detached.ts";
import { need } from "../helpers/need.ts";
import { descendants, stat } from "../helpers/proc.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { bin, run, sh } from "../helpers/run.ts";
import { eventually } from "../helpers/wait.ts";

const dir = scratch("logs");
const rootfs = makeRootfs(dir);
const box = (script: string, ...options: string[]) => detached(["--rootfs", rootfs, ...options, "--", "sh", "-c", script]);

function ended(script: string, ...options: string[]): string {
  const id = box(script, ...options);
  run(["contain", "wait", id]);
  return id;
}

const logs = (id: string, ...options: string[]) => run(["contain", "logs", ...options, id]).stdout;
const supervisorOf = (id: string) => inspect(id).supervisor.pid;
const logFiles = (id: string) => readdirSync(folder(id)).filter((name) => /^log/.test(name));
const sizeOf = (id: string) => logFiles(id).reduce((sum, name) => sum + statSync(join(folder(id), name)).size, 0);

describe("a program's output", need("root"), () => {
  for (const [what, script, text] of [
    ["opens its standard output anew", "echo one; echo two >/dev/stdout; echo three", "one\ntwo\nthree\n"],
    ["truncates it", "echo one; : >/dev/stdout; truncate -s 0 /dev/stdout 2>/dev/null; echo two", "one\ntwo\n"],
    ["opens its standard error anew", "echo one >&2; echo two >/dev/stderr; echo three >&2", "one\ntwo\nthree\n"],
    ["ends without a newline", "printf 'a\\nb'", "a\nb"],
    ["has empty lines", "printf '\\n\\na\\n\\n'", "\n\na\n\n"],
    ["writes nothing", ":", ""],
    ["closes its output, and runs on", "echo one; exec >&- 2>&-; sleep 0.2", "one\n"],
    ["ends with a pipe that is full", `yes ${"x".repeat(63)} | head -c 65536`, `${"x".repeat(63)}\n`.repeat(1024)],
    ["writes bytes that are no text", "printf '\\377\\0\\n\\200'", "\ufffd\0\n\ufffd"],
  ] as const) {
    test(`is in its log when it ${what}`, () => {
      for (const init of [[], ["--init"]]) assert.equal(logs(ended(script, ...init)), text);
    });
  }

  test("is a line for each piece, in the CRI logging format, in order of time", () => {
    const id = ended("echo one; sleep 0.5; echo two >&2; sleep 0.5; printf three; sleep 0.5; echo four");
    const lines = readFileSync(join(folder(id), "log"), "utf8")
      .trimEnd()
      .split("\n");
    const entries = lines.map(
      (line) => /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z) (stdout|stderr) ([PF]) (.*)$/.exec(line)?.slice(1) ?? [],
    );
    assert.deepEqual(
      entries.map((entry) => entry.slice(1).join(" ")),
      ["stdout F one", "stderr F two", "stdout P three", "stdout F four"],
    );
    const times = entries.map(([time = ""]) => time);
    assert.deepEqual(times.toSorted(), times);
    assert.ok(Math.abs(Date.parse(times[0] ?? "") - Date.now()) < 60_000);
  });

  for (const options of [[], ["-t"]]) {
    test(`of 20 MB is whole ${options.join("")}`, () => {
      const id = box(`stty -opost 2>/dev/null; yes ${"x".repeat(99)} | head -c 20000000`, ...options);
      const sum = sh(`yes ${"x".repeat(99)} | head -c 20000000 | md5sum`).stdout;
      assert.equal(sh(`contain logs -f ${id} | md5sum`).stdout, sum);
      assert.equal(sh(`contain logs ${id} | md5sum`).stdout, sum);
    });
  }

  test("waits for a supervisor that is slow, and nothing is lost", async () => {
    const script = `until [ -e /mnt/go ]; do sleep 0.05; done; yes ${"x".repeat(99)} | head -c 2000000; echo end`;
    const id = box(script, "--volume", `${dir}:/mnt`);
    const supervisor = supervisorOf(id);
    process.kill(supervisor, "SIGSTOP");
    await eventually(() => stat(supervisor, 3) === "T", "it has stopped");
    writeFileSync(join(dir, "go"), "");
    const { init } = inspect(id);
    const pipeline = () => descendants(init.pid).map((pid) => stat(pid, 3));
    await eventually(() => pipeline().join("") === "SS", "it waits for its pipe, which is full");
    process.kill(supervisor, "SIGCONT");
    run(["contain", "wait", id]);
    assert.equal(logs(id).length, 2_000_004);
  });

  test("costs the supervisor little memory, whatever its lines are", async () => {
    const id = box("yes | head -c 4000000; head -c 20000000 /dev/zero; echo; echo end; sleep 60", "--log-size", "1M");
    await eventually(() => logs(id).endsWith("end\n"), "it has written");
    const rollup = readFileSync(`/proc/${supervisorOf(id)}/smaps_rollup`, "utf8");
    const own = [...rollup.matchAll(/^Private_Dirty: +(\d+) kB/gm)].reduce((sum, [, kb]) => sum + Number(kb), 0);
    assert.ok(own < 32 << 10, `${own} kB`);
    run(["contain", "kill", id]);
  });
});

describe("--log-size", need("root"), () => {
  for (const options of [[], ["-t"]]) {
    test(`keeps the newest lines within its bound, whole and without a gap ${options.join("")}`, async () => {
      const lines = 100_000;
      const script = `stty -opost 2>/dev/null; i=0; while [ $i -lt ${lines} ]; do i=$((i+1)); echo line $i; done; sleep 60`;
      const id = box(script, ...options, "--log-size", "1M");
      await eventually(() => logs(id, "--tail", "1") === `line ${lines}\n`, "it has written");
      assert.ok(sizeOf(id) <= 1 << 20 && sizeOf(id) > 3 << 18, `${sizeOf(id)} bytes`);
      const { stdout, stderr } = run(["contain", "logs", id]);
      const kept = stdout.trimEnd().split("\n");
      assert.ok(kept.length > 10_000, `${kept.length} lines`);
      assert.deepEqual(
        kept.filter((line, i) => line !== `line ${lines - kept.length + 1 + i}`),
        [],
      );
      assert.match(stderr, /^contain: older output was removed from the log/);
      run(["contain", "kill", id]);
      run(["contain", "wait", id]);
      assert.equal(logs(id), stdout);
    });
  }

  test("a reader that follows has all of it, however often the files change", () => {
    const id = box('i=0; while [ $i -lt 30000 ]; do i=$((i+1)); echo "line $i"; done', "--log-size", "2M");
    const { stdout, stderr } = run(["contain", "logs", "-f", id]);
    assert.equal(stderr, "");
    const lines = stdout.trimEnd().split("\n");
    assert.deepEqual([lines.length, lines.filter((line, i) => line !== `line ${i + 1}`)], [30_000, []]);
  });

  test("max keeps all; what is no bound is refused", () => {
    const id = ended("yes | head -c 300000", "--log-size", "max");
    assert.equal(logs(id).length, 300_000);
    for (const [words, message] of [
      [["-d", "--log-size", "1K"], /less than 64K/],
      [["-d", "--log-size", "much"], /--log-size: "much" is not a size/],
      [["--log-size", "1M"], /--log-size needs --detach/],
    ] as const) {
      const { status, stderr } = run(["contain", "run", ...words, "--rootfs", rootfs, "--", "true"]);
      assert.equal(status, 125);
      assert.match(stderr, message);
    }
  });

  test("a limit on the size of files is the caller's for each of them, and the newest lines are kept", () => {
    const script = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); echo line $i; done; exit 3";
    const { stdout, stderr } = sh(`ulimit -S -f 100; contain run -qd --rootfs ${rootfs} -- sh -c "$SCRIPT"`, { env: { SCRIPT: script } });
    assert.equal(stderr, "");
    const id = stdout.trim();
    ids.push(id);
    assert.equal(run(["contain", "wait", id]).status, 3);
    assert.equal(logs(id, "--tail", "1"), "line 20000\n");
    assert.equal(logFiles(id).length, 4);
    assert.equal(readFileSync(join(folder(id), "supervisor.log"), "utf8"), "");
  });

  test("a limit that is less than a line ends nothing", () => {
    const { stdout, stderr } = sh(`ulimit -S -f 4; contain run -qd --rootfs ${rootfs} -- sh -c 'head -c 20000 /dev/zero; exit 3'`);
    const id = stdout.trim();
    ids.push(id);
    assert.equal(run(["contain", "wait", id]).status, 3);
    // Who has started it is told as long as it waits.
    assert.match(stderr + readFileSync(join(folder(id), "supervisor.log"), "utf8"), /the log cannot be written \(EFBIG\): output is lost/);
  });

  test("on a full disk the oldest output goes, that is told, and the container ends as it would", () => {
    const script = `
      mount -t tmpfs -o size=600k none /run
      id=$(contain run -qd --rootfs ${rootfs} -- sh -c 'i=0; while [ $i -lt 30000 ]; do i=$((i+1)); echo line $i; done; exit 3')
      contain wait $id 2>/dev/null
      contain logs $id | tail -n 1
      contain logs $id 2>/dev/null | wc -l
      cat /run/contain/$id/supervisor.log
      contain list --all 2>/dev/null | grep -o 'exited (3)'`;
    const { stdout, stderr } = sh(`exec unshare --mount sh -c "$SCRIPT"`, { env: { SCRIPT: script } });
    assert.match(stderr, /^contain: older output was removed from the log/);
    const [status, last, count = 0] = stdout.split("\n");
    assert.deepEqual([status, last], ["3", "line 30000"]);
    assert.ok(Number(count) > 2000, `${count} lines`);
    assert.match(stdout, /the log's file system is full \(ENOSPC\): the oldest output is removed/);
  });
});

describe("contain logs", need("root"), () => {
  test("--since of longer ago than there are dates", () => {
    assert.equal(run(["contain", "logs", "--since", "9999999999h", id]).stdout, run(["contain", "logs", id]).stdout);
  });

  let id = "";
  let [first = "", middle = "", last = ""]: string[] = [];

  before(() => {
    id = ended("echo a; sleep 0.5; echo b >&2; sleep 0.5; echo c; sleep 0.5; echo d >&2; sleep 0.5; printf e");
    const times = readFileSync(join(folder(id), "log"), "utf8")
      .split("\n")
      .map((line) => line.slice(0, 30));
    [first = "", , middle = "", , last = ""] = times;
  });

  for (const [options, text] of [
    [[], "a\nb\nc\nd\ne"],
    [["--stdout"], "a\nc\ne"],
    [["--stderr"], "b\nd\n"],
    [["--stdout", "--stderr"], "a\nb\nc\nd\ne"],
    [["--tail", "0"], ""],
    [["--tail", "1"], "e"],
    [["--tail", "2"], "d\ne"],
    [["--tail", "99"], "a\nb\nc\nd\ne"],
    [["--tail", "all"], "a\nb\nc\nd\ne"],
    [["--tail", "1", "--stderr"], "d\n"],
    [["--tail", "2", "-f"], "d\ne"],
    [["--since", "1h"], "a\nb\nc\nd\ne"],
    [["--since", "2000-01-01"], "a\nb\nc\nd\ne"],
    [["--since", "2100-01-01 10:00"], ""],
    [["--until", "1h"], ""],
    [["--until", "2100-01-01T00:00:00+01:00"], "a\nb\nc\nd\ne"],
    [["--since", "MIDDLE"], "c\nd\ne"],
    [["--until", "MIDDLE"], "a\nb\nc\n"],
    [["--until", "MIDDLE", "--tail", "1"], "c\n"],
    [["--until", "MIDDLE", "-f"], "a\nb\nc\n"],
    [["--since", "MIDDLE", "--until", "MIDDLE"], "c\n"],
    [["--since", "FIRST", "--until", "LAST", "--stdout", "--tail", "2"], "c\ne"],
    [["-t", "--since", "MIDDLE", "--until", "MIDDLE"], "MIDDLE c\n"],
  ] as const) {
    test(`${options.join(" ")}`, () => {
      const filled = (word: string) => word.replace("FIRST", first).replace("MIDDLE", middle).replace("LAST", last);
      const { stdout, stderr, status } = run(["contain", "logs", ...options.map(filled), id]);
      assert.deepEqual([stdout, stderr, status], [filled(text), "", 0]);
    });
  }

  for (const [options, message] of [
    [["--tail", "-1"], /--tail -1: must be a number of lines, or all/],
    [["--tail", "x"], /--tail x: must be a number of lines, or all/],
    [["--since", "yesterday"], /--since: "yesterday" is not a time/],
    [["--until", "2026-13-01"], /--until: "2026-13-01" is not a time/],
    [["--until", "2026-11-30T"], /--until: "2026-11-30T" is not a time/],
  ] as const) {
    test(`${options.join(" ")} is refused`, () => {
      const { stderr, status } = run(["contain", "logs", ...options, id]);
      assert.equal(status, 125);
      assert.match(stderr, message);
    });
  }

  test("--tail finds its lines in older files, and in the middle of long ones", () => {
    const many = ended(
      'i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo "line $i"; done; head -c 300000 /dev/zero; echo',
      "--log-size",
      "1M",
    );
    assert.equal(logs(many, "--tail", "1").length, 300_001);
    for (const lines of [2, 100, 2500]) assert.match(logs(many, "--tail", `${lines}`), new RegExp(`^line ${3002 - lines}\n`));
    const older = ended('i=0; while [ $i -lt 5000 ]; do i=$((i+1)); echo "line $i"; done', "--log-size", "256K");
    assert.ok(logFiles(older).length === 4);
    for (const lines of [1, 10, 1000, 2000, 3000]) {
      const text = logs(older, "--tail", `${lines}`);
      assert.match(text, new RegExp(`^line ${5001 - lines}\n`));
      assert.match(text, /line 5000\n$/);
    }
  });

  test("-f goes on where no inotify instance is left, and through a stop and a continue", async () => {
    const one = box("while :; do echo line; sleep 0.1; done");
    const script = `echo 0 >/proc/sys/user/max_inotify_instances; exec contain logs -f ${one}`;
    const follower = spawn("unshare", ["-Ur", "sh", "-c", script], {
      env: { ...process.env, PATH: `${bin}:${process.env["PATH"]}` },
      stdio: ["ignore", "pipe", "inherit"],
    });
    let text = "";
    follower.stdout.on("data", (chunk) => {
      text += String(chunk);
    });
    const end = new Promise((resolve) => follower.on("close", resolve));
    await eventually(() => text.length > 20, "it follows");
    follower.kill("SIGSTOP");
    follower.kill("SIGCONT");
    const before = text.length;
    await eventually(() => text.length > before + 20, "it goes on");
    run(["contain", "kill", one]);
    await end;
    assert.equal(text, logs(one));
  });
});

describe("many detached containers", need("root"), () => {
  test("no supervisor holds an inotify instance, of which a user has 128", () => {
    for (const options of [[], ["-t"], ["--record", join(dir, "record")], ["--init"]]) {
      const id = box("sleep 60", ...options);
      const pid = supervisorOf(id);
      const files = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
      assert.deepEqual(
        files.filter((file) => /inotify/.test(file)),
        [],
        options.join(),
      );
      run(["contain", "kill", id]);
    }
  });

  test("150 run at once, and leave the host its inotify instances, of which a user has 128", { timeout: 300_000 }, () => {
    const count = 150;
    const pids = "grep -ho '\"supervisor\":{\"pid\":[0-9]*' /run/contain/*/state.json | grep -o '[0-9]*$'";
    const script = `
      mount -t tmpfs none /run
      seq ${count} | xargs -P 4 -I{} contain run -qd --rootfs ${rootfs} -- sleep 600 | sort -u | wc -l
      contain list | grep -c ' running '
      echo line >${dir}/tailed
      tail -f ${dir}/tailed >${dir}/read 2>&1 & tail=$!
      until [ -s ${dir}/read ]; do sleep 0.05; done; kill $tail; cat ${dir}/read
      all=$(${pids})
      for again in 1 2; do kill -INT $all; done
      for pid in $all; do while [ -d /proc/$pid ]; do sleep 0.1; done; done
      contain list | grep -c ' exited (137) '`;
    const { stdout, stderr } = sh(`exec unshare --mount sh -c "$SCRIPT"`, { env: { SCRIPT: script }, timeout: 280_000 });
    assert.deepEqual([stdout, stderr], [`${count}\n${count}\nline\n${count}\n`, ""]);
  });
});

describe("a state folder that is full", need("root"), () => {
  for (const [size, detach] of [
    ["4k", "-d"],
    ["8k", "-d"],
    ["16k", "-d"],
    ["24k", "-d"],
    ["4k", ""],
    ["8k", ""],
  ] as const) {
    test(`at the start, ${size} ${detach}: that is said, and nothing is left`, () => {
      const script = `mount -t tmpfs -o size=${size} none /run
        [ "${detach}" = -d ] || { mkdir -m 700 /run/contain; cat /dev/zero >/run/fill 2>/dev/null; }
        contain run -q ${detach} --rootfs ${rootfs} -- true; echo $?; ls -A /run/contain`;
      const { stdout, stderr } = sh(`exec unshare --mount sh -c "$SCRIPT"`, { env: { SCRIPT: script } });
      assert.equal(stdout, "125\n");
      assert.match(stderr, /^contain: the state folder \/run\/contain is full \(ENOSPC\)\n +free some space/);
    });
  }
});

describe("a state folder that is full at the end", need("root"), () => {
  for (const [size, filler] of [
    ["600k", "cat /dev/zero >/run/fill"],
    ["600k", "dd if=/dev/zero of=/run/fill bs=1k"],
  ] as const) {
    test(`has the status and the verdict all the same: ${filler}`, () => {
      const script = `
        mount -t tmpfs -o size=${size} none /run
        mkfifo ${dir}/fifo
        id=$(contain run -qd --rootfs ${rootfs} --volume ${dir}:/mnt -- sh -c 'echo begins; read x </mnt/fifo; echo $x >&2; exit 5')
        ${filler} 2>/dev/null
        echo goes on >${dir}/fifo
        rm ${dir}/fifo
        contain wait $id 2>&1
        contain list | grep -o 'exited (5)'
        contain inspect $id | grep -o '"code": "exit[a-z-]*"'
        contain rm $id; ls -A /run/contain`;
      const { stdout, stderr } = sh(`exec unshare --mount sh -c "$SCRIPT"`, { env: { SCRIPT: script } });
      assert.equal(stderr, "");
      assert.match(stdout, /^5\ncontain: verdict: PID 1 \(sh\) exited with 5 by itself\n[\s\S]*exited \(5\)\n"code": "exit[a-z-]*"\n$/);
    });
  }
});
