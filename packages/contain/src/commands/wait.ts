// `contain wait`: waits for the end of a detached container.
import { writeSync } from "node:fs";
import { warn, withCommon } from "@contain-tools/chain";
import { verdictLines } from "@contain-tools/explain";
import { exit, UsageError } from "@contain-tools/kernel";
import type { State } from "@contain-tools/state";
import { endOf } from "@contain-tools/state";
import { subcommand } from "../command.ts";
import { readContainers } from "./container.ts";

/** A container that was started with --detach. @throws UsageError for another one */
export function checkDetached(state: State, what: string): State {
  if (!state.detached) throw new UsageError(`${state.id} was not detached: ${what} the process that started it`);
  return state;
}

export const wait = subcommand({
  name: "wait",
  description: "Wait for the end of detached containers, print their exit statuses and exit with the last",
  usage: "ID…",
  options: withCommon({}),
  plan(given) {
    const states = readContainers(given.rest).map((state) => checkDetached(state, "its status goes to"));
    return () => {
      let last = 0;
      for (const state of states) {
        const { status, verdict } = endOf(state);
        writeSync(1, `${status}\n`);
        for (const line of verdictLines(verdict)) warn(line);
        last = status;
      }
      return exit(last);
    };
  },
});
