// `contain attach`: connects this terminal, or this standard input and output, to a running container.

import { closeSync } from "node:fs";
import { type Context, warn, withCommon } from "@contain-tools/chain";
import {
  connectTo,
  exit,
  failedWith,
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
      return exit(state.tty ? attachToTerminal(context, state, joinTerminal(state)) : followOutput(state, logFromNow(state)));
    };
  },
});

const logFromNow = ({ id }: State) => readLog(folderOf(id), { lines: 0, quiet: true });

/** The same of one that has just been started. All signals must be blocked. @param log what it has written since */
export function attachTo(context: Context, state: State, log: LogReader): number {
  const joined = state.tty && state.ended === undefined ? joinTerminal(state) : undefined;
  if (joined === undefined) return followOutput(state, log); // it may be ending already
  let shown = false;
  const { print, flush } = printer(BOTH, false);
  const show = () => {
    log.copy((entry) => {
      shown = true;
      return print(entry);
    });
    flush();
  };
  show();
  const status = attachToTerminal(context, state, joined, () => {
    shown = true;
  });
  if (!shown) show(); // it wrote before it gave its terminal, and ended: all of that is in the log
  return status;
}

const BOTH: Selection = { streams: ["stdout", "stderr"] };

interface Joined {
  /** Its output. */
  readonly socket: number;
  readonly master: number;
}

/** Asks the supervisor for the terminal; undefined if it does not give it. */
function joinTerminal({ id }: State): Joined | undefined {
  try {
    const socket = connectTo(attachSocketOf(id));
    const master = receiveDescriptor(socket);
    return master === undefined ? undefined : { socket, master };
  } catch (error) {
    if (failedWith(error, "ENOENT", "ECONNREFUSED", "ECONNRESET")) return undefined; // it has ended
    throw error;
  }
}

/** Returns our exit status: the container's, or 0 after the detach keys. @param came called when there is output */
function attachToTerminal(context: Context, state: State, joined: Joined | undefined, came = () => {}): number {
  if (joined === undefined)
    throw new ToolError(
      `${state.id}: its supervisor closed the connection`,
      "it has ended, or it is in another user or PID namespace: it gives its terminal only within its own",
    );
  const { socket, master } = joined;
  const sources: Source[] = [];
  let over: "ended" | "detached" | undefined;
  const ended = () => {
    over = "ended";
    return false;
  };
  const output = startFlow(sources, socket, ended, (chunk) => {
    came();
    return chunk;
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
