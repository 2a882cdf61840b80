// `contain wait`: how a detached container ends.
import { writeSync } from "node:fs";
import { warn, withCommon } from "@contain-tools/chain";
import { verdictLines } from "@contain-tools/explain";
import { exit, UsageError } from "@contain-tools/kernel";
import type { State } from "@contain-tools/state";
import { endOf } from "@contain-tools/state";
import { subcommand } from "../command.ts";
import { readContainer } from "./container.ts";

/** A container that was started with --detach. @throws UsageError for another one */
export function readDetached(words: readonly string[], what: string): State {
  const state = readContainer(words);
  if (!state.detached) throw new UsageError(`${state.id} was not detached: ${what} who started it`);
  return state;
}

export const wait = subcommand({
  name: "wait",
  description: "Wait for the end of a detached container, print its exit status and exit with it",
  usage: "ID",
  options: withCommon({}),
  plan(given) {
    const state = readDetached(given.rest, "its status goes to");
    return () => {
      const { status, verdict } = endOf(state);
      writeSync(1, `${status}\n`);
      for (const line of verdictLines(verdict)) warn(line);
      return exit(status);
    };
  },
});
