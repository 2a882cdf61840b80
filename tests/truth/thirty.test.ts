// The thirty failures of this folder's bar: where each is staged, and that it stands there beside others that look like it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { root } from "../helpers/run.ts";

/** Failure, the file, the names that it is staged under. */
const STAGED: readonly (readonly [string, string, ...string[]])[] = [
  ["a heap in /dev/shm", "vm/cases/truth.ts", "shm"],
  ["the limit of a grandparent", "vm/cases/truthabove.ts", "grandparent", "parent"],
  ["memory.high", "vm/cases/truth.ts", "high", "high-room"],
  ["pids.max of an ancestor", "vm/cases/truthforks.ts", "above"],
  ["RLIMIT_NPROC", "truth/calls.test.ts", "nproc", "nproc-init", "nproc-look"],
  ["page cache where nothing may swap", "vm/cases/truthabove.ts", "cache", "cache-kept"],
  ["OOM of what exec started", "vm/cases/truthforks.ts", "exec-oom"],
  ["memory.oom.group", "vm/cases/truth.ts", "group-init", "group-outside"],
  ["exit 137", "truth/ours.test.ts", "exit-137"],
  ["kill -9 from outside", "truth/ours.test.ts", "outside"],
  ["kill -9 by a sibling", "truth/ours.test.ts", "sibling"],
  ["kill -9 by itself", "truth/ours.test.ts", "itself"],
  ["SIGTERM blocked", "truth/stop.test.ts", "blocked"],
  ["SIGTERM ignored while it starts", "truth/stop.test.ts", "late"],
  ["a handler that waits for a child in state D", "vm/cases/truthforks.ts", "frozen", "slow"],
  ["sh -c 'a | b'", "truth/stop.test.ts", "pipeline"],
  ["a script without #!", "explain/verdict.test.ts", "text"],
  ["CRLF", "truth/words.test.ts", "crlf", "env-crlf"],
  ["a program for aarch64", "truth/calls.test.ts", "foreign", "env-foreign"],
  ["no loader", "explain/verdict.test.ts", "no-loader"],
  ["noexec", "explain/verdict.test.ts", "noexec"],
  ["a closed directory above, also through a link", "truth/exec.test.ts", "closed", "deep", "way", "door"],
  ["EROFS behind a link and on a :ro volume", "truth/words.test.ts", "volume", "link", "root"],
  ["a tmpfs without space or inodes", "truth/memory.test.ts", "short", "inodes", "own-mount"],
  ["a zombie with a living parent", "explain/explain.test.ts", "a zombie of a living parent", "children that live are no zombies"],
  ["zombies up to pids.max", "vm/cases/truthforks.ts", "zombies"],
  ["a group busy by a process that came later", "truth/busy.test.ts", "a process that was put into it later"],
  [
    "umount busy by another mount namespace",
    "explain/mount.test.ts",
    "a used copy that gets our unmounts",
    "an unused copy that gets our unmounts",
  ],
  ["umount busy by a working directory", "explain/mount.test.ts", "a working directory", "nothing holds it"],
  ["a frozen PID 1", "explain/explain.test.ts", "frozen by an ancestor's group", "a frozen group beside it does not freeze it"],
  ["a device node in a user namespace", "truth/calls.test.ts", "mknod-userns", "nodev", "mknod"],
];

describe("the failures that must be named", () => {
  for (const [failure, file, ...names] of STAGED)
    test(failure, () => {
      const text = readFileSync(join(root, "tests", file), "utf8");
      for (const name of names) assert.ok(text.includes(`name: ${JSON.stringify(name)}`), `${file} has no ${name}`);
    });
});
