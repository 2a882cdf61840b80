// `contain start`: starts containers that `contain create` made, or that have ended, by the words that they were made with.
import { type Chain, fork, type Options, withCommon } from "@contain-tools/chain";
import { chdir, codeOf, exit, shellStatus, ToolError, takeAllSignals, UsageError, waitpid } from "@contain-tools/kernel";
import { folderOf, forgetFiles, readState, type State } from "@contain-tools/state";
import { type Subcommand, subcommand } from "../command.ts";
import { readLog } from "../run/log/read.ts";
import { runOptions } from "../run/options.ts";
import { run } from "../run/run.ts";
import { attachTo } from "./attach.ts";
import { canStart, endAfterEach, nameOf, readContainers } from "./container.ts";
import { collect } from "./gc.ts";
import type { Compose } from "./run.ts";

const startOptions = withCommon({
  attach: { type: "boolean", alias: "a", description: "show its output, pass signals on and end with its status, as `contain attach`" },
  interactive: { type: "boolean", alias: "i", description: "accepted: with --attach, what is typed goes to a container with --tty" },
});

export function startCommandWith(compose: Compose): Subcommand {
  return subcommand({
    name: "start",
    description: "Start containers that were created, or that have ended, under the same ids",
    usage: "ID…",
    options: startOptions,
    instead: { "detach-keys": "they are Ctrl-P Ctrl-Q" },
    plan(given: Options<"attach">, chain) {
      const states = readContainers(given.rest);
      for (const state of states) checkKept(state);
      const begin = (state: State) => (canStart(state) ? startAgain(chain, compose, state) : 0); // one that runs is left alone, as in docker
      if (!given.has("attach")) return () => endAfterEach(states, begin);
      const [state, other] = states;
      if (state === undefined || other !== undefined) throw new UsageError("--attach takes one container");
      return () => {
        const { id } = state;
        const log = readLog(folderOf(id), { lines: 0, quiet: true });
        const status = begin(state);
        if (status !== 0) return exit(status);
        takeAllSignals();
        return exit(attachTo(chain.context, readState(id) ?? state, log));
      };
    },
  });
}

/** @throws UsageError if it is not known how to start it */
export function checkKept(state: State): void {
  if (!canStart(state) || state.kept !== undefined) return;
  throw new UsageError(
    `${nameOf(state)} cannot be started again: it was not detached`,
    `contain rm ${nameOf(state)}, and \`contain run\` again`,
  );
}

/** Starts a container in the background, and waits until the program runs. Returns 0, or the status of the failure, which has been told. */
export function startAgain(chain: Chain, compose: Compose, before: State): number {
  const { context } = chain;
  const { id, kept } = before;
  // In a process of its own, since the container's directory and its words hold for all of it.
  const pid = fork(context, { flags: 0 }, () => {
    if (kept === undefined) throw new ToolError(`${id}: its words are not known`);
    goTo(kept.cwd, before);
    const given = chain.more(runOptions, kept.words, { name: `contain start ${nameOf(before)}`, description: "", usage: "" });
    return run(context, compose(given, chain, { before, clear: () => clear(before) }));
  });
  return shellStatus(waitpid(pid, 0)?.status ?? 0);
}

function goTo(cwd: string, state: State): void {
  try {
    chdir(cwd);
  } catch (error) {
    const why = `the directory in which it was made, ${cwd}, cannot be entered: ${codeOf(error)}`;
    throw new UsageError(`${nameOf(state)} cannot be started: ${why}`, "relative paths begin there", 125, { cause: error });
  }
}

/** The lock is held. */
function clear({ id }: State): void {
  const now = readState(id);
  if (now === undefined) throw new ToolError(`${id} was removed meanwhile`);
  if (!canStart(now)) throw new ToolError(`${id} was started by another process meanwhile`);
  collect(now);
  forgetFiles(id, "signals", "limits", "attach", "health");
}
