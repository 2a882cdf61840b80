// Unix sockets, which pass descriptors to another process: unix(7), SCM_RIGHTS.

import { declareSyscall, ERRNO, errno, koffi, SYS } from "../ffi/libc.ts";
import { quote, sys } from "../ffi/trace.ts";
import { close, O_DIRECTORY, O_RDONLY, open } from "../file/open.ts";
import { basename, dirname } from "../file/path.ts";
import { pidfdOpen } from "../process/process.ts";
import { bindSocket, connectSocket, getSocketOption, listenSocket, MSG_NOSIGNAL, openSocket, SOL_SOCKET } from "./socket.ts";

const AF_UNIX = 1;
const SCM_RIGHTS = 1;
const MSG_CMSG_CLOEXEC = 0x40000000;
const EINTR = 4;

const sendmsgC = declareSyscall(SYS.sendmsg);
const recvmsgC = declareSyscall(SYS.recvmsg);

/** One byte and room for one descriptor: struct msghdr with its iovec and cmsghdr (cmsg(3)), in one block of memory. */
function message(): { header: Buffer; memory: Buffer } {
  const memory = Buffer.alloc(56 + 16 + 24 + 8); // msghdr, iovec, CMSG_SPACE(sizeof(int)), the byte
  const base = BigInt(koffi.address(memory));
  memory.writeBigUInt64LE(base + 56n, 16); // msg_iov
  memory.writeBigUInt64LE(1n, 24); // msg_iovlen
  memory.writeBigUInt64LE(base + 72n, 32); // msg_control
  memory.writeBigUInt64LE(24n, 40); // msg_controllen
  memory.writeBigUInt64LE(base + 96n, 56); // iov_base
  memory.writeBigUInt64LE(1n, 64); // iov_len
  return { header: memory, memory };
}

/** sendmsg(2) with SCM_RIGHTS: the other end gets a descriptor of the same open file. @throws SyscallError EPIPE, EAGAIN */
export const sendDescriptor = (socket: number, fd: number) => sendMessage(socket, "\0", fd);

/** sendmsg(2): a text, and a descriptor with it. @throws SyscallError EPIPE, EAGAIN, EMSGSIZE */
export function sendMessage(socket: number, text: string, fd: number): void {
  const { header, memory } = message();
  const bytes = Buffer.from(text);
  memory.writeBigUInt64LE(20n, 72); // CMSG_LEN(sizeof(int))
  memory.writeInt32LE(SOL_SOCKET, 80);
  memory.writeInt32LE(SCM_RIGHTS, 84);
  memory.writeInt32LE(fd, 88);
  memory.writeBigUInt64LE(BigInt(koffi.address(bytes)), 56); // iov_base
  memory.writeBigUInt64LE(BigInt(bytes.length), 64); // iov_len
  sys(
    "sendmsg",
    () => [`${socket}`, `{msg_iov=[${quote(text)}], msg_control=[{cmsg_type=SCM_RIGHTS, cmsg_data=[${fd}]}]}`, "MSG_NOSIGNAL"],
    sendmsgC(socket, header, MSG_NOSIGNAL),
  );
}

/** recvmsg(2): the descriptor sent by `sendDescriptor`, close-on-exec; undefined if the other end was closed without sending one. */
export function receiveDescriptor(socket: number): number | undefined {
  const { header, memory } = message();
  const receive = () => {
    for (;;) {
      const length = recvmsgC(socket, header, MSG_CMSG_CLOEXEC);
      if (length !== -1 || errno() !== EINTR) return length;
    }
  };
  const fd = () => (memory.readInt32LE(84) === SCM_RIGHTS ? memory.readInt32LE(88) : undefined);
  const length = sys("recvmsg", () => [`${socket}`, `{msg_control=[${fd() ?? ""}]}`, "MSG_CMSG_CLOEXEC"], receive());
  return length === 0 ? undefined : fd();
}

const SO_PEERCRED = 17;
const SO_PEERPIDFD = 77;

/** Who connected. */
export interface Peer {
  /** 0 if our PID namespace has no number for the process. */
  readonly pid: number;
  readonly uid: number;
  readonly pidfd: number;
}

/**
 * The process that connected a socket, by SO_PEERCRED (unix(7)), with a pidfd: from SO_PEERPIDFD since Linux 6.5, from its PID before.
 * undefined if it has ended, or is outside our PID namespace.
 */
export function peerOf(socket: number): Peer | undefined {
  const credentials = getSocketOption(socket, SO_PEERCRED, 12);
  const [pid = 0, uid = -1] = credentials === undefined ? [] : new Int32Array(credentials.buffer);
  if (pid === 0) return undefined;
  const answer = getSocketOption(socket, SO_PEERPIDFD, 4);
  if (answer !== undefined) return { pid, uid, pidfd: new Int32Array(answer.buffer)[0] ?? -1 };
  if (errno() !== ERRNO["ENOPROTOOPT"]) return undefined;
  try {
    return { pid, uid, pidfd: pidfdOpen(pid) };
  } catch {
    return undefined; // ESRCH
  }
}

/** Calls `use` with a struct sockaddr_un. It holds a path of at most 107 bytes, so the directory is given by its descriptor. */
function withAddress<T>(path: string, use: (address: Uint8Array) => T): T {
  const dir = open(dirname(path), O_RDONLY | O_DIRECTORY);
  try {
    const address = Buffer.alloc(110);
    address.writeUInt16LE(AF_UNIX, 0);
    address.write(`/proc/self/fd/${dir}/${basename(path)}`, 2);
    return use(address);
  } finally {
    close(dir);
  }
}

/** A non-blocking socket that listens at `path`. @throws SyscallError EADDRINUSE, EACCES */
export function listenAt(path: string): number {
  const fd = openSocket("AF_UNIX", "SOCK_STREAM", { nonblocking: true });
  withAddress(path, (address) => bindSocket(fd, address, `{sun_path=${quote(path)}}`));
  listenSocket(fd, 8);
  return fd;
}

/** connect(2) to a socket that listens at `path`. @throws SyscallError ENOENT, ECONNREFUSED if nobody listens any more */
export function connectTo(path: string): number {
  const fd = openSocket("AF_UNIX", "SOCK_STREAM");
  try {
    withAddress(path, (address) => connectSocket(fd, address, `{sun_path=${quote(path)}}`));
  } catch (error) {
    close(fd);
    throw error;
  }
  return fd;
}
