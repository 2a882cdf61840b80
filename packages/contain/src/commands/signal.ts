// `contain kill` and `contain stop`.
import { join } from "node:path";
import {
  exit,
  type Options,
  POLLIN,
  parseSignal,
  parseTime,
  pidfdOpen,
  pidfdSendSignal,
  pollOnce,
  SIGTERM,
  sigqueue,
  ToolError,
  UsageError,
  warn,
  withCommon,
  writeKernelFile,
} from "@contain-tools/kernel";
import { subcommand } from "../command.ts";
import { isAlive, type ProcessId, type State, statusOf } from "../state.ts";
import { checkRunning, readContainer, readRunning } from "./container.ts";

export const kill = subcommand({
  name: "kill",
  description: "Send a signal to PID 1 of a container (KILL)",
  usage: "ID [SIGNAL]",
  options: withCommon({}),
  optionsBehind: 2,
  plan(given) {
    const [id, signal = "KILL", ...more] = given.rest;
    if (more[0] !== undefined) throw new UsageError(`${more[0]}: one word too many`, "contain kill ID [SIGNAL]");
    const number = parseSignal(signal);
    const { init } = readRunning(id === undefined ? [] : [id]);
    return () => {
      const pidfd = hold(init);
      if (pidfd === undefined || !pidfdSendSignal(pidfd, number)) throw new ToolError("the container has ended");
      return exit(0);
    };
  },
});

export const stopOptions = withCommon({
  grace: { type: "string", valueHint: "TIME", description: "how long it gets (what it was started with)" },
});

export const stop = subcommand({
  name: "stop",
  description: "Ask PID 1 of a container to end, and kill it when the grace window is over",
  usage: "ID",
  options: stopOptions,
  optionsBehind: 1,
  plan(given: Options<"grace">) {
    const word = given.value("grace");
    const grace = word === undefined ? undefined : parseTime("--grace", word);
    const state = readContainer(given.rest);
    if (statusOf(state) !== "starting") checkRunning(state);
    return () => stopContainer(state, grace ?? state.grace);
  },
});

const MOST = 0x7fffffff; // what fits beside a signal (union sigval, sigqueue(3)): 24 days

/** The supervisor keeps the window; the time goes along with the signal (sigqueue(3)). Returns when the supervisor has cleaned up. */
function stopContainer(state: State, grace: number): never {
  const { id, supervisor, group } = state;
  const pidfd = hold(supervisor);
  if (pidfd === undefined) return exit(0);
  sigqueue(supervisor.pid, SIGTERM, Math.min(grace, MOST));
  if (group !== undefined && statusOf(state) === "paused") {
    warn(`${id} is paused: it is thawed, to take the signal`);
    writeKernelFile(join(group, "cgroup.freeze"), "0");
  }
  while (!pollOnce(pidfd, POLLIN, 60_000)) {
    // poll(2) says POLLIN when the process has ended
  }
  return exit(0);
}

/** A pidfd of exactly this process; undefined when it has ended. A PID alone could be another's by now. */
function hold(process: ProcessId): number | undefined {
  try {
    const pidfd = pidfdOpen(process.pid);
    return isAlive(process) ? pidfd : undefined;
  } catch {
    return undefined; // ESRCH
  }
}
