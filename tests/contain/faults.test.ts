// Every system call of a container's start and end fails in turn, and every process dies at every call: each time the error is told
// without a stack trace, nothing hangs, and nothing is left.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { after, describe, test } from "node:test";
import { countCalls, type Fault, runWithFault } from "../helpers/faults.ts";
import { mounts, processes } from "../helpers/leftovers.ts";
import { need } from "../helpers/need.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { run } from "../helpers/run.ts";
import { isSecond } from "../helpers/second.ts";
import { within } from "../helpers/wait.ts";

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
const hostname = basename(dir); // marks the processes, groups and states of this file's containers
const argv = ["contain", "run", "--init", "--rootfs", rootfs, "--hostname", hostname, "--", "/bin/true"];

/** The states of this file's containers. */
function states(): { readonly group?: string }[] {
  const folder = "/run/contain";
  if (!existsSync(folder)) return [];
  return readdirSync(folder).flatMap((id) => {
    try {
      const text = readFileSync(`${folder}/${id}/state.json`, "utf8");
      return text.includes(rootfs) ? [JSON.parse(text) as { group?: string }] : [];
    } catch {
      return [];
    }
  });
}

/** What this file's containers left: mounts of the rootfs, processes that name it. */
function left(): string[] {
  return [...mounts(), ...processes()].filter((line) => line.includes(dir) && !line.includes("faults.test"));
}

async function nothingLeft(fault: string): Promise<void> {
  await within(30_000, () => left().length === 0);
  assert.deepEqual(left(), [], fault);
}

describe("faults", need("root", "strace"), async () => {
  const calls = countCalls(argv, isSecond ? ITS_OWN : SYSCALLS, dir);
  // Calls that Node makes by itself while it starts: it aborts or hangs when those fail.
  const runtime = countCalls(["nsexec", "--version"], SYSCALLS, dir);
  const faults: Fault[] = [];
  for (const [syscall, count] of calls) {
    for (let when = 1; when <= Math.min(count, 14); when++) {
      faults.push({ syscall, when, how: "signal=KILL" });
      if (when > (runtime.get(syscall) ?? 0)) faults.push({ syscall, when, how: "error=EPERM" });
    }
  }
  const queue = [...faults];

  after(() => {
    console.log(`fault matrix: ${faults.length} runs over ${calls.size} system calls`);
    const groups = states().map(({ group }) => group);
    run(["contain", "gc"]);
    assert.deepEqual(states(), [], "gc forgets the states of killed supervisors");
    assert.deepEqual(
      groups.filter((group) => group !== undefined && existsSync(group)),
      [],
      "and removes their groups",
    );
  });

  test(`each of ${faults.length} faults is told, and leaves nothing`, async () => {
    const worker = async () => {
      for (let fault = queue.shift(); fault !== undefined; fault = queue.shift()) {
        const name = `${fault.syscall} ${fault.how} when=${fault.when}`;
        const { status, signal, stderr } = await runWithFault(argv, fault);
        if (fault.how === "signal=KILL") continue;
        assert.notEqual(signal, "SIGKILL", `${name} hangs`);
        assert.doesNotMatch(stderr, /this is a bug|\n +at /, `${name}: ${stderr}`);
        assert.ok(status === 0 || (status !== null && stderr.length > 0), `${name}: silent, status ${status}`);
      }
    };
    await Promise.all([worker(), worker()]);
    await nothingLeft("after all faults");
  });
});
