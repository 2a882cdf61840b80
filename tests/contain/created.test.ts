// contain create, contain start, and contain restart of what has ended: one id, one name and one log for lives under several supervisors.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, describe, test } from "node:test";
import { NO_LAUNCHER, newContext, readOptions } from "../../packages/chain/src/index.ts";
import { sumTraffic } from "../../packages/contain/src/network/traffic.ts";
import { keptWords } from "../../packages/contain/src/run/kept.ts";
import { runOptions } from "../../packages/contain/src/run/options.ts";
import { detached, folder, ids, inspect } from "../helpers/detached.ts";
import { need } from "../helpers/need.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { type RunOptions, run, sh } from "../helpers/run.ts";
import { eventually } from "../helpers/wait.ts";

const dir = scratch("created");
const rootfs = makeRootfs(dir);
const contain = (...words: string[]) => run(["contain", ...words]);
const out = (...words: string[]) => {
  const { status, stdout, stderr } = contain(...words);
  assert.equal(status, 0, stderr);
  return stdout;
};
/** From a relative rootfs, as a person would type it. */
const create = (words: readonly string[], how: RunOptions = {}) => {
  const { status, stdout, stderr } = run(["contain", "create", "-q", "--rootfs", "./rootfs", ...words], { cwd: dirname(rootfs), ...how });
  assert.equal(status, 0, stderr);
  ids.push(stdout.trim());
  return stdout.trim();
};
const status = (id: string) => inspect(id).status;

test("the words are kept with the values of the environment, and without what is kept otherwise", () => {
  writeFileSync(join(dir, "file"), "F=1\nHAD\n");
  const given = readOptions(runOptions, [
    ...[
      "-d",
      "--name",
      "web",
      "--preserve-fds",
      "2",
      "-t",
      "-m",
      "64M",
      "-v",
      "a:/b",
      "--overlay",
      "-e",
      "E=x=y",
      "-e",
      "HAD",
      "-e",
      "NOT",
    ],
    ...["--env-file", join(dir, "file"), "--", "sh", "-c", "true"],
  ]);
  const { words } = keptWords(newContext(NO_LAUNCHER, { HAD: "had" }), given, "0123456789ab");
  const env = ["--env=F=1", "--env=HAD=had", "--env=E=x=y", "--env=HAD=had"];
  assert.deepEqual(words, ["--detach", "--tty", "--memory=64M", "--volume=a:/b", "--overlay", ...env, "--", "sh", "-c", "true"]);
});

test("traffic is that of all interfaces but loopback", () => {
  const text = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     700       7    0    0    0     0          0         0      700       7    0    0    0     0       0          0
  eth0:    1006      13    0    0    0     0          0         0     2006      15    0    0    0     0       0          0
eth1.5:40000000000    1    0    0    0     0          0         0        5       1    0    0    0     0       0          0
`;
  assert.deepEqual(sumTraffic(text), { receivedBytes: 40000001006, sentBytes: 2011 });
});

describe("contain create and start", need("root"), () => {
  test("the record alone; then a life, and another one, with the words, the environment and the directory of `create`", () => {
    const id = create(["--name", "first", "-e", "SECRET", "--", "sh", "-c", 'echo "$SECRET"; exit 3'], { env: { SECRET: "s3" } });
    assert.equal(status(id), "created");
    assert.match(out("list"), new RegExp(`${id}  first +- +created `));
    assert.equal(statSync(join(folder(id), "state.json")).mode & 0o777, 0o600);
    assert.ok(!out("inspect", id).includes('"kept"'));
    assert.deepEqual(contain("stop", id).status, 0);
    for (const words of [["kill"], ["wait"], ["logs"], ["attach"], ["wait", "--health"]]) {
      const { status, stderr } = contain(...words, id);
      assert.deepEqual([status, /its status is created\n +it has not been started: contain start first/.test(stderr)], [125, true], stderr);
    }
    assert.match(contain("create", "--name", "first", "--", "true").stderr, /name already in use: first/);
    out("rename", "first", "second");
    out("start", "second");
    assert.equal(contain("wait", id).stdout, "3\n");
    assert.equal(contain("stop", id).status, 0);
    assert.match(
      out("explain", id),
      /^second, which ended at .*\n\nHow it ended\n +- it has ended: exit status 3\n +- PID 1 \(sh\) exited with 3 by itself\n$/,
    );
    const other = "9999999abcde"; // a number is a PID, and not the beginning of its id
    after(() => rmSync(folder(other), { recursive: true, force: true }));
    mkdirSync(folder(other));
    writeFileSync(
      join(folder(other), "state.json"),
      readFileSync(join(folder(id), "state.json"), "utf8")
        .replaceAll(id, other)
        .replace('"second"', '"other"'),
    );
    assert.match(out("explain", "9999999a"), / which ended at /);
    assert.match(contain("explain", "9999999").stderr, /^contain: there is no process 9999999\n/);
    const again = contain("start", "-a", "second");
    assert.deepEqual([again.status, again.stdout], [3, "s3\n"]);
    assert.equal(contain("restart", id).status, 0);
    assert.equal(contain("wait", id).stdout, "3\n");
    assert.deepEqual([out("logs", id), out("inspect", "-f", "{{.Name}}", id)], ["s3\n".repeat(3), "/second\n"]);
  });

  test("a start that fails leaves what was there: the old verdict, or the record", () => {
    const [id, never] = [detached(["--rootfs", "./rootfs", "--", "sleep", "1000"], { cwd: dirname(rootfs) }), create(["--", "no-such"])];
    out("start", id); // it runs: nothing to do
    out("kill", id);
    assert.equal(contain("wait", id).stdout, "137\n");
    const before = readFileSync(join(folder(id), "state.json"), "utf8");
    renameSync(rootfs, `${rootfs}.gone`);
    const { status: failed, stderr } = contain("start", id);
    renameSync(`${rootfs}.gone`, rootfs);
    assert.deepEqual([failed, /no such directory/.test(stderr)], [125, true], stderr);
    assert.equal(readFileSync(join(folder(id), "state.json"), "utf8"), before);
    const both = contain("start", never, id);
    assert.deepEqual([both.status, status(never), status(id)], [127, "created", "running"], both.stderr);
    assert.equal(inspect(id).ended, undefined);
    out("rm", never);
  });

  test("the supervisor was killed: `start` removes what it left; a second one that comes at the same time is told", async () => {
    const id = create(["--name", "once", "--net", "veth", "--", "sleep", "1000"]);
    out("start", id);
    process.kill(inspect(id).supervisor.pid, "SIGKILL");
    await eventually(() => status(id) === "dead", "dead");
    const heir = create(["--name", "once", "--", "true"]);
    const { status: failed, stderr } = contain("start", id);
    assert.deepEqual([failed, stderr.includes(`name already in use: once, by container ${heir}`)], [125, true], stderr);
    out("rm", heir);
    const { stdout } = sh(`for i in 1 2 3; do contain start ${id} 2>&1 & done; wait`);
    assert.doesNotMatch(stdout, /^(?!contain: [0-9a-f]{12} was started by another process meanwhile$)./m);
    assert.equal(status(id), "running");
    assert.match(out("stats", "--format", "{{.NetIO}}", id), /^\d.* \/ \d/);
    out("rm", "-f", id);
    assert.equal(run(["find", "/sys/fs/cgroup", "-name", `contain-${id}`]).stdout, "");
  });

  test("--rm counts from the first start; a terminal is attached; a profile from a pipe is kept", () => {
    const gone = create(["--rm", "--", "true"]);
    out("start", gone);
    contain("wait", gone);
    assert.equal(contain("start", gone).status, 125);
    const terminal = create(["-t", "--", "sh", "-c", "read line; echo got $line; exit 5"]);
    const { status: ended, stdout } = run(["contain", "start", "-ai", terminal], { input: "word\n" });
    assert.deepEqual([ended, /got word\r\n/.test(stdout)], [5, true], stdout);
    const short = create(["-t", "--", "sh", "-c", "exit 6"]); // it may end before, while and after its terminal is asked for
    for (let i = 0; i < 3; i++) assert.equal(contain("start", "-a", short).status, 6);
    const lost = create(["--rm", "--", "true"]);
    assert.match(contain("start", "-a", lost).stderr, /^(contain: \w+: unknown exit status\n +its state was removed\n)?$/);
    const profile = JSON.stringify({
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO" }],
    });
    const confined = create(["--confine", "--seccomp", "/dev/stdin", "--", "mkdir", "/tmp/x"], { input: profile });
    assert.match(contain("start", "-a", confined).stdout, /Operation not permitted/);
  });

  test("contain events: created once, then a start and an end for each life", () => {
    const own = ["--root", join(dir, "told")];
    out(...own, "events", "--until", "0s"); // from now on they are kept
    const id = out(...own, "create", "-q", "--rootfs", rootfs, "--", "true").trim();
    for (const command of ["start", "restart"]) {
      out(...own, command, id);
      out(...own, "wait", id);
    }
    out(...own, "rm", id);
    const found = out(...own, "events", "--since", "1h", "--until", "0s").matchAll(/^\S+Z container (\w+) [0-9a-f]{12} /gm);
    const actions = Array.from(found, ([, action]) => action);
    const isOwn = (action = "") => action === "restart"; // told by the command: `true` may have ended before
    assert.deepEqual(
      actions.filter((action) => !isOwn(action)),
      ["create", "start", "die", "start", "die", "destroy"],
    );
    assert.equal(actions.filter(isOwn).length, 1);
    const gone = out(...own, "run", "-qd", "--rm", "--rootfs", rootfs, "--", "sleep", "1000").trim();
    out(...own, "rm", "-f", gone);
    const told = out(...own, "events", "--since", "1h", "--until", "0s");
    assert.equal(told.match(new RegExp(` destroy ${gone} `, "g"))?.length, 1, told);
  });

  test("a working directory that was removed: 125, in our words", () => {
    const gone = join(dir, "gone");
    const { stdout } = sh(`mkdir ${gone}; cd ${gone}; rmdir ${gone}; contain create --rootfs ${rootfs} -- true 2>&1; echo $?`);
    assert.match(stdout, /contain: the working directory, where .*: ENOENT\n +it was removed: change to another one\n125\n$/);
  });

  for (const [words, wanted] of [
    [["start"], /missing container/],
    [["start", "-a", "a", "b"], /no such container: a/],
    [["start", "--detach-keys", "x", "a"], /Ctrl-P Ctrl-Q/],
    [["create", "--rootfs", rootfs], /missing program/],
    [["create", "--rootfs", "/no/such", "--", "true"], /no such directory/],
  ] as const)
    test(`${words.join(" ")}: 125, and nothing is made`, () => {
      const own = ["--root", join(dir, "states")];
      const { status: failed, stderr } = contain(...own, ...words);
      assert.deepEqual([failed, out(...own, "list", "-q")], [125, ""]);
      assert.match(stderr, wanted);
    });
});
