// Calls that are the same for sockets of every family. Addresses are in unixsocket.ts, inet.ts and netlink.ts.

import { declare, errno } from "../ffi/libc.ts";
import { sys } from "../ffi/trace.ts";
import { close, open } from "../file/open.ts";

const FAMILIES = { AF_UNIX: 1, AF_INET: 2, AF_NETLINK: 16 } as const;
const KINDS = { SOCK_STREAM: 1, SOCK_DGRAM: 2, SOCK_RAW: 3 } as const;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
export const SOL_SOCKET = 1;
export const MSG_NOSIGNAL = 0x4000;
const ENFILE = 23;
const EMFILE = 24;
const EINPROGRESS = 115;

const socketC = declare("socket");
const socketpairC = declare("socketpair");
const bindC = declare("bind");
const listenC = declare("listen");
const connectC = declare("connect");
const accept4C = declare("accept4");
const setsockoptC = declare("setsockopt");
const getsockoptC = declare("getsockopt");

interface SocketArgs {
  readonly nonblocking?: boolean;
  /** 0 is the family's default; for AF_NETLINK it is NETLINK_ROUTE. */
  readonly protocol?: number;
}

/** socket(2), close-on-exec. @throws SyscallError EMFILE, EAFNOSUPPORT, … */
export function openSocket(
  family: keyof typeof FAMILIES,
  kind: keyof typeof KINDS,
  { nonblocking = false, protocol = 0 }: SocketArgs = {},
): number {
  return sys(
    "socket",
    () => [family, `${kind}|SOCK_CLOEXEC${nonblocking ? "|SOCK_NONBLOCK" : ""}`, `${protocol}`],
    socketC(FAMILIES[family], KINDS[kind] | SOCK_CLOEXEC | (nonblocking ? SOCK_NONBLOCK : 0), protocol),
  );
}

/** socketpair(2) of AF_UNIX, close-on-exec. */
export function socketpair(): [number, number] {
  const fds = new Int32Array(2);
  sys(
    "socketpair",
    () => ["AF_UNIX", "SOCK_STREAM|SOCK_CLOEXEC", "0", `[${fds.join(", ")}]`],
    socketpairC(FAMILIES.AF_UNIX, KINDS.SOCK_STREAM | SOCK_CLOEXEC, 0, new Uint8Array(fds.buffer)),
  );
  return [fds[0] ?? -1, fds[1] ?? -1];
}

/** bind(2), with the address as text for messages. @throws SyscallError EADDRINUSE, EACCES, EADDRNOTAVAIL */
export function bindSocket(fd: number, address: Uint8Array, text: string): void {
  sys("bind", () => [`${fd}`, text, `${address.length}`], bindC(fd, address, address.length));
}

/** listen(2). @throws SyscallError EADDRINUSE */
export function listenSocket(fd: number, backlog: number): void {
  sys("listen", () => [`${fd}`, `${backlog}`], listenC(fd, backlog));
}

/** connect(2); a non-blocking socket only starts to connect. @throws SyscallError ECONNREFUSED, ENETUNREACH, … */
export function connectSocket(fd: number, address: Uint8Array, text: string): void {
  sys(
    "connect",
    () => [`${fd}`, text, `${address.length}`],
    connectC(fd, address, address.length) === -1 && errno() !== EINPROGRESS ? -1 : 0,
  );
}

let spare: number | undefined;

/**
 * accept4(2): a non-blocking connection, or undefined if the client has gone already. If no descriptor is left, the connection is closed by
 * way of a spare one: otherwise poll(2) would report it again and again.
 */
export function acceptFrom(listener: number): number | undefined {
  spare ??= open("/dev/null");
  const accept = () => accept4C(listener, null, null, SOCK_CLOEXEC | SOCK_NONBLOCK);
  const fd = accept();
  if (fd !== -1) return fd;
  if (errno() !== EMFILE && errno() !== ENFILE) return undefined;
  close(spare);
  const turnedAway = accept();
  if (turnedAway !== -1) close(turnedAway);
  spare = open("/dev/null");
  return undefined;
}

/** Closes the spare one, for a caller that will close all: its number would then be another file's. */
export function closeSpare(): void {
  if (spare !== undefined) close(spare);
  spare = undefined;
}

/** getsockopt(2) of SOL_SOCKET: that many bytes; undefined and errno if it fails. */
export function getSocketOption(fd: number, option: number, bytes: number): Uint8Array | undefined {
  const value = new Uint8Array(bytes);
  const length = new Uint8Array(Int32Array.of(bytes).buffer);
  return getsockoptC(fd, SOL_SOCKET, option, value, length) === 0 ? value : undefined;
}

/** setsockopt(2) of an int. An option that this kernel does not know is ignored. */
export function setSocketOption(fd: number, level: number, option: number, value: number): void {
  setsockoptC(fd, level, option, new Uint8Array(Int32Array.of(value).buffer), 4);
}
