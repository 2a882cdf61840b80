// contain-oci: create is killed at a random moment; `delete --force` leaves nothing, whatever it had made by then.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, test } from "node:test";
import { need } from "../helpers/need.ts";
import { membersOf } from "../helpers/proc.ts";
import { Random, SEED, times } from "../helpers/random.ts";
import { bin, isNative } from "../helpers/run.ts";
import { eventually, pause } from "../helpers/wait.ts";
import { bundles } from "./bundle.ts";

const { oci, bundle, leftOf, states } = bundles("oci-kills");
const COUNT = times(isNative ? 300 : 60);
const WINDOW = isNative ? 120 : 500; // milliseconds: as long as create and start take

describe("contain-oci: kills", need("root"), () => {
  test(`${COUNT} at random moments between create and delete: nothing is left`, async () => {
    const random = new Random(SEED, 0);
    const folder = bundle(["/bin/sleep", "1000"]);
    const left: string[] = [];
    for (let n = 0; n < COUNT; n++) {
      const id = `k${n}`;
      const script = `${bin}/contain-oci --root ${states} create --bundle ${folder} ${id} && ${bin}/contain-oci --root ${states} start ${id}`;
      const child = spawn("/bin/sh", ["-c", script], { detached: true, stdio: "ignore" });
      const ended = once(child, "exit");
      await pause(random.below(WINDOW));
      try {
        process.kill(-(child.pid ?? 0), "SIGKILL"); // all that is not in a session of its own by then
      } catch {
        // it has ended by itself
      }
      await ended;
      // A process that is killed within a system call completes it first.
      await eventually(() => membersOf(child.pid ?? 0).length === 0);
      const { status, stderr } = oci("delete", "--force", id);
      if (status !== 0 || leftOf(id).length > 0) left.push(`after ${n} (seed ${SEED}): ${leftOf(id).join(" ")} ${stderr}`);
    }
    assert.deepEqual(left, []);
  });
});
