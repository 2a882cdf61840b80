// How long a container takes to start, next to a bare start of the runtime.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { need } from "../helpers/need.ts";
import { isNative, run } from "../helpers/run.ts";

const TIMES = 20;
/** Seen: 0.9 (native) and 1.8 to 2.0 (Node, whose own start is the half of it); more only so that a busy machine is no failure. */
const MOST = isNative ? 2 : 3;

function milliseconds(argv: readonly string[]): number {
  const from = process.hrtime.bigint();
  assert.equal(run(argv, { env: { NODE_EXTRA_CA_CERTS: undefined } }).status, 0); // Node alone would read it, and look slow
  return Number(process.hrtime.bigint() - from) / 1e6;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return ((sorted[(sorted.length - 1) >> 1] ?? 0) + (sorted[sorted.length >> 1] ?? 0)) / 2;
}

describe("start", need("root"), () => {
  test(`contain run -- /bin/true next to a bare node -e 0 (median of ${TIMES}, side by side): at most ${MOST} times`, (t) => {
    const contain: number[] = [];
    const node: number[] = [];
    for (let i = -1; i < TIMES; i++) {
      const [ours, bare] = [milliseconds(["contain", "run", "--", "/bin/true"]), milliseconds(["node", "-e", "0"])];
      if (i < 0) continue; // the first pair warms the page cache
      contain.push(ours);
      node.push(bare);
    }
    const [ours, bare] = [median(contain), median(node)];
    t.diagnostic(`contain run -- /bin/true ${ours.toFixed(1)} ms, node -e 0 ${bare.toFixed(1)} ms: ${(ours / bare).toFixed(2)} times`);
    assert.ok(ours <= MOST * bare, `${ours} ms is more than ${MOST} times ${bare} ms`);
  });

  test("contain --profile run says which phase took how long", () => {
    const { status, stderr } = run(["contain", "--profile", "run", "--quiet", "--", "/bin/sleep", "0.3"]);
    assert.equal(status, 0);
    const rows = [...stderr.matchAll(/^ +([\d.]+) ms +(\d+) % {2}(.*)$/gm)].map(([, time, share, name]) => ({
      time: Number(time),
      share,
      name,
    }));
    const total = rows.pop();
    assert.deepEqual(
      rows.map(({ name }) => name),
      [
        "runtime",
        "our modules, koffi",
        "options, plan",
        "state, cgroup",
        "clone3",
        "the chain inside, to execve",
        "the program, to its end",
        "verdict; group and state removed",
      ],
    );
    assert.ok(
      rows.every(({ time }) => time > 0),
      stderr,
    );
    const sum = rows.reduce((all, { time }) => all + time, 0);
    assert.ok(Math.abs(sum - (total?.time ?? 0)) < 1, `${sum} ms in all phases, and in all ${total?.time}`);
    const program = rows.find(({ name }) => name === "the program, to its end")?.time ?? 0;
    assert.ok(program >= 295 && program < 60_000, `sleep 0.3 took ${program} ms`);
  });

  test("--profile is for run alone", () => {
    const { status, stderr } = run(["contain", "--profile", "list"]);
    assert.equal(status, 125);
    assert.match(stderr, /--profile works only with `contain run`/);
  });
});
