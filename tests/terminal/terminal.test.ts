// Keys, job control, hangups: a person at a terminal, played by tmux.
import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { need } from "../helpers/need.ts";
import { childrenOf, commandOf, descendants, isAlive, stat } from "../helpers/proc.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { run } from "../helpers/run.ts";
import { openTerminal, PROMPT, type Terminal } from "../helpers/terminal.ts";
import { eventually, pause, within } from "../helpers/wait.ts";

const dir = scratch("terminal");
const rootfs = makeRootfs(dir);

/** A way to start a program. With `init` the program is PID 1 itself, which the keys of its own group cannot end or stop (pid_namespaces(7)). */
const WAYS: readonly { readonly words: string; readonly init?: true }[] = [
  { words: "pid1" },
  { words: "pid1 -c" },
  { words: "nsexec --fork" },
  { words: "nsexec --foreground" },
  { words: "nsexec --pid" },
  { words: "nsexec --pid -- pid1" },
  { words: "nsexec --pid -- pid1 -c" },
  { words: `nsexec --pid --uts -- pivot ${rootfs} -- pid1` },
  { words: "contain run --quiet --init --" },
  { words: "contain run --quiet --", init: true },
  { words: "contain run --quiet --confine --", init: true },
];

/** So that everything a test shows is on the screen. */
const SIZE = { columns: 200, rows: 500 };

/** The terminal's foreground process group (tpgid). */
const foreground = (t: Terminal) => Number(stat(t.pid, 8));

async function shell(): Promise<Terminal> {
  const t = openTerminal(undefined, SIZE);
  await t.prompts(1);
  return t;
}

const COUNTER = `sh -c 'trap "echo got-it" INT; echo up; while :; do sleep 0.1; done'`;
// On the host no shell: dash starts `sleep` by vfork(2), and a Ctrl-Z between that and execve(2) hangs it, with us or without.
const TICKER = `perl -e '$|=1; while (1) { print "tick ", ++$i, "\\n"; select undef, undef, undef, 0.1 }'`;
const tickerFor = (words: string) =>
  words.includes("pivot ") ? `sh -c 'i=0; while :; do i=$((i+1)); echo tick $i; sleep 0.1; done'` : TICKER;
const isTicker = (pid: number) => /^(perl -e|sh -c i=0)/.test(commandOf(pid));
const caught = (t: Terminal) => t.screen().match(/got-it$/gm)?.length ?? 0;
const ticks = (text: string) => Number([...text.matchAll(/tick (\d+)/g)].at(-1)?.[1] ?? 0);

describe("terminal", { ...need("root", "tmux", "bash", "perl"), concurrency: 2 }, () => {
  for (const { words } of WAYS) {
    test(`Ctrl-C reaches the payload once, and nothing else: ${words}`, async () => {
      const t = await shell();
      const before = run(["stty", "-F", t.tty, "-a"]).stdout;
      t.type(`${words} ${COUNTER}`);
      await t.until(/^up$/m);
      const payload = descendants(t.pid).find((pid) => commandOf(pid).startsWith("sh -c trap")) ?? 0;
      const started = descendants(t.pid).filter((pid) => pid === payload || descendants(pid).includes(payload));
      for (let times = 1; times <= 2; times++) {
        t.press("C-c");
        await eventually(() => caught(t) >= times);
        await pause(300);
        assert.equal(caught(t), times);
      }
      assert.ok(started.every(isAlive), "all of the chain lives on");
      process.kill(payload, "SIGKILL");
      await t.prompts(2);
      await eventually(() => foreground(t) === t.pid, "the shell has its terminal again");
      assert.equal(run(["stty", "-F", t.tty, "-a"]).stdout, before, "the settings are those from before");
      await eventually(() => started.every((pid) => !isAlive(pid)), "nothing is left");
    });
  }

  for (const { words } of WAYS.filter((way) => way.init !== true)) {
    test(`Ctrl-Z, fg and bg work as for a plain program: ${words}`, async () => {
      const t = await shell();
      t.type(`${words} ${tickerFor(words)}`);
      await t.until(/tick 5/);
      t.press("C-z");
      await t.until(/Stopped/);
      await t.prompts(2);
      assert.equal(foreground(t), t.pid);
      const stopped = ticks(t.screen());
      await pause(500);
      assert.ok(ticks(t.screen()) <= stopped + 1, "it stands still");

      t.type("fg");
      await eventually(() => ticks(t.screen()) > stopped + 4, "it goes on");
      assert.notEqual(foreground(t), t.pid);
      t.press("C-z");
      await t.until(/Stopped[\s\S]*Stopped/);

      const again = ticks(t.screen());
      t.type("bg");
      await eventually(() => ticks(t.screen()) > again + 4, "it goes on in the background");
      assert.equal(foreground(t), t.pid, "the shell keeps its terminal");
      t.type("echo alive-$((40+2))");
      await t.until(/alive-42/);

      process.kill(descendants(t.pid).find(isTicker) ?? Number.NaN, "SIGKILL");
      await eventually(() => descendants(t.pid).length === 0);
      assert.equal(foreground(t), t.pid, "nobody takes the terminal from the shell when it ends");
      t.type("echo alive-$((40+3))");
      await t.until(/alive-43/);
    });
  }

  for (const { words } of WAYS) {
    test(`a background job that reads is stopped, and reads after fg: ${words}`, async () => {
      const t = await shell();
      t.type(`${words} sh -c 'x=$(head -n 1); echo got:$x' &`);
      await eventually(() => childrenOf(t.pid).some((pid) => stat(pid, 3) === "T"));
      assert.equal(foreground(t), t.pid, "it does not take the terminal");
      t.type("jobs");
      await t.until(/Stopped/);
      t.type("fg");
      await eventually(() => foreground(t) !== t.pid);
      t.type("hello"); // the terminal keeps it until somebody reads
      await t.until(/got:hello/);
      await eventually(() => foreground(t) === t.pid);
    });

    test(`a running background job can be had back, and reads: ${words}`, async () => {
      const t = await shell();
      t.type(`${words} sh -c 'trap go=1 USR1; echo up; while [ -z "$go" ]; do sleep 0.1; done; read x; echo got:$x' &`);
      await t.until(/up$/m);
      t.type("fg");
      await eventually(() => foreground(t) !== t.pid);
      process.kill(descendants(t.pid).find((pid) => commandOf(pid).startsWith("sh -c trap")) ?? Number.NaN, "SIGUSR1");
      t.type("hello");
      await t.until(/got:hello/);
    });
  }

  for (const { words, init } of WAYS) {
    test(`a script without job control goes on reading: ${words}`, async () => {
      const script = join(dir, `script-${words.replaceAll(/\W/g, "")}`);
      const kill9 = init ? "true" : "sh -c 'kill -9 $$'";
      writeFileSync(
        script,
        `${words} true\nread a\n${words} ${kill9}\nread b\n${words} sleep 1 &\nread c\nwait\nread d\necho "read:$a:$b:$c:$d"\n`,
      );
      const t = await shell();
      t.type(`bash ${script}`);
      for (const word of ["one", "two", "three", "four"]) t.type(word);
      await t.until(/read:one:two:three:four/);
      await t.prompts(2);
      assert.equal(foreground(t), t.pid);
    });

    test(`a hangup ends everything, under a shell and without one: ${words}`, async () => {
      for (const direct of [false, true]) {
        const t = direct ? openTerminal(`exec ${words} ${tickerFor(words)}`, SIZE) : await shell();
        if (!direct) t.type(`${words} ${tickerFor(words)}`);
        await t.until(/tick 3/);
        const all = [t.pid, ...descendants(t.pid)];
        t.hangUp();
        const gone = await within(30_000, () => !all.some(isAlive));
        const left = all.filter(isAlive);
        const names = left.map(commandOf);
        for (const pid of left) if (pid !== 0) process.kill(pid, "SIGKILL");
        assert.ok(gone, `left (direct ${direct}): ${names.join("; ")}`);
      }
    });
  }

  test("a hangup ends a PID 1 that happens to have all signals blocked at that moment, as a shell before it waits", async () => {
    const file = join(dir, "blocks.pl");
    writeFileSync(
      file,
      `use POSIX; $| = 1; my $all = POSIX::SigSet->new; $all->fillset;
       while (1) { print "tick\\n"; for my $how (SIG_BLOCK, SIG_UNBLOCK) { sigprocmask($how, $all); select undef, undef, undef, 0.05 } }`,
    );
    const hangUp = async () => {
      const t = await shell();
      t.type(`contain run --quiet -- perl ${file}`);
      await t.until(/tick\s+tick/);
      const all = [t.pid, ...descendants(t.pid)];
      t.hangUp();
      const gone = await within(30_000, () => !all.some(isAlive));
      for (const pid of all.filter(isAlive)) process.kill(pid, "SIGKILL");
      return gone;
    };
    assert.deepEqual(await Promise.all([hangUp(), hangUp(), hangUp(), hangUp(), hangUp(), hangUp()]), Array(6).fill(true));
  });

  test("a hangup ends it 20 times in a row, whether or not the shell that dies tells its jobs", { timeout: 120_000 }, async () => {
    const hangUp = async () => {
      const t = await shell();
      t.type(`contain run --quiet -- ${TICKER}`);
      await t.until(/tick 3/);
      const all = [t.pid, ...descendants(t.pid)];
      t.hangUp();
      const gone = await within(30_000, () => !all.some(isAlive));
      const left = all.filter(isAlive);
      for (const pid of left) process.kill(pid, "SIGKILL");
      return gone;
    };
    const ends: boolean[] = [];
    for (let i = 0; i < 5; i++) ends.push(...(await Promise.all([hangUp(), hangUp(), hangUp(), hangUp()])));
    assert.deepEqual(
      ends,
      Array.from({ length: 20 }, () => true),
    );
  });

  test("a job in the background that the shell has let go of outlives the terminal", async () => {
    const t = await shell();
    const file = join(dir, "disowned");
    t.type(`contain run --quiet --volume ${dir}:/mnt -- sh -c 'echo $$ >/mnt/disowned; exec sleep 321' & disown`);
    await eventually(() => existsSync(file));
    const all = descendants(t.pid);
    const sleeper = all.find((pid) => commandOf(pid) === "sleep 321") ?? 0;
    t.hangUp();
    await eventually(() => !isAlive(t.pid));
    await pause(500);
    assert.ok(isAlive(sleeper));
    process.kill(sleeper, "SIGKILL");
    await eventually(() => !all.some(isAlive));
  });

  test("an interactive shell in the chain has job control of its own", async () => {
    const t = await shell();
    t.type(`nsexec --pid --uts --hostname box -- pivot / -- pid1 env PS1='inner> ' bash --norc --noprofile -i`);
    await t.until(/^inner>/m);
    t.type("sleep 100");
    await t.foreground("sleep 100");
    t.press("C-c");
    await t.until(/(^inner>[\s\S]*){2}/m);
    t.type("hostname; ps -o pid= -p 1; echo status=$?");
    await t.until(/^box$[\s\S]*^ *1$/m);
    t.type("sleep 100");
    await t.foreground("sleep 100");
    t.press("C-z");
    await t.until(/Stopped/);
    t.type("exit");
    await t.until(/There are stopped jobs/);
    t.type("exit");
    await t.prompts(2);
    assert.equal(foreground(t), t.pid);
    assert.equal(descendants(t.pid).length, 0);
  });

  test("a link of a pipeline leaves the terminal to the pipeline", async () => {
    const t = await shell();
    t.type(`echo piped | nsexec --pid -- pid1 cat | cat; stty -F /dev/tty size; echo ${PROMPT.slice(0, 3)}-done`);
    await t.until(/^piped$[\s\S]*^500 200$[\s\S]*^rea-done$/m);
  });
});
