// `contain kill`.
import { type Options, withCommon } from "@contain-tools/chain";
import { reactionOf } from "@contain-tools/explain";
import { commandOf, hasEnded, parseSignal, pidfdSendSignal, signalNumber, ToolError } from "@contain-tools/kernel";
import { noteSignal, openProcess, statusOf } from "@contain-tools/state";
import { subcommand } from "../command.ts";
import { isStopping } from "../run/restart.ts";
import { checkAlive, endAfterEach, nameOf, readContainers, readContainersThere } from "./container.ts";
import { stopContainer } from "./stop.ts";

const killOptions = withCommon({
  signal: { type: "string", alias: "s", valueHint: "SIG", description: "the signal, a name or a number (KILL); -TERM is short for it" },
});

export const kill = subcommand({
  name: "kill",
  description: "Send a signal to PID 1 of containers (KILL)",
  usage: "ID… [SIGNAL]",
  options: killOptions,
  rewrite: (words) => words.flatMap((word) => (/^-(\d+|(SIG)?[A-Z]{2,}\d*)$/.test(word) ? ["--signal", word.slice(1)] : [word])),
  plan(given: Options<"signal">) {
    const { rest } = given;
    const last = rest.at(-1) ?? "";
    const trails =
      !given.has("signal") && rest.length > 1 && (signalNumber(last) !== undefined || readContainersThere([last]).length === 0);
    const signal = parseSignal(given.value("signal") ?? (trails ? last : "KILL"));
    const containers = readContainers(trails ? rest.slice(0, -1) : rest).map((state) =>
      statusOf(state) === "restarting" && isStopping(signal) ? state : checkAlive(state),
    );
    return () =>
      endAfterEach(containers, (state) => {
        if (statusOf(state) === "restarting") return stopContainer(state, 0, "contain kill")(); // there is nothing to kill except the next start
        const pidfd = state.init && openProcess(state.init);
        if (pidfd === undefined || hasEnded(pidfd)) throw new ToolError(`${nameOf(state)} has ended`);
        const first = state.init?.pid ?? 0;
        const isEnd = reactionOf(first, signal, commandOf(first) === "pid1").fate === "default";
        noteSignal(state.id, signal, "contain kill", undefined, isEnd);
        if (!pidfdSendSignal(pidfd, signal)) throw new ToolError(`${nameOf(state)} has ended`);
      });
  },
});
