// `contain wait`: how a detached container ends.
import { writeSync } from "node:fs";
import { exit, UsageError, withCommon } from "@contain-tools/kernel";
import { subcommand } from "../command.ts";
import { statusAtEnd } from "../end.ts";
import type { State } from "../state.ts";
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
      const status = statusAtEnd(state);
      writeSync(1, `${status}\n`);
      return exit(status);
    };
  },
});
