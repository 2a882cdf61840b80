// `contain rm`: forget a container that has ended.

import { type Options, withCommon } from "@contain-tools/chain";
import { UsageError } from "@contain-tools/kernel";
import { statusOf } from "@contain-tools/state";
import { subcommand } from "../command.ts";
import { canStart, endAfterEach, nameOf, readContainers, readContainersThere } from "./container.ts";
import { forget } from "./gc.ts";
import { stopContainer } from "./stop.ts";

const rmOptions = withCommon({
  force: { type: "boolean", alias: "f", description: "end it by SIGKILL if it runs; an ID that is not there is no error" },
});

export const rm = subcommand({
  name: "rm",
  description: "Forget containers that have ended",
  usage: "ID…",
  options: rmOptions,
  instead: {
    volumes: "there are no volumes but directories of the host, which stay",
    link: "there are no links: containers of --net veth reach each other",
  },
  plan(given: Options<"force">) {
    const force = given.has("force");
    const states = force ? readContainersThere(given.rest) : readContainers(given.rest);
    const running = states.find((state) => !canStart(state));
    if (running !== undefined && !force)
      throw new UsageError(`${nameOf(running)} is ${statusOf(running)}`, `contain stop ${nameOf(running)}, or rm -f`);
    return () =>
      endAfterEach(states, (state) => {
        if (!canStart(state)) stopContainer(state, 0, "contain rm")();
        forget(state);
      });
  },
});
