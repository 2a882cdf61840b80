// The functions of arrays that the native programs have of their own, against the engine's.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { runInNewContext } from "node:vm";
import { root } from "./helpers/run.ts";

const ours = runInNewContext(`${readFileSync(join(root, "packages/contain/src/arrays.cjs"), "utf8")}; Array.prototype`) as unknown[];
const names = ["every", "filter", "find", "findLast", "flatMap", "map", "some"] as const;
const lists: unknown[][] = [
  [],
  [0],
  [1, 2, 3],
  ["a", "", "b", ""],
  [[1], [2, [3]], []],
  [undefined, null, Number.NaN],
  [{ a: 1 }, { a: 2 }],
];
const callbacks: ((value: unknown, i: number, all: unknown[]) => unknown)[] = [
  (value) => value,
  (_, i) => i === 1,
  (value, i, all) => [value, i, all.length],
  () => [],
  (value) => [[value]],
  (value, _, all) => all.push(value) % 2 === 0, // what comes while they run is not visited
  (_, __, all) => {
    all.length = 0;
  },
];

describe("arrays of the native programs", () => {
  for (const name of names) {
    test(name, () => {
      for (const list of lists)
        for (const callback of callbacks) {
          const outcome = (prototype: unknown[]) => {
            const copy = [...list];
            const seen: unknown[] = [];
            const act = (value: unknown, i: number, all: unknown[]) => {
              if (i < copy.length) seen.push([value, i]); // one that was taken away is undefined to ours
              return callback(value, i, all);
            };
            const result = (prototype[name] as (act: unknown) => unknown).call(copy, act);
            return { result: Array.isArray(result) ? [...result] : result, seen, copy };
          };
          if (callback === callbacks.at(-1) && list.length > 1) continue; // no list of ours shrinks meanwhile
          assert.deepEqual(outcome(ours), outcome(Array.prototype), `${name} of ${JSON.stringify(list)} with ${callback}`);
        }
    });
  }

  test("reduce", () => {
    const fold = (prototype: unknown[], list: readonly number[], ...start: number[]) => {
      const seen: unknown[] = [];
      const merge = (...args: [number, number, number, number[]]) => {
        seen.push([...args]);
        return args[0] * 2 + args[1];
      };
      return { result: (prototype.reduce as (...args: unknown[]) => unknown).call([...list], merge, ...start), seen };
    };
    for (const list of [[1], [1, 2], [3, 1, 2]]) {
      assert.deepEqual(fold(ours, list), fold(Array.prototype, list), `${list}`);
      for (const start of [0, 7, undefined as unknown as number])
        assert.deepEqual(fold(ours, list, start), fold(Array.prototype, list, start));
    }
    assert.deepEqual(fold(ours, [], 5), fold(Array.prototype, [], 5));
  });

  test("they stay out of for…in", () => {
    assert.equal(
      runInNewContext(
        `${readFileSync(join(root, "packages/contain/src/arrays.cjs"), "utf8")}; const l = []; for (const k in [1]) l.push(k); l.join()`,
      ),
      "0",
    );
  });
});
