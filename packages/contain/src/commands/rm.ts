// `contain rm`: forget a container that has ended.

import { withCommon } from "@contain-tools/chain";
import { exit, UsageError } from "@contain-tools/kernel";
import { removeState, statusOf } from "@contain-tools/state";
import { subcommand } from "../command.ts";
import { readContainer } from "./container.ts";
import { collect } from "./gc.ts";

export const rm = subcommand({
  name: "rm",
  description: "Forget a container that has ended",
  usage: "ID",
  options: withCommon({}),
  optionsBehind: 1,
  plan(given) {
    const state = readContainer(given.rest);
    const status = statusOf(state);
    if (status !== "exited" && status !== "dead") throw new UsageError(`${state.id} is ${status}`, `contain stop ${state.id}`);
    return () => {
      collect(state); // an ended one may have a group that could not be removed then
      removeState(state.id);
      return exit(0);
    };
  },
});
