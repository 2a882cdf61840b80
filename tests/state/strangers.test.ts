// What stands in the state folder and is no state is shown by no command, and acted upon by none but gc.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { World } from "../helpers/world.ts";

const rootfs = makeRootfs(scratch("states"));
const world = new World("states");
const ID = "0123456789ab";

describe("a state with a value that cannot be", () => {
  for (const [what, change] of [
    ["an end without a status", { ended: { reason: "exit status 0", verdict: [], at: 1 } }],
    ["an end without a reason", { ended: { status: 0, verdict: [], at: 1 } }],
    ["a verdict that is no list", { ended: { status: 0, reason: "x", verdict: "x", at: 1 } }],
    ["a finding without a text", { ended: { status: 0, reason: "x", verdict: [{ code: "x", certain: true, evidence: [] }], at: 1 } }],
    [
      "evidence that is no object",
      { ended: { status: 0, reason: "x", verdict: [{ code: "x", text: "x", certain: true, evidence: [1] }], at: 1 } },
    ],
    ["a name that is no text", { name: {} }],
    ["a rootfs that is no text", { rootfs: 5 }],
    ["a start time that is no text", { supervisor: { pid: 1, started: 1 } }],
    ["detached that is neither yes nor no", { detached: "yes" }],
  ] as const)
    test(what, () => {
      const { stdout } = world.sh(`
        id=$(contain run -q --detach --rootfs ${rootfs} -- true); contain wait $id >/dev/null
        cat /run/contain/$id/state.json; contain rm $id`);
      const state = { ...(JSON.parse(stdout) as object), id: ID, group: undefined, ...change };
      const put = `mkdir -m 700 /run/contain/${ID} && cat >/run/contain/${ID}/state.json`;
      assert.equal(world.sh(put, { input: JSON.stringify(state) }).status, 0);
      assert.deepEqual(world.list(), []);
      const { status, stderr } = world.sh(`contain update ${ID} --pids 5`);
      assert.match(stderr, /no such container/);
      assert.equal(status, 125);
      assert.equal(world.sh("contain gc").stdout, `/run/contain/${ID}: a folder without a readable state\n`);
    });
});
