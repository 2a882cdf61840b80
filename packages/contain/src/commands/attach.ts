// `contain attach`: connects this terminal, or this standard input and output, to a running container.

import { closeSync } from "node:fs";
import { type Context, warn, withCommon } from "@contain-tools/chain";
import {
  connectTo,
  exit,
  getpid,
  kill,
  POLLIN,
  pidfdSendSignal,
  pollOnce,
  receiveDescriptor,
  SIGCHLD,
  SIGCONT,
  SIGHUP,
  SIGINT,
  SIGPIPE,
  SIGQUIT,
  SIGSTOP,
  SIGTERM,
  SIGTSTP,
  SIGWINCH,
  type Source,
  signalForeground,
  signalName,
  ToolError,
  takeAllSignals,
  UsageError,
  waitForSignalOr,
} from "@contain-tools/kernel";
import { endOf, folderOf, readState, type State, supervisorEnd, waitForEnd } from "@contain-tools/state";
import { attachTerminal, keyboard, startFlow, unblocked } from "@contain-tools/terminal";
import { subcommand } from "../command.ts";
import { attachSocketOf } from "../run/console.ts";
import { detachKeys } from "../run/detachkeys.ts";
import { printer, type Selection } from "../run/log/print.ts";
import { type LogReader, onGrowth, readLog } from "../run/log/read.ts";
import { isSame, readRunning } from "./container.ts";

export const attach = subcommand({
  name: "attach",
  description: "Join the terminal of a container, or follow its output and pass signals on",
  usage: "ID",
  options: withCommon({}),
  instead: {
    "no-stdin": "contain attach ID </dev/null",
    "sig-proxy": "signals are always passed on; `contain logs -f ID` only shows the output",
    "detach-keys": "they are Ctrl-P Ctrl-Q",
  },
  plan(given, { context }) {
    const state = readRunning(given.rest);
    if (!state.tty && !state.detached)
      throw new UsageError(`${state.id} has no terminal to attach to`, "it was started without --tty and without --detach");
    return () => {
      takeAllSignals();
      return exit(state.tty ? attachToTerminal(context, state) : followOutput(state, logFromNow(state)));
    };
  },
});

const logFromNow = ({ id }: State) => readLog(folderOf(id), { lines: 0, quiet: true });

/** The same of one that has just been started. All signals must be blocked. @param log what it has written since */
export function attachTo(context: Context, state: State, log: LogReader): number {
  if (!state.tty || state.ended !== undefined) return followOutput(state, log);
  const { print, flush } = printer(BOTH, false);
  log.copy(print);
  flush();
  return attachToTerminal(context, state);
}

const BOTH: Selection = { streams: ["stdout", "stderr"] };

/** Returns our exit status: the container's, or 0 after the detach keys. */
function attachToTerminal(context: Context, state: State): number {
  const socket = connectTo(attachSocketOf(state.id));
  const master = receiveDescriptor(socket);
  if (master === undefined)
    throw new ToolError(
      `${state.id}: its supervisor closed the connection`,
      "it has ended, or it is in another user or PID namespace: it gives its terminal only within its own",
    );
  const sources: Source[] = [];
  let over: "ended" | "detached" | undefined;
  const output = startFlow(sources, socket, () => {
    over = "ended";
    return false;
  });
  output.addSink(unblocked(1), () => kill(getpid(), SIGHUP));
  const input = keyboard(context) ?? -1;
  const filter = detachKeys(() => {
    over = "detached";
  });
  const own = attachTerminal(sources, { input, output: 1, master, filter });
  signalForeground(master, SIGWINCH); // makes a full-screen program redraw
  let signal = 0;
  const isOver = () => over !== undefined && output.idle();
  while (!isOver() && signal === 0) {
    const info = waitForSignalOr(sources, undefined, isOver);
    if (info !== undefined && !own.takes(info) && [SIGTERM, SIGINT, SIGHUP, SIGQUIT].includes(info.signal)) signal = info.signal;
  }
  own.end();
  closeSync(master);
  if (signal !== 0) return 128 + signal;
  if (over === "detached") {
    warn(`detached from ${state.id}, which goes on running`);
    return 0;
  }
  return endOfLife(state);
}

const LOOK = 100; // milliseconds

/** Our exit status when its terminal has gone: it has ended, perhaps to be started again. */
function endOfLife(state: State): number {
  const pidfd = supervisorEnd(state);
  while (pidfd !== undefined && !pollOnce(pidfd, POLLIN, LOOK)) {
    const now = readState(state.id);
    if (now?.restarting === undefined && (now?.init === undefined || isSame(now.init, state.init))) continue;
    warn(`${state.id} has ended, and is started again`);
    return now.restarting?.status ?? 0;
  }
  return state.detached ? endOf(state).status : (waitForEnd(state)?.status ?? 0);
}

/** Without a terminal: shows its output from now on, and passes our signals to the supervisor, as if we had started it. */
function followOutput(state: State, { copy }: LogReader): number {
  const { id } = state;
  const end = supervisorEnd(state);
  const { print, flush } = printer(BOTH, false);
  const show = () => {
    copy(print);
    flush();
  };
  let over = end === undefined;
  const sources: Source[] = [onGrowth(folderOf(id), show)];
  const ended = () => {
    over = true;
  };
  if (end !== undefined) sources.push({ fd: end, wants: () => POLLIN, ready: ended });
  sources.push({ fd: 1, wants: () => 0, ready: () => exit(128 + SIGPIPE) }); // our output was closed
  while (!over) {
    const info = waitForSignalOr(sources, undefined, () => over);
    if (info === undefined || [SIGCHLD, SIGCONT, SIGWINCH].includes(info.signal)) continue;
    if (info.signal === SIGTSTP) kill(getpid(), SIGSTOP);
    else if (end !== undefined && pidfdSendSignal(end, info.signal)) warn(`${signalName(info.signal)} passed on to ${id}`);
  }
  show();
  return endOf(state).status;
}
