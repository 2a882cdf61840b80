// Random command lines through the real programs: no stack trace, no death by a signal, nothing left behind, and a status that means
// something. In a mount namespace where only a scratch directory can be written to, and PID and network namespaces.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { need } from "../helpers/need.ts";
import { SEED, times } from "../helpers/random.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { bin, isNative, root } from "../helpers/run.ts";
import { World } from "../helpers/world.ts";

const dir = scratch("fuzz-runs");
const rootfs = makeRootfs(dir);
const world = new World("fuzz-runs");
const COUNT = times(isNative ? 200 : 50);
const FIRST = 100_000; // other words than those that are only planned

test("random command lines are run", need("root"), () => {
  const driver = [process.execPath, "--import", "tsx", join(root, "tests/helpers/fuzzruns.ts")];
  const script = `
    mount --make-rprivate / && mount --bind ${rootfs} ${rootfs} && mount -o remount,bind,ro / && mount -t tmpfs tmpfs /mnt && ip link set lo up && cd ${root} &&
    exec ${driver.join(" ")} ${rootfs} ${bin} ${world.top} ${SEED} ${FIRST} ${COUNT}`;
  const { stdout, stderr } = world.run(["unshare", "-m", "-n", "-u", "-i", "-p", "-f", "--mount-proc", "sh", "-c", script], {
    timeout: 300_000,
  });
  if (process.env["CONTAIN_FUZZ_LOG"]) console.error(stderr);
  assert.match(stdout, /done\n$/, stderr);
  const statuses = JSON.parse(stdout.split("\n").at(-2)?.replace(" done", "") ?? "") as Record<string, number>;
  assert.ok((statuses["0"] ?? 0) + (statuses["7"] ?? 0) > COUNT / 12, `too few of them ran a program: ${JSON.stringify(statuses)}`);
  const faults = stdout.split("\n").filter((line) => line.startsWith('{"i"'));
  assert.equal(faults.map((line) => `CONTAIN_FUZZ_SEED=${SEED}: ${line}`).join("\n"), "");
});
