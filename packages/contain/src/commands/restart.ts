// `contain restart`: the supervisor ends the container as `contain stop` would, and starts it again.
import { type Options, withCommon } from "@contain-tools/chain";
import { POLLIN, parseTime, pollOnce, ToolError, UsageError } from "@contain-tools/kernel";
import { isStopped, noteEvent, openProcess, readState, type State, statusOf } from "@contain-tools/state";
import { subcommand } from "../command.ts";
import { describeNotRunning, endAfterEach, nameOf, readContainers } from "./container.ts";
import { askSupervisor, killIfAlive, LATE, MAX_MILLISECONDS, stopOptions } from "./stop.ts";

export const restart = subcommand({
  name: "restart",
  description: "End containers, and start them again under the same ids",
  usage: "ID…",
  options: withCommon({ grace: stopOptions.grace }),
  plan(given: Options<"grace">) {
    const word = given.value("grace");
    const grace = word === undefined ? undefined : parseTime("--grace", word);
    const states = readContainers(given.rest);
    const exited = states.find((state) => statusOf(state) === "exited");
    if (exited !== undefined)
      throw new UsageError(
        `${nameOf(exited)} has ended, and its supervisor with it`,
        `contain rm ${nameOf(exited)}, and \`contain run\` again`,
      );
    const dead = states.find((state) => statusOf(state) === "dead");
    if (dead !== undefined) throw new UsageError(...describeNotRunning(dead));
    return () => {
      const asked = states.map((state) => ({ ...state, wait: restartContainer(state, grace ?? state.grace) })); // all at once
      return endAfterEach(asked, ({ id, wait }) => {
        wait();
        noteEvent(id, "restart");
      });
    };
  },
});

/** They are one process. */
export const isSame = (one: State["init"], other: State["init"]) => one?.pid === other?.pid && one?.started === other?.started;

const LOOK = 20; // milliseconds

/** Asks for a restart. Returns a function that waits until the program runs again. @param grace milliseconds */
function restartContainer(state: State, grace: number): () => void {
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
