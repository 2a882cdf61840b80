// TCP and UDP sockets for a poll(2) loop: none of them blocks.

import { declare, errno } from "../ffi/libc.ts";
import { close } from "../file/open.ts";
import { ipBytes, ipText } from "./ip.ts";
import { bindSocket, connectSocket, listenSocket, MSG_NOSIGNAL, openSocket, SOL_SOCKET, setSocketOption } from "./socket.ts";

const AF_INET = 2;
const SO_REUSEADDR = 2;
const SO_ERROR = 4;
const SHUT_WR = 1;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const EAGAIN = 11;
const EINTR = 4;
const BACKLOG = 128;

const getsockoptC = declare("getsockopt");
const getsocknameC = declare("getsockname");
const shutdownC = declare("shutdown");
const sendtoC = declare("sendto", "long");
const recvfromC = declare("recvfrom", "long");

export type Protocol = "tcp" | "udp";

/** A port of an IPv4 address. */
export interface Endpoint {
  readonly ip: string;
  readonly port: number;
}

/** struct sockaddr_in */
function sockaddr({ ip, port }: Endpoint): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16LE(AF_INET, 0);
  bytes.writeUInt16BE(port, 2);
  ipBytes(ip).copy(bytes, 4);
  return bytes;
}

const describe = ({ ip, port }: Endpoint) => `{sin_addr=${ip}, sin_port=${port}}`;

const socket = (protocol: Protocol) => openSocket("AF_INET", protocol === "tcp" ? "SOCK_STREAM" : "SOCK_DGRAM", { nonblocking: true });

/** A listening TCP socket, or a bound UDP one. @throws SyscallError EADDRINUSE, EACCES, EADDRNOTAVAIL */
export function listenOn(protocol: Protocol, endpoint: Endpoint): number {
  const fd = socket(protocol);
  try {
    // Lets the ports of recently closed connections be used again (ip(7)); two UDP sockets would share the port.
    if (protocol === "tcp") setSocketOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    bindSocket(fd, sockaddr(endpoint), describe(endpoint));
    if (protocol === "tcp") listenSocket(fd, BACKLOG);
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}

/** Free TCP ports of 127.0.0.1, as many as asked for. @throws SyscallError EADDRINUSE if there are not enough */
export function freePorts(count: number): number[] {
  const fds: number[] = [];
  try {
    return Array.from({ length: count }, () => {
      const fd = listenOn("tcp", { ip: "127.0.0.1", port: 0 });
      fds.push(fd);
      const address = Buffer.alloc(16);
      getsocknameC(fd, address, new Uint8Array(Int32Array.of(address.length).buffer));
      return address.readUInt16BE(2);
    });
  } finally {
    for (const fd of fds) close(fd);
  }
}

/** Starts to connect: poll(2) reports POLLOUT at the end, and `socketError` the result. @throws SyscallError ENETUNREACH, EMFILE, … */
export function startConnecting(protocol: Protocol, endpoint: Endpoint): number {
  const fd = socket(protocol);
  try {
    connectSocket(fd, sockaddr(endpoint), describe(endpoint));
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}

/** The pending error of a socket, which is cleared; 0 for none (SO_ERROR, socket(7)). */
export function socketError(fd: number): number {
  const value = new Int32Array(1);
  getsockoptC(fd, SOL_SOCKET, SO_ERROR, new Uint8Array(value.buffer), new Uint8Array(Int32Array.of(4).buffer));
  return value[0] ?? 0;
}

/** TCP_NODELAY: small writes go out at once, since a proxy passes on bytes that somebody waits for (tcp(7)). */
export function sendAtOnce(fd: number): void {
  setSocketOption(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

/** Ends sending: the other side reads an end of file. */
export function shutdownWrite(fd: number): void {
  shutdownC(fd, SHUT_WR);
}

/** Sends as much as there is room for: 0 if there is none, undefined if the connection is broken. Never raises SIGPIPE. */
export function sendNow(fd: number, bytes: Uint8Array, to?: Uint8Array): number | undefined {
  const sent = sendtoC(fd, bytes, bytes.length, MSG_NOSIGNAL, to ?? null, to?.length ?? 0);
  return sent === -1 ? whyNothing() : sent;
}

/** Receives what is available into `into`: its length, undefined at the end or for a broken connection, -1 if there is nothing yet. */
export function receiveNow(fd: number, into: Uint8Array): number | undefined {
  const length = recvfromC(fd, into, into.length, 0, null, null);
  if (length > 0) return length;
  return length === 0 || whyNothing() === undefined ? undefined : -1;
}

function whyNothing(): 0 | undefined {
  const code = errno();
  return code === EAGAIN || code === EINTR ? 0 : undefined;
}

/** A datagram and who sent it, in the form that `sendNow` takes. */
interface Datagram {
  readonly length: number;
  readonly from: Uint8Array;
  /** `10.88.0.7:53` */
  readonly sender: string;
}

/** recvfrom(2) of a datagram; undefined if there is none, or if it reports the error of an earlier one. */
export function receiveDatagram(fd: number, into: Uint8Array): Datagram | undefined {
  const from = Buffer.alloc(16);
  const length = recvfromC(fd, into, into.length, 0, from, new Uint8Array(Int32Array.of(16).buffer));
  return length === -1 ? undefined : { length, from, sender: `${ipText(from.subarray(4))}:${from.readUInt16BE(2)}` };
}
