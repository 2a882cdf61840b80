// The outer end of a pseudo-terminal: our own terminal in raw mode, bytes in both directions, the window size. Keys are bytes here; the
// terminal inside decides what they mean (Ctrl-C, Ctrl-Z, end of file).

import type { Context } from "@contain-tools/chain";
import {
  close,
  fstat,
  O_NOCTTY,
  O_NONBLOCK,
  O_WRONLY,
  open,
  openPeer,
  POLLIN,
  pollOnce,
  receiveDescriptor,
  SIGHUP,
  SIGINT,
  SIGTERM,
  type SignalInfo,
  type Source,
  waitForSignalOr,
} from "@contain-tools/kernel";
import { type Flow, type Outlet, startFlow } from "./flow.ts";
import { type Heard, hearKeys } from "./keys.ts";
import { attachTerminal, hangUp, type OwnTerminal } from "./ownterminal.ts";

/** The child on that terminal: the part of `Spawned` that is needed here. */
interface TerminalChild {
  readonly pid: number;
  /** The socket that the pseudo-terminal's master arrives on. */
  readonly console: number | undefined;
  /** Readable as soon as the program was started, or something failed. */
  readonly report: number;
  /** Then: the tool that failed. */
  readonly failed: () => string | undefined;
}

interface RelayOptions {
  /** Where keys come from; undefined for a terminal without input. */
  readonly input: number | undefined;
  /** Where the program's output goes. */
  readonly output: number;
  /** Is shown what the program writes. */
  readonly keep?: ((chunk: Uint8Array) => void) | undefined;
  /** True once the master has arrived. */
  readonly onMaster?: (master: number) => void;
}

export interface Relay {
  /** Poll these until the child has ended. */
  readonly sources: Source[];
  /** True for a signal that concerns only the terminal. */
  readonly takes: (info: SignalInfo) => boolean;
  /** Adds a reader of the output until it closes. It must not block. */
  readonly addReader: (fd: number, gone: () => void) => void;
  /** Tells about keys of our terminal that become signals inside, from now on. */
  readonly onKey: (heard: Heard) => void;
  /** Passes on the program's last output, and restores our terminal. */
  readonly end: () => void;
}

/** Descriptor 0; undefined if it is closed: a keyboard without keys pressed, not one at its end. */
export function keyboard({ launch }: Context): number | undefined {
  return launch.closed.includes(0) ? undefined : 0;
}

/** Serves the pseudo-terminal that the child of a plan with `tty` makes. All signals must be blocked. */
export function startRelay(spawned: TerminalChild, { input, output, keep, onMaster }: RelayOptions): Relay {
  const { console = -1, report } = spawned;
  const sources: Source[] = [];
  let master: number | undefined;
  let slave: number | undefined;
  let flow: Flow | undefined;
  let own: OwnTerminal | undefined;
  let started = false;
  let heard: Heard | undefined;

  const begin = () => {
    if (!started || master === undefined || slave === undefined || input === undefined) return;
    const filter = hearKeys(master, (signal, group) => heard?.(signal, group));
    own = attachTerminal(sources, { input, output: 1, master, slave, filter });
  };
  const receive: Source = {
    fd: console,
    wants: () => POLLIN,
    ready: () => {
      sources.splice(sources.indexOf(receive), 1);
      master = receiveDescriptor(console);
      close(console);
      if (master === undefined) return; // the child failed and printed why
      slave = openPeer(master); // while a process has it open, the master does not hang up: poll(2) would report POLLHUP forever
      flow = startFlow(
        sources,
        master,
        () => false,
        keep &&
          ((chunk) => {
            keep(chunk);
            return chunk;
          }),
      );
      // Our output was closed: treat it as a closed terminal.
      flow.addSink(unblocked(output), hangUp);
      onMaster?.(master);
      begin();
    },
  };
  // Raw mode waits until the program runs, so that the error of a failed link appears on a normal terminal.
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
    onKey: (listener) => {
      heard = listener;
    },
    addReader: (fd, gone) => flow?.addSink({ fd, mayBlock: false }, gone),
    end: () => {
      if (slave !== undefined) close(slave);
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

/** A file description of our own that does not block: O_NONBLOCK on the given one would also affect the caller's shell. */
export function unblocked(fd: number): Outlet {
  const stat = fstat(fd);
  if (stat.isFile()) return { fd, mayBlock: false };
  try {
    return { fd: open(`/proc/self/fd/${fd}`, O_WRONLY | O_NONBLOCK | O_NOCTTY), mayBlock: false };
  } catch {
    return { fd, mayBlock: true }; // a socket, or another user's terminal, as after su(1)
  }
}

/** Copies what is left in the pseudo-terminal when its program has ended. A signal ends the wait for a stalled reader. */
function drain(sources: readonly Source[], master: number, flow: Flow): void {
  const over = () => flow.idle() && !(flow.isOpen() && pollOnce(master, POLLIN, 0));
  while (!over()) {
    const info = waitForSignalOr(sources, undefined, over);
    if (info !== undefined && (info.signal === SIGTERM || info.signal === SIGINT || info.signal === SIGHUP)) return;
  }
}
