// `contain kill`.

import { withCommon } from "@contain-tools/chain";
import { exit, hasEnded, parseSignal, pidfdSendSignal, ToolError, UsageError } from "@contain-tools/kernel";
import { noteSignal, openProcess } from "@contain-tools/state";
import { subcommand } from "../command.ts";
import { readRunning } from "./container.ts";

export const kill = subcommand({
  name: "kill",
  description: "Send a signal to PID 1 of a container (KILL)",
  usage: "ID [SIGNAL]",
  options: withCommon({}),
  optionsBehind: 2,
  plan(given) {
    const [id, signal = "KILL", ...more] = given.rest;
    if (more[0] !== undefined) throw new UsageError(`unexpected argument: ${more[0]}`, "contain kill ID [SIGNAL]");
    const number = parseSignal(signal);
    const state = readRunning(id === undefined ? [] : [id]);
    return () => {
      const pidfd = openProcess(state.init);
      if (pidfd === undefined || hasEnded(pidfd)) throw new ToolError("the container has ended");
      noteSignal(state.id, number, "contain kill");
      if (!pidfdSendSignal(pidfd, number)) throw new ToolError("the container has ended");
      return exit(0);
    };
  },
});
