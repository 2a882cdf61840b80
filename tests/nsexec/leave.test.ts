// nsexec --leave: when it ends, what it says and writes, and whose child goes on.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { afterEach, describe, test } from "node:test";
import { need } from "../helpers/need.ts";
import { commandOf, isAlive, stat, statusField } from "../helpers/proc.ts";
import { scratch } from "../helpers/rootfs.ts";
import { bin, NOBODY, run } from "../helpers/run.ts";
import { eventually } from "../helpers/wait.ts";

const dir = scratch("leave");
const nsexec = join(bin, "nsexec");
const pidFile = join(dir, "pid");

/** Runs nsexec without a pipe that the program could hold open. */
function leave(words: readonly string[], user: { readonly uid?: number; readonly gid?: number } = {}) {
  const errors = join(dir, "stderr");
  const fd = openSync(errors, "w", 0o666);
  const { status, signal } = spawnSync(nsexec, ["--leave", ...words], { stdio: ["ignore", "ignore", fd], timeout: 100_000, ...user });
  closeSync(fd);
  return { status: signal === null ? status : 128 + constants.signals[signal], stderr: readFileSync(errors, "utf8") };
}

const left: number[] = [];

/** What the PID file names; it is killed when the test is over. */
function leftPid(file = pidFile): number {
  const text = readFileSync(file, "utf8");
  assert.match(text, /^\d+$/);
  left.push(Number(text));
  return Number(text);
}

afterEach(async () => {
  for (const pid of left) if (isAlive(pid)) process.kill(pid, "SIGKILL");
  for (const pid of left.splice(0)) await eventually(() => !isAlive(pid));
  spawnSync("rm", ["-f", pidFile]);
});

describe("nsexec --leave", () => {
  for (const [name, words] of [
    ["a child in the caller's namespaces", []],
    ["with namespaces of its own", ["--pid", "--mount", "--uts", "--hostname", "left"]],
    ["with a map", ["--map-root-user", "--pid", "--mount-proc"]],
    ["behind pid1", ["--pid", "--", "pid1"]],
  ] as const) {
    test(`${name}: goes on alone, in a session of its own`, need("root"), () => {
      const all = words.some((word) => word === "--") ? words : [...words, "--"];
      const { status, stderr } = leave(["--pid-file", pidFile, ...all, "sleep", "60"]);
      assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
      const pid = leftPid();
      assert.ok(isAlive(pid));
      assert.equal(stat(pid, 6), `${pid}`, "session");
      assert.match(commandOf(pid), /^sleep 60$|pid1/);
    });
  }

  test("the nearest subreaper gets it, and its status: nothing is reaped here", need("python3"), () => {
    const script = `import ctypes, os, subprocess, sys
assert ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) == 0
assert subprocess.run(sys.argv[1:]).returncode == 0
pid, status = os.wait()
print(pid, os.waitstatus_to_exitcode(status))`;
    for (const program of ["exit 7", "sleep 0.2; exit 7"]) {
      const { stdout, stderr } = run(["python3", "-c", script, nsexec, "--leave", "--pid-file", pidFile, "--", "sh", "-c", program]);
      assert.equal(stdout, `${readFileSync(pidFile, "utf8")} 7\n`, stderr);
    }
  });

  test("as an ordinary user", need("root"), () => {
    const file = join(dir, "mine", "pid");
    spawnSync("install", ["-d", "-o", `${NOBODY.uid}`, join(dir, "mine")]);
    const { status, stderr } = leave(["--pid-file", file, "-rp", "--", "sleep", "60"], NOBODY);
    assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
    assert.equal(statusField(leftPid(file), "Uid").split("\t")[0], `${NOBODY.uid}`);
  });

  test("a PID file is replaced as a whole, and no draft stays", () => {
    writeFileSync(pidFile, "something longer than a number");
    assert.equal(leave(["--pid-file", pidFile, "--", "true"]).status, 0);
    leftPid();
    assert.deepEqual(
      readdirSync(dir).filter((name) => name.startsWith(".")),
      [],
    );
  });
});

describe("nsexec --leave tells what failed before PROG was reached", () => {
  writeFileSync(join(dir, "plain"), "");
  writeFileSync(
    join(dir, "deadly.json"),
    JSON.stringify({
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [{ names: ["execve"], action: "SCMP_ACT_KILL_PROCESS", args: [{ index: 1, value: 0, op: "SCMP_CMP_NE" }] }],
    }),
  );
  for (const [name, words, status, told] of [
    ["no such program", ["/nope"], 127, /^nsexec: "\/nope": no such file\n$/],
    ["not executable", [join(dir, "plain")], 126, /^nsexec: .*cannot be executed/],
    ["a step behind nsexec", ["pivot", "/proc/self", "--", "true"], 125, /^pivot: /],
    ["a word of a link behind", ["confine", "--caps", "nope", "--", "true"], 125, /^confine: /],
    ["a filter that kills", ["confine", "--seccomp", join(dir, "deadly.json"), "--", "true"], 128 + constants.signals.SIGSYS, /^$/],
  ] as const) {
    test(name, need("root"), () => {
      const result = leave(["--mount", "--pid-file", pidFile, "--", ...words]);
      assert.equal(result.status, status, result.stderr);
      assert.match(result.stderr, told);
      assert.equal(existsSync(pidFile), false);
    });
  }

  test("a PID file that cannot be written ends the child", need("root"), () => {
    const full = join(dir, "full");
    const script = `mkdir -p ${full}; mount -t tmpfs -o nr_inodes=1 none ${full} && exec ${nsexec} --leave --pid-file ${full}/pid -- sleep 987654`;
    const { status, stderr } = run(["unshare", "-m", "sh", "-c", script]);
    assert.equal(status, 125);
    assert.match(stderr, /--pid-file .*: cannot be written: ENOSPC/);
    assert.equal(spawnSync("pgrep", ["-f", "^sleep 987654"]).status, 1);
  });
});

describe("nsexec --leave that is ended itself", need("root", "python3"), () => {
  test("a signal before PROG was reached ends the child, and is what it ends by", () => {
    const agent = join(dir, "agent");
    const syscalls = [{ names: ["execve"], action: "SCMP_ACT_NOTIFY" }]; // nobody answers: the child waits in execve(2)
    writeFileSync(join(dir, "asks.json"), JSON.stringify({ defaultAction: "SCMP_ACT_ALLOW", listenerPath: agent, syscalls }));
    const script = `import array, json, os, signal, socket, subprocess, sys, time
listener = socket.socket(socket.AF_UNIX); listener.bind(sys.argv[1]); listener.listen()
child = subprocess.Popen(sys.argv[2:])
peer, _ = listener.accept()
text, control, _, _ = peer.recvmsg(65536, socket.CMSG_SPACE(4))
left = os.pidfd_open(json.loads(text)["pid"])
child.send_signal(signal.SIGWINCH); child.send_signal(signal.SIGTERM)
print(child.wait())
import select; print(len(select.select([left], [], [], 20)[0]))`;
    const words = [nsexec, "--leave", "--pid-file", pidFile, "--pid", "--", "confine", "--seccomp", join(dir, "asks.json"), "--", "true"];
    const { stdout, stderr } = run(["python3", "-c", script, agent, ...words]);
    assert.equal(stdout, "-15\n1\n", stderr);
    assert.equal(existsSync(pidFile), false);
  });
});

describe("nsexec --leave --tty", need("python3"), () => {
  test("the listener at --console-socket gets the master", () => {
    const script = `import array, os, select, socket, subprocess, sys
path = sys.argv[2] + "/console"
listener = socket.socket(socket.AF_UNIX); listener.bind(path); listener.listen()
assert subprocess.run([sys.argv[1], "--leave", "--tty", "--console-socket", path, "--", "sh", "-c", "tty; read x; echo got $x"]).returncode == 0
peer, _ = listener.accept()
data, control, _, _ = peer.recvmsg(4096, socket.CMSG_SPACE(4))
master = array.array("i", control[0][2])[0]
os.write(master, b"word\\n")
text = b""
while b"got word" not in text:
  select.select([master], [], [])
  text += os.read(master, 4096)
print(text.decode())`;
    const { stdout, stderr, status } = run(["python3", "-c", script, nsexec, dir]);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /\/dev\/pts\/\d+\r\n/);
  });
});
