// contain-oci: system calls of create, start, exec and delete fail in turn, or their process dies at them. Each time the error is one line without
// a stack trace, nothing hangs, and nothing is left once `delete --force` has been asked for.
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { countCalls, type Fault, runWithFault } from "../helpers/faults.ts";
import { mounts } from "../helpers/leftovers.ts";
import { need } from "../helpers/need.ts";
import { within } from "../helpers/wait.ts";
import { bundles } from "./bundle.ts";

const SYSCALLS = [
  ...["mount", "pivot_root", "unshare", "setns", "sethostname", "prctl", "pidfd_open", "pipe2", "openat2", "open_tree", "move_mount"],
  ...[
    "mount_setattr",
    "mkdir",
    "mkdirat",
    "rmdir",
    "rename",
    "renameat",
    "mknod",
    "mknodat",
    "symlinkat",
    "fchdir",
    "close_range",
    "fcntl",
  ],
  ...["clone3", "clone", "execve", "execveat", "wait4", "unlink", "unlinkat", "kill", "capset", "setgroups", "setresuid", "memfd_create"],
];
/** Of one call of one command; CONTAIN_FAULTS=all takes every one. `run` has the calls of create, start and delete. */
const { CONTAIN_FAULTS: most } = process.env;
const mostOf = (command: string) => (most === "all" ? 1000 : Number(most ?? (command === "run" ? 2 : 1)));

const { oci, bundle, leftOf, states, dir } = bundles("oci-faults");
const folder = bundle(["/bin/sleep", "1000"]);
const short = bundle(["/bin/true"]);
const argvOf = (command: string, id: string): string[] => {
  const words =
    { create: ["--bundle", folder, id], run: ["--bundle", short, id], start: [id], exec: [id, "/bin/true"], delete: ["--force", id] }[
      command
    ] ?? [];
  return ["contain-oci", "--root", states, command, ...words];
};
/** What has to be there before the command. */
const BEFORE: Readonly<Record<string, readonly string[]>> = {
  run: [], // create, start and delete in one: strace would wait for what create leaves behind
  start: ["create"],
  exec: ["create", "start"],
  delete: ["create", "start"],
};
const prepare = (command: string, id: string) => {
  for (const word of BEFORE[command] ?? []) assert.equal(oci(...argvOf(word, id).slice(3)).status, 0);
};

describe("contain-oci: faults", need("root", "strace"), () => {
  after(() =>
    assert.deepEqual(
      mounts().filter((line) => line.includes(dir)),
      [],
      "no mount is left",
    ),
  );

  for (const command of Object.keys(BEFORE)) {
    test(`${command}: each fault is told in one line, and leaves nothing`, async (t) => {
      prepare(command, "count");
      const calls = countCalls(argvOf(command, "count"), SYSCALLS, dir);
      oci("delete", "--force", "count");
      // Calls that the runtime makes by itself while it starts: it aborts when those fail.
      const runtime = countCalls(["contain-oci", "--version"], SYSCALLS, dir);
      const faults: Fault[] = [...calls].flatMap(([syscall, count]) =>
        Array.from({ length: count }, (_, at) => at + 1)
          .filter((when) => when > (runtime.get(syscall) ?? 0))
          .slice(0, mostOf(command))
          .flatMap((when): Fault[] => [
            { syscall, when, how: "error=EPERM" },
            { syscall, when, how: "signal=KILL" },
          ]),
      );
      assert.ok(faults.length > 1, `${[...calls]}`);
      const wrong: string[] = [];
      for (const [at, fault] of faults.entries()) {
        const id = `${command}-${at}`;
        prepare(command, id);
        const { status, signal, stderr } = await runWithFault(argvOf(command, id), fault);
        const name = `${fault.syscall} ${fault.how} when=${fault.when}`;
        if (fault.how !== "signal=KILL") {
          if (signal === "SIGKILL") wrong.push(`${name}: it hangs`);
          if (/this is a bug|\n +at /.test(stderr)) wrong.push(`${name}: ${stderr}`);
          // What fails behind `hold` is told by the container itself.
          if (status !== 0 && !/^(contain-oci: [^\n]+\n)+$|^confine: /.test(stderr))
            wrong.push(`${name}: status ${status}: ${JSON.stringify(stderr)}`);
          if (command === "run" && leftOf(id).length > 0 && !/is not all removed|cannot be removed|rmdir|, rm /.test(stderr))
            wrong.push(`${name}: left ${leftOf(id)} ${stderr}`);
        }
        const removed = oci("delete", "--force", id);
        await within(60_000, () => leftOf(id).length === 0);
        if (removed.status !== 0 || leftOf(id).length > 0) wrong.push(`${name}: left ${leftOf(id)} ${removed.stderr}`);
      }
      t.diagnostic(`${faults.length} faults of ${calls.size} system calls`);
      assert.deepEqual(wrong, []);
    });
  }
});
