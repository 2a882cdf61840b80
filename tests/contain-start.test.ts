// How long a container takes to start, next to a bare start of the runtime.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { need } from "./helpers/need.ts";
import { isNative, run } from "./helpers/run.ts";

const TIMES = 20;
/** Node's own start is half of what the programs for Node need; theirs is not within twice that yet. */
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
});
