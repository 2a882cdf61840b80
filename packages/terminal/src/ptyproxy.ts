// The outer end of a pseudo-terminal: our own terminal in raw mode, bytes both ways, the window's size. Keys are bytes here; what
// they mean (Ctrl-C, Ctrl-Z, end of file) is decided by the terminal inside.
import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { payload } from "@contain-tools/chain";
import {
  endOfFileKey,
  foregroundGroup,
  getAttributes,
  getpid,
  inForeground,
  isTerminal,
  kill,
  messages,
  openPeer,
  POLLIN,
  pollOnce,
  receiveDescriptor,
  SIGCONT,
  SIGHUP,
  SIGINT,
  SIGSTOP,
  SIGTERM,
  SIGWINCH,
  type SignalInfo,
  type Source,
  setWindowSize,
  takeTicks,
  timerfd,
  waitForSignalOr,
  windowSize,
} from "@contain-tools/kernel";
import { type Flow, type Outlet, startFlow } from "./flow.ts";
import { makeRaw, type RawTerminal } from "./rawterminal.ts";

/** A child whose terminal it is: what of `Spawned` is needed here. */
export interface TerminalChild {
  readonly pid: number;
  /** Where the master of the pseudo-terminal will come from. */
  readonly console: number | undefined;
  /** Readable as soon as the program was started, or something failed. */
  readonly report: number;
  /** Then: the tool that failed. */
  readonly failed: () => string | undefined;
}

export interface RelayOptions {
  /** Where keys come from; undefined for a terminal that nobody sits at. */
  readonly input: number | undefined;
  /** Where the program's output goes. */
  readonly output: number;
  /** The pseudo-terminal is there. */
  readonly onMaster?: (master: number) => void;
}

export interface Relay {
  /** To be served until the child has ended. */
  readonly sources: Source[];
  /** True for a signal that is the terminal's own affair. */
  readonly takes: (info: SignalInfo) => boolean;
  /** Another reader of what comes out, which must not block, until it goes. */
  readonly addReader: (fd: number, gone: () => void) => void;
  /** Passes on what the program wrote last, and gives our terminal back. */
  readonly end: () => void;
}

/** Descriptor 0, or nobody: a closed standard input is a keyboard that nobody sits at, not one at its end. */
export function keyboard(): number | undefined {
  return payload.launch.closed.includes(0) ? undefined : 0;
}

/** Serves the pseudo-terminal that the child of a plan with `tty` makes. All signals must be blocked. */
export function startRelay(spawned: TerminalChild, { input, output, onMaster }: RelayOptions): Relay {
  const { console = -1, report } = spawned;
  const sources: Source[] = [];
  let master: number | undefined;
  let slave: number | undefined;
  let flow: Flow | undefined;
  let own: OwnTerminal | undefined;
  let started = false;

  const begin = () => {
    if (!started || master === undefined || slave === undefined || input === undefined) return;
    own = attachTerminal(sources, { input, output: 1, master, slave });
  };
  const receive: Source = {
    fd: console,
    wants: () => POLLIN,
    ready: () => {
      sources.splice(sources.indexOf(receive), 1);
      master = receiveDescriptor(console);
      closeSync(console);
      if (master === undefined) return; // the child has failed, and explained itself
      slave = openPeer(master); // while somebody has it open, the master never hangs up: poll(2) would say so for ever
      flow = startFlow(sources, master, () => false);
      // A reader that is gone for good is a terminal that was closed.
      flow.addSink(unblocked(output), hangUp);
      onMaster?.(master);
      begin();
    },
  };
  // Raw mode waits until the program runs: what a link says when it fails belongs on a terminal that is still as it was.
  const watchStart: Source = {
    fd: report,
    wants: () => POLLIN,
    ready: () => {
      sources.splice(sources.indexOf(watchStart), 1);
      started = spawned.failed() === undefined;
      begin();
    },
  };
  sources.push(receive, watchStart);
  return {
    sources,
    takes: (info) => own?.takes(info) ?? false,
    addReader: (fd, gone) => flow?.addSink({ fd, mayBlock: false }, gone),
    end: () => {
      if (slave !== undefined) closeSync(slave);
      if (master !== undefined && flow !== undefined)
        drain(
          sources.filter(({ fd }) => fd !== input),
          master,
          flow,
        );
      own?.end();
    },
  };
}

export interface OwnTerminal {
  readonly takes: (info: SignalInfo) => boolean;
  readonly end: () => void;
}

export interface Attachment {
  readonly input: number;
  /** A terminal whose size counts if the input has none. */
  readonly output: number;
  readonly master: number;
  /** Given where the end of the input is an end of file for the program. */
  readonly slave?: number;
  readonly filter?: (chunk: Uint8Array) => Uint8Array;
}

/** Joins our terminal, or whatever the input is, to a pseudo-terminal's input and size. */
export function attachTerminal(sources: Source[], { input, output, master, slave, filter }: Attachment): OwnTerminal {
  const terminal = isTerminal(input);
  if (terminal) stopInBackground(input);
  const raw: RawTerminal | undefined = terminal ? makeRaw(input) : undefined;
  const resize = () => {
    const size = windowSize(input) ?? windowSize(output);
    if (size !== undefined && size.rows > 0) setWindowSize(master, size);
  };
  resize();
  const ended = () => {
    if (!terminal) {
      if (slave !== undefined) feedEndOfFile(sources, { master, slave, flow });
      return false;
    }
    if (isBackground(input)) {
      stopInBackground(input); // as SIGTTIN would: somebody types to the shell, not to us
      raw?.again();
      return true;
    }
    hangUp();
    return false;
  };
  const flow = startFlow(sources, input, ended, filter);
  flow.addSink({ fd: master, mayBlock: false }, () => {});
  return {
    takes: ({ signal }) => {
      if (signal === SIGWINCH) resize();
      else if (signal !== SIGCONT || !terminal) return false;
      else if (!isBackground(input)) {
        raw?.again();
        resize();
      }
      return true;
    },
    end: () => raw?.restore(),
  };
}

/** Our terminal was closed. What a hangup means is decided where all signals are. */
function hangUp(): void {
  kill(getpid(), SIGHUP);
}

const isBackground = (fd: number) => foregroundGroup(fd) !== undefined && !inForeground();

/** A job started with `&` must not take the terminal from the shell: it stops, as SIGTTOU would stop it, until `fg`. */
function stopInBackground(fd: number): void {
  const { raw } = messages;
  messages.raw = false;
  while (isBackground(fd)) kill(getpid(), SIGSTOP);
  messages.raw = raw;
}

/**
 * Like a file at its end, every further read(2) of the program gets an end of file: the key for it is put into the queue again
 * each time the queue is empty. Who switches the terminal to raw mode and back loses the ones that were queued.
 */
function feedEndOfFile(
  sources: Source[],
  { master, slave, flow }: { readonly master: number; readonly slave: number; readonly flow: Flow },
): void {
  const timer = timerfd(100);
  const feed = () => {
    if (flow.idle() && !pollOnce(slave, POLLIN, 0)) flow.insert(Uint8Array.of(endOfFileKey(getAttributes(master) ?? new Uint8Array())));
  };
  sources.push({
    fd: timer,
    wants: () => POLLIN,
    ready: () => {
      takeTicks(timer);
      feed();
    },
  });
}

/** A file description of our own that does not block: O_NONBLOCK on the one we were given would also be the caller's shell's. */
export function unblocked(fd: number): Outlet {
  const stat = fstatSync(fd);
  if (stat.isFile()) return { fd, mayBlock: false };
  try {
    return { fd: openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY), mayBlock: false };
  } catch {
    return { fd, mayBlock: true }; // a socket, or another user's terminal, as after su(1)
  }
}

/** What is still in the pseudo-terminal when its program has ended, unless somebody is tired of waiting for a stalled reader. */
function drain(sources: readonly Source[], master: number, flow: Flow): void {
  const over = () => flow.idle() && !(flow.isOpen() && pollOnce(master, POLLIN, 0));
  while (!over()) {
    const info = waitForSignalOr(sources, undefined, over);
    if (info !== undefined && (info.signal === SIGTERM || info.signal === SIGINT || info.signal === SIGHUP)) return;
  }
}
