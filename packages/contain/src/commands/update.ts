// `contain update`: changes limits of a running container, as a cgset for its group.

import { existsSync } from "node:fs";
import { basename, dirname } from "node:path";
import { act, cgset, limitOptions } from "@contain-tools/cgset";
import { type Options, runAs, withCommon } from "@contain-tools/chain";
import { print } from "@contain-tools/explain";
import { exit, ToolError, UsageError } from "@contain-tools/kernel";
import { noteEvent, type State, writeLimits } from "@contain-tools/state";
import { subcommand } from "../command.ts";
import { describeLimits, limitIn, limitWords, mergeLimits } from "../run/limits.ts";
import { scriptOf } from "../run/script.ts";
import { groupOf, readRunning } from "./container.ts";

const updateOptions = withCommon({
  ...limitOptions,
  "print-chain": { type: "boolean", description: "print what would be run, as a shell script, and run nothing" },
});

export const update = subcommand({
  name: "update",
  description: "Change the limits of a container that runs",
  usage: "ID",
  options: updateOptions,
  plan(given: Options<keyof typeof updateOptions>, chain) {
    const state = readRunning(given.rest);
    const group = groupOf(state);
    const words = limitWords(given);
    if (words.length === 0) throw new UsageError("missing limits", "contain update ID --memory 128M --cpu 50% --pids 64 …");
    const swap = keptSwap(state, given);
    const kept = swap === undefined ? [] : ["--swap", swap];
    const argv = ["cgset", "--parent", dirname(group), "--name", basename(group), ...words, ...kept];
    const described = mergeLimits(describeLimits(given), swap === undefined ? "" : `swap=${swap}`);
    const link = chain.link(cgset, argv);
    if (given.has("print-chain")) {
      return () => {
        print(scriptOf(chain.context, argv));
        return exit(0);
      };
    }
    return () => {
      // cgset would make it again
      if (!existsSync(group)) throw new ToolError(`${state.id} has ended`);
      chain.context.label = "contain";
      chain.context.saysWrites = true;
      runAs(chain.context, link, (inner) => act(inner, link.plan));
      writeLimits(state.id, mergeLimits(state.limits, described));
      noteEvent(state.id, "update");
      return exit(0);
    };
  },
});

/** cgset's --memory without --swap forbids swap; a container that was started with swap keeps it. */
function keptSwap({ limits }: State, given: Options): string | undefined {
  const swap = limitIn(limits, "swap");
  return given.has("memory") && !given.has("swap") && swap !== "0" ? swap : undefined;
}
