// Every system call of a container's start and end fails in turn, and every process dies at every call: each time the error is told
// without a stack trace, nothing hangs, and nothing is left.
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { countCalls, type Fault, runWithFault } from "../helpers/faults.ts";
import { mounts, processes } from "../helpers/leftovers.ts";
import { need } from "../helpers/need.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { isSecond } from "../helpers/second.ts";
import { within } from "../helpers/wait.ts";
import { World } from "../helpers/world.ts";

const SYSCALLS = [
  "mount",
  "umount2",
  "pivot_root",
  "unshare",
  "sethostname",
  "prctl",
  "pidfd_open",
  "pipe2",
  "openat2",
  "open_tree",
  "move_mount",
  "mount_setattr",
  "mkdir",
  "mkdirat",
  "rmdir",
  "rename",
  "mknod",
  "mknodat",
  "symlink",
  "symlinkat",
  "chdir",
  "fchdir",
  "close_range",
  "fcntl",
  "prlimit64",
  "setpgid",
  "clone3",
  "clone",
  "execve",
  "wait4",
  "waitid",
  "unlink",
];

/** Of the other runtime: those of the fork, the exec and what comes between. */
const ITS_OWN = ["clone3", "clone", "execve", "close_range", "fcntl", "prctl", "prlimit64", "setpgid", "wait4", "waitid", "pipe2"];

const dir = scratch("faults");
const rootfs = makeRootfs(dir);
const argv = ["contain", "run", "--init", "--rootfs", rootfs, "--", "/bin/true"];

/** What this file's containers left: mounts of the rootfs, processes that name it. */
const left = () => [...mounts(), ...processes()].filter((line) => line.includes(dir) && !line.includes("faults.test"));

describe("faults", need("root", "strace", "nsenter"), () => {
  const world = new World("faults-start");
  const place = (words: readonly string[]) => world.enter(words);
  after(() => {
    world.run(["contain", "gc"]);
    const { stdout } = world.sh(
      `ls -A /run/contain; ls -d ${world.top}/contain-* ${world.top}/*/contain-* 2>/dev/null; grep ${dir} /proc/self/mountinfo`,
    );
    assert.equal(stdout, "", "gc forgets the states of killed supervisors and removes their groups, and no mount is left");
  });

  test("each fault is told, and leaves nothing", async (t) => {
    const calls = countCalls(argv, isSecond ? ITS_OWN : SYSCALLS, dir, place);
    // Calls that Node makes by itself while it starts: it aborts or hangs when those fail.
    const runtime = countCalls(["nsexec", "--version"], SYSCALLS, dir);
    const faults: Fault[] = [];
    for (const [syscall, count] of calls) {
      for (let when = 1; when <= Math.min(count, 14); when++) {
        faults.push({ syscall, when, how: "signal=KILL" });
        if (when > (runtime.get(syscall) ?? 0)) faults.push({ syscall, when, how: "error=EPERM" });
      }
    }
    t.diagnostic(`fault matrix: ${faults.length} runs over ${calls.size} system calls`);
    const queue = [...faults];
    const worker = async () => {
      for (let fault = queue.shift(); fault !== undefined; fault = queue.shift()) {
        const name = `${fault.syscall} ${fault.how} when=${fault.when}`;
        const { status, signal, stderr } = await runWithFault(argv, fault, place);
        if (fault.how === "signal=KILL") continue;
        assert.notEqual(signal, "SIGKILL", `${name} hangs`);
        assert.doesNotMatch(stderr, /this is a bug|\n +at /, `${name}: ${stderr}`);
        assert.ok(status === 0 || (status !== null && stderr.length > 0), `${name}: silent, status ${status}`);
      }
    };
    await Promise.all([worker(), worker()]);
    await within(60_000, () => left().length === 0);
    assert.deepEqual(left(), []);
  });
});
