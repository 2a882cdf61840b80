// What tests/kernel/fork.test.ts runs in a Node with the flags of the launcher: COUNT children that make garbage, or with a
// second word one child: `s` collects garbage for COUNT seconds, `throw` throws, `kill` ends by a signal.
// Prints how many ended with which status.
import {
  clone3,
  exit,
  getpid,
  kill,
  SIGTERM,
  setSignalMask,
  shellStatus,
  signalSet,
  type Waited,
  waitpid,
} from "../../packages/kernel/src/index.ts";

const [count = "0", unit] = process.argv.slice(2);
const kept: unknown[] = [];

/** Short-lived objects, and some that survive, so that pages of every space of the heap come and go. */
function makeGarbage(objects: number): number {
  let sum = 0;
  for (let i = 0; i < objects; i++) {
    const made = { text: `${i}`.repeat(3), list: new Array(i % 50).fill(i), code: new Function("x", `return x + ${i % 7}`) };
    if (i % 20 === 0) kept.push(made);
    sum += made.list.length + made.text.length;
  }
  if (kept.length > 20_000) kept.length = 0;
  return sum;
}

function endOf(waited: Waited | undefined): number {
  return waited === undefined ? -1 : shellStatus(waited.status);
}

/** Forks `child` and counts how it ended. */
function fork(child: () => never): void {
  const end = endOf(waitpid(clone3({ flags: 0 }, child), 0));
  ends[end] = (ends[end] ?? 0) + 1;
}

const ends: Record<number, number> = {};
const endings: Record<string, () => never> = {
  s: () => {
    for (const until = Date.now() + Number(count) * 1000; Date.now() < until; ) makeGarbage(1000);
    return exit(0);
  },
  throw: () => {
    throw new Error("thrown in the child");
  },
  kill: () => {
    setSignalMask(signalSet());
    kill(getpid(), SIGTERM);
    return exit(0);
  },
};
const ending = endings[unit ?? ""];
if (ending !== undefined) fork(ending);
else {
  for (let i = 0; i < Number(count); i++) {
    makeGarbage(i % 97);
    fork(() => exit(makeGarbage(200 + (i % 300)) > 0 ? 0 : 1));
  }
}
console.log(JSON.stringify(ends));
