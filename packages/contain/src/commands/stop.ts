// `contain stop`: the supervisor waits for the grace time. If it cannot, we end the container ourselves.
import { type Options, warn, withCommon } from "@contain-tools/chain";
import {
  hasEnded,
  join,
  killGroup,
  monotonic,
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
import { isStopped, noteEvent, noteSignal, openProcess, type State, stateOf, statusOf } from "@contain-tools/state";
import { subcommand } from "../command.ts";
import { describeNotRunning, endAfterEach, isOrphan, readContainers, sayOrphan } from "./container.ts";

export const stopOptions = withCommon({
  grace: {
    type: "string",
    alias: "t",
    also: ["time", "timeout"],
    valueHint: "TIME",
    description: "how long it gets (what it was started with)",
  },
});

export const stop = subcommand({
  name: "stop",
  description: "Ask PID 1 of a container to end, and kill it when the grace window is over",
  usage: "ID…",
  options: stopOptions,
  plan(given: Options<"grace">) {
    const word = given.value("grace");
    const grace = word === undefined ? undefined : parseTime("--grace", word);
    const states = readContainers(given.rest).filter((state) => !["created", "exited"].includes(statusOf(state))); // these are stopped already
    const dead = states.find((state) => statusOf(state) === "dead");
    if (dead !== undefined && !isOrphan(dead)) throw new UsageError(...describeNotRunning(dead));
    return () => {
      const asked = states.map((state) => ({ ...state, wait: stopContainer(state, grace ?? state.grace, "contain stop") })); // all at once
      return endAfterEach(asked, ({ id, wait }) => {
        wait();
        noteEvent(id, "stop");
      });
    };
  },
});

export const MAX_MILLISECONDS = 0x7fffffff; // what fits in the value of a signal (union sigval, sigqueue(3)), and what poll(2) can wait: 24 days
export const LATE = 1000; // milliseconds beyond the grace time that a supervisor may take
const KILLED = 5000; // milliseconds for a killed PID 1 to end

/**
 * Asks a container to end; the grace time is sent with the signal (sigqueue(3)). Returns a function that waits until the supervisor has
 * cleaned up, or until it is stopped and the container has ended.
 *
 * @param grace milliseconds
 * @param by the command, for the verdict
 */
export function stopContainer(state: State, grace: number, by: string): () => void {
  const { supervisor, init } = state;
  const pidfd = openProcess(supervisor);
  const first = init && openProcess(init);
  if (pidfd === undefined) return first === undefined ? () => {} : stopOrphan(sayOrphan(state), first, grace);
  askSupervisor(state, pidfd, Math.min(grace, MAX_MILLISECONDS));
  const deadline = monotonic() + grace + LATE;
  return () => {
    if (pollOnce(pidfd, POLLIN, Math.max(0, Math.min(deadline - monotonic(), MAX_MILLISECONDS)))) return;
    if (first !== undefined) killIfAlive(state, first, by);
    waitForSupervisor(state, pidfd);
  };
}

/** Sends SIGTERM to the supervisor, with a number (sigqueue(3)), and makes sure that both it and the container can take it. */
export function askSupervisor(state: State, pidfd: number, value: number): void {
  const { id, supervisor, group } = state;
  pidfdSendSignal(pidfd, SIGTERM, value);
  if (group !== undefined && statusOf(state) === "paused") {
    warn(`${id} is paused: thawing it, so that it gets the signal`);
    writeKernelFile(join(group, "cgroup.freeze"), "0");
  }
  if (isStopped(supervisor)) {
    warn(`${id}: its supervisor, PID ${supervisor.pid}, is stopped: continuing it, so that it gets the signal`);
    pidfdSendSignal(pidfd, SIGCONT); // as systemd does after each SIGTERM (systemd.kill(5))
  }
}

/** The grace time is over, and the supervisor has not killed PID 1, so this command does. */
export function killIfAlive(state: State, first: number, by: string): void {
  const { id, supervisor, group } = state;
  if (hasEnded(first)) return;
  warn(`${id}: its supervisor, PID ${supervisor.pid}, ${describeState(state)}: the grace time is over, so this command kills PID 1`);
  noteSignal(id, SIGKILL, by);
  killFromHere(first, group);
}

/** Without a supervisor: SIGTERM and SIGKILL from here. */
function stopOrphan({ group }: State, init: number, grace: number): () => void {
  if (grace > 0) pidfdSendSignal(init, SIGTERM);
  return () => {
    if (!pollOnce(init, POLLIN, Math.min(grace, MAX_MILLISECONDS))) killFromHere(init, group);
  };
}

function waitForSupervisor({ id, supervisor }: State, pidfd: number): void {
  while (!pollOnce(pidfd, POLLIN, LATE)) {
    if (!isStopped(supervisor)) continue;
    warn(
      `${id} has ended; its state stays until its stopped supervisor goes on: kill -CONT ${supervisor.pid}, or kill -KILL ${supervisor.pid} and \`contain gc\``,
    );
    return;
  }
}

function describeState({ supervisor }: State): string {
  return isStopped(supervisor) ? "is stopped" : `does not act (state ${stateOf(supervisor)}, proc_pid_stat(5))`;
}

function killFromHere(init: number, group: string | undefined): void {
  pidfdSendSignal(init, SIGKILL); // with PID 1 the kernel kills its whole PID namespace
  if (group !== undefined) killGroup(group); // and without a PID namespace, the rest
  if (!pollOnce(init, POLLIN, KILLED))
    warn("PID 1 has not ended yet: it is in an uninterruptible system call (state D), and SIGKILL takes effect when the call returns");
}
