// What a program says of its words, without a process: the whole chain is planned here, as it does itself before it changes anything.
import { planChain } from "../../packages/chain/src/chain.ts";
import { newContext } from "../../packages/chain/src/context.ts";
import { failureOf, textOf } from "../../packages/chain/src/report.ts";
import { TOOLS } from "./words.ts";

process.execArgv.push("--v8-pool-size=0", "--single-threaded", "--expose-gc"); // nothing is forked here: planning alone asks for them

/** The refusal, as it is told on standard error; "" where the words can be planned. */
export function refusal(argv: readonly string[]): string {
  const [name = "", ...words] = argv;
  try {
    planChain(newContext(undefined, { ...process.env } as Record<string, string>), TOOLS, name, words);
  } catch (error) {
    const failure = failureOf(error);
    if (failure.status !== 125) throw error;
    return textOf(failure);
  }
  return "";
}
