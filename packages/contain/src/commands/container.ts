// The container named by a command's argument.
import { report, warn } from "@contain-tools/chain";
import { childrenOf, exit, namespaceId, procDirectory, readIfThere, statFields, ToolError, UsageError } from "@contain-tools/kernel";
import {
  findContainer,
  identify,
  isAlive,
  isSupervisorStopped,
  openProcess,
  readStates,
  type State,
  type Status,
  statusOf,
} from "@contain-tools/state";

/** A container that has a PID 1. */
export type Running = State & { readonly init: NonNullable<State["init"]> };

/** The container of a command that takes one. @throws UsageError */
export function readContainer(words: readonly string[]): State {
  const [word, ...more] = words;
  if (word === undefined)
    throw new UsageError("missing container", "its id, a unique beginning of the id, or its name; `contain list` shows them");
  if (more[0] !== undefined) throw new UsageError(`unexpected argument: ${more[0]}`, "this command takes one container");
  return findContainer(word);
}

/** The containers of a command that takes several. @throws UsageError */
export function readContainers(words: readonly string[]): readonly State[] {
  const [first, ...more] = words;
  const found = [readContainer(first === undefined ? [] : [first]), ...more.map(findContainer)];
  return found.filter(({ id }, i) => found.findIndex((other) => other.id === id) === i);
}

/** The same, without those that do not exist. */
export function readContainersThere(words: readonly string[]): readonly State[] {
  const states = readStates();
  const isThere = (word: string) => states.some(({ id, name }) => name === word || id.startsWith(word));
  const there = words.filter(isThere);
  return there.length === 0 && words.length > 0 ? [] : readContainers(there);
}

/** What a person calls it. */
export const nameOf = ({ id, name }: Pick<State, "id" | "name">): string => name ?? id;

/** Acts on each, even after failures. Ends with the status of the last failure, thrown or returned, or 0. */
export function endAfterEach<T extends Pick<State, "id">>(containers: readonly T[], act: (container: T) => unknown): never {
  let status = 0;
  for (const container of containers) {
    try {
      const failed = act(container);
      if (typeof failed === "number" && failed !== 0) status = failed;
    } catch (error) {
      status = report(error);
    }
  }
  return exit(status);
}

/** The same, for a command that needs a running or paused container. */
export function readRunning(words: readonly string[]): Running {
  return checkRunning(readContainer(words));
}

/** @throws UsageError if it is not running */
export function checkRunning(state: State): Running {
  const status = statusOf(state);
  const { init } = state;
  if (init !== undefined && (status === "running" || status === "paused")) return { ...state, init };
  throw new UsageError(...describeNotRunning(state));
}

/** Its supervisor was killed and PID 1 was not, because a set-user-ID program has no death signal (PR_SET_PDEATHSIG(2const)). */
export const isOrphan = (state: State): boolean => statusOf(state) === "dead" && state.init !== undefined && isAlive(state.init);

export function sayOrphan(state: State): State {
  warn(
    `${state.id}: its supervisor, PID ${state.supervisor.pid}, is gone: the signal goes to PID 1 directly; \`contain gc\` removes the rest`,
  );
  return state;
}

/** It does not run, and nobody is about to start it. */
export const canStart = (state: State): boolean => ["created", "exited", "dead"].includes(statusOf(state));

/** A running container, or an orphan. @throws UsageError */
export function checkAlive(state: State): Running {
  const { init } = state;
  return init !== undefined && isOrphan(state) ? { ...sayOrphan(state), init } : checkRunning(state);
}

/** Why a container is not running, and what to do. */
export function describeNotRunning(state: State): [string, string | undefined] {
  const status = statusOf(state);
  const { pid } = state.supervisor;
  const why: Partial<Record<Status, string>> = {
    created: `it has not been started: contain start ${nameOf(state)}`,
    starting: "it is being started",
    ending: isSupervisorStopped(state) ? `PID 1 has ended, and its supervisor is stopped: kill -CONT ${pid}` : "PID 1 has ended",
    restarting:
      state.restarting === undefined
        ? "PID 1 has ended"
        : `it ended with exit status ${state.restarting.status}, and its supervisor waits before it starts it again`,
    dead: "its supervisor was killed; `contain gc` removes what it left",
    exited: `exit status ${state.ended?.status}`,
  };
  return [`${state.id} is not running: its status is ${status}`, why[status]];
}

/**
 * A process that gives access to the namespaces of a container. pid1 is not dumpable, so without CAP_SYS_PTRACE even its owner may not use
 * it (ptrace(2), "access mode checking"); the program, its first child, is in the same namespaces.
 */
export function memberOf({ pid }: Running["init"]): number {
  const canBeSeen = (candidate: number) => namespaceId(candidate, "mnt") !== undefined;
  if (canBeSeen(pid)) return pid;
  return childrenOf(pid).find(canBeSeen) ?? pid;
}

/** The same process and its pidfd. The pidfd is opened before the check, since the PID may be reused. @throws ToolError */
export function openMember(init: Running["init"]): { readonly pid: number; readonly pidfd: number } {
  const pid = memberOf(init);
  const pidfd = openProcess(pid === init.pid ? init : (identify(pid) ?? init));
  const parent = pid === init.pid ? pid : Number(statFields(readIfThere(`${procDirectory(pid)}/stat`) ?? "")[1]);
  if (pidfd === undefined || parent !== init.pid || !isAlive(init)) throw new ToolError("the container has ended");
  return { pid, pidfd };
}

/** They are one process. */
export const isSame = (one: State["init"], other: State["init"]) => one?.pid === other?.pid && one?.started === other?.started;

/** The group of a container. @throws UsageError if it has none */
export function groupOf({ id, group }: State): string {
  if (group === undefined) throw new UsageError(`${id} has no cgroup`, "it was started without a writable cgroup v2");
  return group;
}
