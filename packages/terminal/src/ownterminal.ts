// Our own terminal, or another input, at the outer end of a pseudo-terminal: raw mode, the window size, the end of the input.

import {
  endOfFileKey,
  foregroundGroup,
  getAttributes,
  getpid,
  inForeground,
  isTerminal,
  kill,
  POLLIN,
  pollOnce,
  SIGCONT,
  SIGHUP,
  SIGSTOP,
  SIGWINCH,
  type SignalInfo,
  type Source,
  setTracer,
  setWindowSize,
  takeTicks,
  timerfd,
  windowSize,
} from "@contain-tools/kernel";
import { type Flow, startFlow } from "./flow.ts";
import { makeRaw, type RawTerminal } from "./rawterminal.ts";

export interface OwnTerminal {
  readonly takes: (info: SignalInfo) => boolean;
  readonly end: () => void;
}

interface Attachment {
  readonly input: number;
  /** A terminal to take the size from if the input has none. */
  readonly output: number;
  readonly master: number;
  /** Given if the end of the input is an end of file for the program. */
  readonly slave?: number;
  readonly filter?: (chunk: Uint8Array) => Uint8Array;
}

/** Connects our terminal, or another input, to a pseudo-terminal's input and size. */
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
      stopInBackground(input); // as SIGTTIN would: the user types to the shell, not to us
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

/** Our terminal was closed: send ourselves the SIGHUP, which the signal loop handles. */
export function hangUp(): void {
  kill(getpid(), SIGHUP);
}

const isBackground = (fd: number) => foregroundGroup(fd) !== undefined && !inForeground();

/** A job started with `&` must not take the terminal from the shell: it stops until `fg`, as by SIGTTOU. */
function stopInBackground(fd: number): void {
  const restore = setTracer({ raw: false });
  while (isBackground(fd)) kill(getpid(), SIGSTOP);
  restore();
}

/**
 * Gives every further read(2) of the program an end of file, like a file at its end: the key for it is queued again each time the
 * queue is empty. A switch to raw mode and back discards queued ones.
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
