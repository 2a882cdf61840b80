// 5,000 random command lines are planned: each is a plan, or a refusal in words. CONTAIN_FUZZ_SEED=N tries others.
import assert from "node:assert/strict";
import { test } from "node:test";
import { planChain } from "../../packages/chain/src/chain.ts";
import { newContext } from "../../packages/chain/src/context.ts";
import { codeOf, ToolError } from "../../packages/kernel/src/ffi/errno.ts";
import { Random, SEED, times } from "../helpers/random.ts";
import { makeRootfs, scratch } from "../helpers/rootfs.ts";
import { randomWords, TOOLS } from "../helpers/words.ts";

process.execArgv.push("--v8-pool-size=0", "--single-threaded", "--expose-gc"); // nothing is forked here: planning alone asks for them
const wishes = {
  hostile: 40,
  rootfs: makeRootfs(scratch("fuzz-words")),
  without: (_: string, option: string) => option === "trace", // it would write here
  programs: [["true"], ["/bin/sh", "-c", "exit 7"], ["/no/such"], []],
};
const MOST = 1000; // milliseconds of CPU for one planning

/** What is wrong with how a command line was taken. */
function fault(argv: readonly [string, ...string[]]): string | undefined {
  const [name, ...words] = argv;
  const began = process.cpuUsage();
  try {
    planChain(newContext(), TOOLS, name, words);
  } catch (error) {
    const { message = "", stack } = error as Error;
    const isTold = error instanceof ToolError || (codeOf(error) !== undefined && "syscall" in (error as Error));
    if (!isTold) return `a bug: ${stack}`;
    if (message === "") return "a refusal without a word";
    const given = argv.join("\n");
    const told = `${message}\n${error instanceof ToolError ? (error.hint ?? "") : ""}`;
    const odd = ["undefined", "[object Object]", "NaN"].find((text) => told.includes(text) && !given.includes(text));
    if (odd !== undefined) return `${odd} in: ${told}`;
  }
  const { user, system } = process.cpuUsage(began);
  const took = (user + system) / 1000;
  return took > MOST ? `it took ${Math.round(took)} ms` : undefined;
}

test("5,000 random command lines are planned or refused in words", () => {
  const faults: string[] = [];
  let plans = 0;
  for (let i = 0; i < times(5000); i++) {
    const argv = randomWords(new Random(SEED, i), wishes);
    const wrong = fault(argv);
    if (wrong === undefined) plans++;
    else faults.push(`CONTAIN_FUZZ_SEED=${SEED}, number ${i}: ${JSON.stringify(argv).slice(0, 2000)}\n  ${wrong}`);
  }
  assert.equal(faults.join("\n"), "", `${faults.length} of them, ${plans} were well`);
});
