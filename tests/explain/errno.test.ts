// The two tables of rules behind an errno do not say the same twice.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ERRORS } from "../../packages/explain/src/errno/errors.ts";
import { rulesOf } from "../../packages/kernel/src/index.ts";
import { run } from "../helpers/run.ts";

test("a rule that our own tools run into is not repeated for programs", () => {
  const start = (text: string) => text.replace(/^an? /, "").split(" ").slice(0, 5).join(" ");
  const twice = ERRORS.flatMap(({ syscalls, code, say }) =>
    syscalls.split(" ").filter((syscall) => rulesOf(code, syscall).some((rule) => start(rule.say) === start(say))),
  );
  assert.deepEqual(twice, []);
  const { stdout } = run(["contain", "explain", "errno", "EACCES", "bind"]);
  assert.equal(stdout.match(/ip_unprivileged_port_start/g)?.length, 1);
});
