// `contain restart`: the supervisor ends the container as `contain stop` would, and starts it again; one that has ended starts as by `contain start`.
import { type Options, withCommon } from "@contain-tools/chain";
import { POLLIN, parseTime, pollOnce, ToolError } from "@contain-tools/kernel";
import { isStopped, noteEvent, openProcess, readState, type State } from "@contain-tools/state";
import { type Subcommand, subcommand } from "../command.ts";
import { canStart, endAfterEach, isSame, nameOf, readContainers } from "./container.ts";
import type { Compose } from "./run.ts";
import { checkKept, startAgain } from "./start.ts";
import { askSupervisor, killIfAlive, LATE, MAX_MILLISECONDS, stopOptions } from "./stop.ts";

export function restartCommandWith(compose: Compose): Subcommand {
  return subcommand({
    name: "restart",
    description: "End containers, and start them again under the same ids",
    usage: "ID…",
    options: withCommon({ grace: stopOptions.grace }),
    plan(given: Options<"grace">, chain) {
      const word = given.value("grace");
      const grace = word === undefined ? undefined : parseTime("--grace", word);
      const states = readContainers(given.rest);
      for (const state of states) checkKept(state);
      const restart = (state: State) => {
        if (!canStart(state)) return restartContainer(state, grace ?? state.grace);
        return () => startAgain(chain, compose, state) || noteEvent(state.id, "restart");
      };
      return () => {
        const asked = states.map((state) => ({ id: state.id, wait: restart(state) })); // all at once
        return endAfterEach(asked, ({ wait }) => wait());
      };
    },
  });
}

const LOOK = 20; // milliseconds

/** Asks for a restart. Returns a function that waits until the program runs again. @param grace milliseconds */
function restartContainer(state: State, grace: number): () => unknown {
  const { id, supervisor, init } = state;
  const pidfd = openProcess(supervisor);
  const first = init && openProcess(init);
  if (pidfd === undefined) throw new ToolError(`${nameOf(state)} has ended`);
  const time = Math.min(grace, MAX_MILLISECONDS);
  askSupervisor(state, pidfd, ~time);
  return () => {
    if (first !== undefined && !pollOnce(first, POLLIN, Math.min(time + LATE, MAX_MILLISECONDS)))
      killIfAlive(state, first, "contain restart");
    for (;;) {
      const now = readState(id);
      if (now?.started && !isSame(now.init, init)) return;
      if (pollOnce(pidfd, POLLIN, LOOK)) throw new ToolError(`${nameOf(state)} has ended`, readState(id)?.ended?.reason);
      if (isStopped(supervisor)) throw new ToolError(`${nameOf(state)}: its supervisor is stopped`, `kill -CONT ${supervisor.pid}`);
    }
  };
}
