// Copies bytes from one descriptor to several. Reads on only when every reader has everything, so that a slow reader slows the
// writer down, as on any terminal.
import { codeOf, POLLERR, POLLHUP, POLLIN, POLLOUT, readNow, type Source, writeNow } from "@contain-tools/kernel";

export interface Flow {
  /** Adds a descriptor that gets what is read from now on. `gone` is called once, when it cannot be written to any more. */
  readonly addSink: (outlet: Outlet, gone: () => void) => void;
  /** Writes bytes of our own to every sink. Only if `idle`. */
  readonly insert: (bytes: Uint8Array) => void;
  /** True when everything that was read has been written. */
  readonly idle: () => boolean;
  /** False when there is nothing more to read. */
  readonly isOpen: () => boolean;
}

export interface Outlet {
  readonly fd: number;
  /** It may block: written to only when poll(2) reports POLLOUT, and then at most PIPE_BUF bytes. */
  readonly mayBlock: boolean;
}

interface Sink {
  readonly source: Source;
  readonly mayBlock: boolean;
  rest: Uint8Array;
}

const CHUNK = 65536;
const ROOM = 4096; // PIPE_BUF (pipe(7))
const NOTHING = new Uint8Array(0);

/**
 * @param sources the sources of the caller's poll loop; the flow adds its descriptors
 * @param from must not block when poll(2) reports POLLIN
 * @param ended called at the end of `from`; returns true to go on reading
 * @param filter transforms a chunk before it is passed on
 */
export function startFlow(
  sources: Source[],
  from: number,
  ended: () => boolean,
  filter: (chunk: Uint8Array) => Uint8Array = (chunk) => chunk,
): Flow {
  const chunk = Buffer.allocUnsafeSlow(CHUNK);
  const sinks: Sink[] = [];
  let open = true;
  const idle = () => sinks.every(({ rest }) => rest.length === 0);
  const insert = (bytes: Uint8Array) => {
    for (const sink of [...sinks]) {
      sink.rest = bytes;
      if (!sink.mayBlock) sink.source.ready(POLLOUT);
    }
  };
  sources.push({
    fd: from,
    wants: () => (open && idle() ? POLLIN : undefined),
    ready: () => {
      const length = readNow(from, chunk);
      if (length === 0) open = ended();
      else if (length !== undefined) insert(filter(chunk.subarray(0, length)));
    },
  });
  const addSink = ({ fd, mayBlock }: Outlet, gone: () => void) => {
    const sink: Sink = {
      mayBlock,
      rest: NOTHING,
      source: {
        fd,
        wants: () => (sink.rest.length > 0 ? POLLOUT : 0),
        ready: (events) => {
          if (sink.rest.length === 0 && !(events & (POLLERR | POLLHUP))) return;
          try {
            sink.rest = sink.rest.subarray(writeNow(fd, mayBlock ? sink.rest.subarray(0, ROOM) : sink.rest));
            if (!(events & (POLLERR | POLLHUP))) return;
          } catch (error) {
            if (codeOf(error) === "ENOSPC" || codeOf(error) === "EDQUOT") {
              sink.rest = NOTHING; // lost; the disk may have space again later
              return;
            }
          }
          sinks.splice(sinks.indexOf(sink), 1);
          sources.splice(sources.indexOf(sink.source), 1);
          gone();
        },
      },
    };
    sinks.push(sink);
    sources.push(sink.source);
  };
  return { addSink, insert, idle, isOpen: () => open };
}
