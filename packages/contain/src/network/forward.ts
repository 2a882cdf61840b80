// --publish: the supervisor accepts connections on the host and passes their bytes on to the container, both ways.
import {
  acceptFrom,
  close,
  type Endpoint,
  failedWith,
  listenOn,
  POLLERR,
  POLLIN,
  POLLOUT,
  type Protocol,
  receiveNow,
  type Source,
  sendAtOnce,
  sendNow,
  shutdownWrite,
  socketError,
  startConnecting,
  ToolError,
} from "@contain-tools/kernel";
import { describePublished, type Published } from "@contain-tools/pasta";
import { forwardDatagrams } from "./udp.ts";

const MAX_CONNECTIONS = 512; // connections at once per port: each takes two descriptors
const CHUNK = 65536;

/** Sockets on the host, made before anything starts. @throws ToolError if a port cannot be bound */
export function listenFor(published: readonly Published[]): number[] {
  const fds: number[] = [];
  for (const wanted of published) {
    try {
      fds.push(listenOn(wanted.protocol, wanted.host));
    } catch (error) {
      for (const fd of fds) close(fd);
      if (!(error instanceof ToolError)) throw error;
      const what = failedWith(error, "EADDRINUSE") ? `port ${wanted.host.port}/${wanted.protocol} of the host is in use` : error.message;
      throw new ToolError(`--publish ${describePublished(wanted)}: ${what}`, error.hint, 125, { cause: error });
    }
  }
  return fds;
}

/** A socket of `listenFor`, and its destination. */
export interface Forwarded {
  readonly fd: number;
  readonly protocol: Protocol;
  readonly to: Endpoint;
}

/** Adds them to the poll sources. */
export function forwardAll(sources: Source[], list: readonly Forwarded[]): void {
  for (const { fd, protocol, to } of list) {
    if (protocol === "udp") forwardDatagrams(sources, fd, to);
    else forwardConnections(sources, fd, to);
  }
}

function forwardConnections(sources: Source[], listener: number, to: Endpoint): void {
  let open = 0;
  sources.push({
    fd: listener,
    wants: () => (open < MAX_CONNECTIONS ? POLLIN : undefined),
    ready: () => {
      const client = acceptFrom(listener);
      if (client === undefined) return;
      open++;
      connect(sources, client, to, () => open--);
    },
  });
}

function connect(sources: Source[], client: number, to: Endpoint, gone: () => void): void {
  let server: number;
  try {
    server = startConnecting("tcp", to);
  } catch {
    close(client); // the container ended, or we have no descriptors left
    gone();
    return;
  }
  for (const fd of [client, server]) sendAtOnce(fd);
  let connected = false;
  const up: Direction = { from: client, to: server, rest: Buffer.alloc(0), chunk: undefined, open: true };
  const down: Direction = { from: server, to: client, rest: Buffer.alloc(0), chunk: undefined, open: true };
  const end = () => {
    for (const source of own) {
      sources.splice(sources.indexOf(source), 1);
      close(source.fd);
    }
    gone();
  };
  const source = (fd: number, reads: Direction, writes: Direction): Source => ({
    fd,
    // Undefined, not 0: otherwise poll(2) would report again and again a hang-up that cannot be handled yet.
    wants: () => {
      if (!connected) return fd === server ? POLLOUT : undefined;
      return (reads.open && reads.rest.length === 0 ? POLLIN : 0) | (writes.rest.length > 0 ? POLLOUT : 0) || undefined;
    },
    ready: (events) => {
      if (!connected) {
        if (socketError(server) !== 0) return end(); // nothing listens there: the client's connection is closed
        connected = true;
        return undefined;
      }
      if ((events & POLLERR) !== 0) return end();
      if (!pass(reads, writes, events)) return end();
      return reads.open || writes.open || reads.rest.length > 0 || writes.rest.length > 0 ? undefined : end();
    },
  });
  const own = [source(client, up, down), source(server, down, up)];
  sources.push(...own);
}

interface Direction {
  readonly from: number;
  readonly to: number;
  /** Read, and not yet written. */
  rest: Buffer;
  chunk: Buffer | undefined;
  /** The writer may still send. */
  open: boolean;
}

/** False if the connection is broken. */
function pass(reads: Direction, writes: Direction, events: number): boolean {
  if ((events & POLLOUT) !== 0 && writes.rest.length > 0 && !flush(writes)) return false;
  if (!reads.open || reads.rest.length > 0) return true;
  reads.chunk ??= Buffer.allocUnsafeSlow(CHUNK);
  const length = receiveNow(reads.from, reads.chunk);
  if (length === -1) return true;
  if (length === undefined) {
    reads.open = false;
    shutdownWrite(reads.to);
    return true;
  }
  reads.rest = reads.chunk.subarray(0, length);
  return flush(reads);
}

function flush(direction: Direction): boolean {
  const sent = sendNow(direction.to, direction.rest);
  if (sent === undefined) return false;
  direction.rest = direction.rest.subarray(sent);
  return true;
}
