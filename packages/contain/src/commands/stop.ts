// `contain stop`: the supervisor keeps the grace window. When it cannot, we end the container ourselves.
import { type Options, warn, withCommon } from "@contain-tools/chain";
import {
  exit,
  hasEnded,
  join,
  killGroup,
  POLLIN,
  parseTime,
  pidfdSendSignal,
  pollOnce,
  SIGCONT,
  SIGKILL,
  SIGTERM,
  UsageError,
  writeKernelFile,
} from "@contain-tools/kernel";
import { isStopped, noteSignal, openProcess, type State, stateOf, statusOf } from "@contain-tools/state";
import { subcommand } from "../command.ts";
import { describeNotRunning, readContainer } from "./container.ts";

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
    const status = statusOf(state);
    if (status === "dead" || status === "exited") throw new UsageError(...describeNotRunning(state));
    return () => stopContainer(state, grace ?? state.grace);
  },
});

const MOST = 0x7fffffff; // what fits beside a signal (union sigval, sigqueue(3)), and what poll(2) can wait: 24 days
const LATE = 1000; // milliseconds that a supervisor may take to do what is due
const KILLED = 5000; // milliseconds for a killed PID 1 to end

/** The time goes along with the signal (sigqueue(3)). Returns when the supervisor has cleaned up, or when it is stopped and the container has ended. */
function stopContainer(state: State, grace: number): never {
  const { id, supervisor, init, group } = state;
  const pidfd = openProcess(supervisor);
  if (pidfd === undefined) return exit(0);
  const first = init && openProcess(init);
  pidfdSendSignal(pidfd, SIGTERM, Math.min(grace, MOST));
  if (group !== undefined && statusOf(state) === "paused") {
    warn(`${id} is paused: it is thawed, to take the signal`);
    writeKernelFile(join(group, "cgroup.freeze"), "0");
  }
  if (isStopped(supervisor)) {
    warn(`${id}: its supervisor, PID ${supervisor.pid}, is stopped: it is continued, to take the signal`);
    pidfdSendSignal(pidfd, SIGCONT); // as systemd does after each SIGTERM (systemd.kill(5))
  }
  if (pollOnce(pidfd, POLLIN, Math.min(grace + LATE, MOST))) return exit(0);
  if (first !== undefined && !hasEnded(first)) {
    warn(`${id}: its supervisor, PID ${supervisor.pid}, ${describeState(state)}: the grace window is over, and PID 1 is killed from here`);
    noteSignal(id, SIGKILL, "contain stop");
    killFromHere(first, group);
  }
  while (!pollOnce(pidfd, POLLIN, LATE)) {
    if (!isStopped(supervisor)) continue;
    warn(
      `${id} has ended; its state stays until its supervisor, which is stopped, goes on: kill -CONT ${supervisor.pid}, or kill -KILL ${supervisor.pid} and \`contain gc\``,
    );
    break;
  }
  return exit(0);
}

function describeState({ supervisor }: State): string {
  return isStopped(supervisor) ? "is stopped" : `does not act (state ${stateOf(supervisor)}, proc_pid_stat(5))`;
}

function killFromHere(init: number, group: string | undefined): void {
  pidfdSendSignal(init, SIGKILL); // with PID 1 the kernel kills all of its PID namespace
  if (group !== undefined) killGroup(group); // and without one, the rest
  if (!pollOnce(init, POLLIN, KILLED))
    warn("PID 1 has not ended yet: a process in the kernel without interruption (state D) takes SIGKILL when it comes out");
}
