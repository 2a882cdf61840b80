// Limits and groups on a kernel that has all controllers on cgroup v2: the cases of tests/vm, in a machine that is booted once.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { need } from "../helpers/need.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { isNative, root } from "../helpers/run.ts";
import { asItWasCases } from "./cases/asitwas.ts";
import { cgsetCases } from "./cases/cgset.ts";
import { clockCases } from "./cases/clock.ts";
import { containerCases } from "./cases/container.ts";
import { deviceCases } from "./cases/devices.ts";
import { doctorCases } from "./cases/doctor.ts";
import { engineCases } from "./cases/engines.ts";
import { explainCases } from "./cases/explain.ts";
import { faultCases } from "./cases/faults.ts";
import { labCases } from "./cases/lab.ts";
import { leftoverCases } from "./cases/leftovers.ts";
import { limitCases } from "./cases/limits.ts";
import { logCases } from "./cases/logs.ts";
import { manageCases } from "./cases/manage.ts";
import { ociCases } from "./cases/oci.ts";
import { recordCases } from "./cases/record.ts";
import { truthCases } from "./cases/truth.ts";
import { truthAboveCases } from "./cases/truthabove.ts";
import { truthForkCases } from "./cases/truthforks.ts";
import { userCases } from "./cases/user.ts";
import { usernsCases } from "./cases/userns.ts";
import { verdictCases } from "./cases/verdict.ts";
import { boot, type Machine } from "./machine.ts";

/** While one subject is worked on, CONTAIN_VM_CASES=WORD selects the cases with WORD in their names; CI sets no such thing. */
const { CONTAIN_VM_CASES: word = "" } = process.env;
const all = [
  ...asItWasCases,
  ...cgsetCases,
  ...clockCases,
  ...containerCases,
  ...deviceCases,
  ...doctorCases,
  ...engineCases,
  ...explainCases,
  ...faultCases,
  ...labCases,
  ...leftoverCases,
  ...limitCases,
  ...logCases,
  ...manageCases,
  ...ociCases,
  ...recordCases,
  ...truthCases,
  ...truthAboveCases,
  ...truthForkCases,
  ...userCases,
  ...usernsCases,
  ...verdictCases,
];
/** Where a fork of another runtime could differ: born in a group, small limits, the OOM killer. A start of Node takes a second here. */
const FOR_NODE = /^(a container of 8M|a memory limit kills)/;
if (isNative) {
  const path = `PATH=${join(root, "dist/bin")}:$PATH\n`;
  for (const item of all.filter(({ name }) => FOR_NODE.test(name)))
    all.push({ ...item, name: `for Node: ${item.name}`, script: path + item.script });
}
const cases = all.filter(({ name }) => name.includes(word));
const SECONDS = 1700;

const dir = scratch("vm");

describe("on cgroup v2", { ...need("root", "linux.uml", "unshare"), concurrency: false }, () => {
  let machine: Machine;

  before(
    async () => {
      const work = join(dir, "work");
      mkdirSync(work);
      machine = await boot(work, cases, { ROOTFS: makeRootfs(dir) }, SECONDS);
    },
    { timeout: (SECONDS + 60) * 1000 },
  );

  for (const item of cases) {
    test(item.name, (t) => {
      const result = machine.result(item);
      t.diagnostic(`${result.milliseconds} ms in the machine`);
      try {
        item.check(result);
        assert.equal(result.left, "", "left behind");
      } catch (error) {
        t.diagnostic(JSON.stringify(result, undefined, 2));
        throw error;
      }
    });
  }

  test("the machine itself halts, and nothing is busy when it does", () => {
    assert.match(machine.console, /^the machine halts$/m);
    assert.doesNotMatch(machine.console, /busy|panic|BUG:|Call Trace/);
    assert.equal(machine.status, 0);
  });
});
