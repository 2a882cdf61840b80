// A path that is too long for the kernel is told as that, wherever it stands (Bun throws such an error without the name of a call).
import assert from "node:assert/strict";
import { test } from "node:test";
import { run } from "../helpers/run.ts";

const LONG = "x".repeat(5000);

for (const [what, words] of [
  ["a root", ["pivot", LONG, "--", "true"]],
  ["a layer", ["pivot", "--overlay-lower", LONG, "/", "--", "true"]],
  ["a layer that is kept", ["pivot", `--overlay=${LONG}`, "/", "--", "true"]],
  ["an env file", ["pivot", "--env-file", LONG, "/", "--", "true"]],
  ["a volume", ["contain", "run", "--volume", `${LONG}:/mnt`, "--", "true"]],
  ["a root of contain's", ["contain", "run", "--rootfs", LONG, "--", "true"]],
  ["a profile", ["confine", "--seccomp", LONG, "--", "true"]],
  ["a cidfile", ["contain", "run", "--cidfile", LONG, "--", "true"]],
  ["a device", ["contain", "run", "--device", LONG, "--", "true"]],
  ["a namespace", ["nsexec", `--net=${LONG}`, "--", "true"]],
  ["a record", ["contain", "report", LONG]],
] as const)
  test(what, () => {
    const { status, stderr } = run(words);
    assert.equal(status, 125);
    assert.doesNotMatch(stderr, /this is a bug|\n +at /);
    assert.match(stderr, /ENAMETOOLONG|no such|there is no|cannot/);
  });
