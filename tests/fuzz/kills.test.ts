// 300 containers of which one process is killed at a random moment of the start; after `contain gc` nothing is left of any.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { need } from "../helpers/need.ts";
import { SEED, times } from "../helpers/random.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { bin, isNative, root } from "../helpers/run.ts";
import { World } from "../helpers/world.ts";

const rootfs = makeRootfs(scratch("fuzz-kills"));
const world = new World("fuzz-kills");
const COUNT = times(isNative ? 300 : 100);
const WINDOW = isNative ? 60 : 250; // milliseconds: as long as a start takes

test("a process is killed at a random moment, and `contain gc` leaves nothing", need("root"), () => {
  const driver = [process.execPath, "--import", "tsx", join(root, "tests/helpers/fuzzkills.ts")];
  const script = `ip link set lo up; cd ${root} && ${driver.join(" ")} ${rootfs} ${bin} ${world.top} ${SEED} ${COUNT} ${WINDOW}; exit $?`;
  const { stdout, stderr } = world.run(["unshare", "-m", "-n", "-p", "-f", "--mount-proc", "sh", "-c", script], { timeout: 400_000 });
  if (process.env["CONTAIN_FUZZ_LOG"]) console.error(stderr);
  assert.match(stdout, /done\n$/, stderr);
  const faults = stdout.split("\n").filter((line) => line.startsWith("{"));
  assert.equal(faults.map((line) => `CONTAIN_FUZZ_SEED=${SEED}: ${line}`).join("\n"), "");
});
