// `contain kill` and `contain stop`.
import {
  exit,
  type Options,
  POLLIN,
  parseSignal,
  parseTime,
  pidfdOpen,
  pollOnce,
  SIGTERM,
  kill as sendSignal,
  sigqueue,
  UsageError,
  withCommon,
} from "@contain-tools/kernel";
import { subcommand } from "../command.ts";
import { findContainer, isAlive, type State, statusOf } from "../state.ts";

/** The container of a command that takes one. @throws UsageError */
export function readContainer(words: readonly string[]): State {
  const [word, ...more] = words;
  if (word === undefined || more.length > 0)
    throw new UsageError("which container?", "one id, a beginning of it that no other has, or a name; `contain list` shows them");
  return findContainer(word);
}

/** The same, for a command that needs a container which runs. */
export function readRunning(words: readonly string[]): State & { readonly init: NonNullable<State["init"]> } {
  const state = readContainer(words);
  const status = statusOf(state);
  const { init } = state;
  if (init === undefined || (status !== "running" && status !== "paused"))
    throw new UsageError(`${state.id} does not run: its status is ${status}`);
  return { ...state, init };
}

export const kill = subcommand({
  name: "kill",
  description: "Send a signal to PID 1 of a container (KILL)",
  usage: "ID [SIGNAL]",
  options: withCommon({}),
  plan(given) {
    const [id = "", signal = "KILL", ...more] = given.rest;
    const number = parseSignal(signal);
    const { init } = readRunning([id, ...more].filter(Boolean));
    return () => {
      sendSignal(init.pid, number);
      return exit(0);
    };
  },
});

export const stop = subcommand({
  name: "stop",
  description: "Ask PID 1 of a container to end, and kill it when the grace window is over",
  usage: "ID",
  options: withCommon({
    grace: { type: "string", valueHint: "TIME", description: "how long it gets (what it was started with)" },
  }),
  plan(given: Options<"grace">) {
    const word = given.value("grace");
    const grace = word === undefined ? undefined : parseTime("--grace", word);
    const state = readRunning(given.rest);
    return () => stopContainer(state, grace ?? state.grace);
  },
});

/** The supervisor keeps the window; the time goes along with the signal (sigqueue(3)). Returns when the supervisor has cleaned up. */
function stopContainer({ supervisor }: State, grace: number): never {
  const pidfd = isAlive(supervisor) ? pidfdOpen(supervisor.pid) : undefined;
  if (pidfd !== undefined) {
    sigqueue(supervisor.pid, SIGTERM, grace);
    while (!pollOnce(pidfd, POLLIN, 60_000)) {
      // poll(2) says POLLIN when the process has ended
    }
  }
  return exit(0);
}
