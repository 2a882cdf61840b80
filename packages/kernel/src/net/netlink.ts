// netlink(7): sends requests as messages with attributes, and reads the answers. rtnetlink.ts knows what they mean.

import { SyscallError } from "../ffi/errno.ts";
import { declare, errno } from "../ffi/libc.ts";
import { ruleFor } from "../ffi/rules.ts";
import { sys, trace } from "../ffi/trace.ts";
import { close, open } from "../file/open.ts";
import { CLONE_NEWNET } from "../process/cloneflags.ts";
import { setns } from "../process/namespace.ts";
import { openSocket, setSocketOption } from "./socket.ts";

const SOL_NETLINK = 270;
const NETLINK_EXT_ACK = 11;
const HEADER = 16; // struct nlmsghdr
const NLM_F_REQUEST = 1;
const NLM_F_ACK = 4;
const NLM_F_DUMP_INTR = 0x10;
const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;
export const NLM_F_DUMP = 0x300;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLMSGERR_ATTR_MSG = 1;
const NLA_TYPE_MASK = 0x3fff;
const EINTR = 4;

const sendC = declare("send", "long");
const recvC = declare("recv", "long");

/**
 * A close-on-exec netlink socket, in the network namespace of this process or of another one: a socket stays in the namespace in which it
 * was made (network_namespaces(7)).
 *
 * @param namespace a descriptor of a file in /proc/PID/ns
 * @throws SyscallError EPERM
 */
export function openNetlink(namespace?: number): number {
  if (namespace === undefined) return openHere();
  const own = open("/proc/self/ns/net");
  try {
    setns(namespace, CLONE_NEWNET, "net");
    try {
      return openHere();
    } finally {
      setns(own, CLONE_NEWNET, "net");
    }
  } finally {
    close(own);
  }
}

function openHere(): number {
  const fd = openSocket("AF_NETLINK", "SOCK_RAW");
  setSocketOption(fd, SOL_NETLINK, NETLINK_EXT_ACK, 1); // only makes errors speak
  return fd;
}

/** One attribute: a number has 32 bits, a text ends with a NUL. */
export function attribute(type: number, value: string | number | Uint8Array | readonly Buffer[]): Buffer {
  const bytes =
    typeof value === "string"
      ? Buffer.from(`${value}\0`)
      : typeof value === "number"
        ? Buffer.from(Uint32Array.of(value).buffer)
        : Buffer.concat(value instanceof Uint8Array ? [value] : value);
  const whole = Buffer.alloc(align(4 + bytes.length));
  whole.writeUInt16LE(4 + bytes.length, 0);
  whole.writeUInt16LE(type, 2);
  bytes.copy(whole, 4);
  return whole;
}

/** The attributes in a buffer, by type. */
export function readAttributes(bytes: Buffer): Map<number, Buffer> {
  const found = new Map<number, Buffer>();
  for (let at = 0; at + 4 <= bytes.length; ) {
    const length = bytes.readUInt16LE(at);
    if (length < 4) break;
    found.set(bytes.readUInt16LE(at + 2) & NLA_TYPE_MASK, bytes.subarray(at + 4, at + length));
    at += align(length);
  }
  return found;
}

const align = (length: number) => (length + 3) & ~3;

export interface Request {
  /** RTM_NEWLINK, for messages. */
  readonly name: string;
  readonly type: number;
  /** In addition to NLM_F_REQUEST and NLM_F_ACK. */
  readonly flags?: number;
  readonly body: Buffer;
  /** Its object, decoded as strace would. */
  readonly args: readonly string[];
}

let sequence = 0;
const answer = Buffer.alloc(65536);

/**
 * Sends a request and returns the bodies of the answers; a change has none.
 *
 * @throws SyscallError named after the request; the hint has the kernel's own text, if any (NLMSGERR_ATTR_MSG)
 */
export function ask(fd: number, request: Request): Buffer[] {
  for (;;) {
    const bodies = exchange(fd, request);
    if (bodies !== undefined) return bodies;
  }
}

/** undefined if something changed during the listing (NLM_F_DUMP_INTR). */
function exchange(fd: number, { name, type, flags = 0, body, args }: Request): Buffer[] | undefined {
  const message = Buffer.alloc(HEADER + body.length);
  sequence += 1;
  message.writeUInt32LE(message.length, 0);
  message.writeUInt16LE(type, 4);
  message.writeUInt16LE(flags | NLM_F_REQUEST | NLM_F_ACK, 6);
  message.writeUInt32LE(sequence, 8);
  body.copy(message, HEADER);
  sys(
    "send",
    () => [`${fd}<NETLINK_ROUTE>`, `{${[name, ...args].join(", ")}}`, `${message.length}`, "0"],
    sendC(fd, message, message.length, 0),
  );
  const bodies: Buffer[] = [];
  let interrupted = false;
  for (;;) {
    for (const [kind, answerFlags, bytes] of receive(fd, sequence)) {
      if ((answerFlags & NLM_F_DUMP_INTR) !== 0) interrupted = true;
      if (kind !== NLMSG_ERROR && kind !== NLMSG_DONE) {
        bodies.push(Buffer.from(bytes));
        continue;
      }
      const code = bytes.length < 4 ? 0 : -bytes.readInt32LE(0);
      trace(name, args, code === 0 ? 0 : -1, code);
      if (code !== 0) throw refused(name, args, code, kind === NLMSG_ERROR ? ownWords(answerFlags, bytes) : undefined);
      return interrupted ? undefined : bodies;
    }
  }
}

function* receive(fd: number, wanted: number): Generator<readonly [kind: number, flags: number, body: Buffer]> {
  const read = () => {
    for (;;) {
      const length = recvC(fd, answer, answer.length, 0);
      if (length !== -1 || errno() !== EINTR) return length;
    }
  };
  const length = sys("recv", () => [`${fd}<NETLINK_ROUTE>`, "{…}", `${answer.length}`, "0"], read());
  for (let at = 0; at + HEADER <= length; ) {
    const size = answer.readUInt32LE(at);
    if (size < HEADER) return;
    if (answer.readUInt32LE(at + 8) === wanted)
      yield [answer.readUInt16LE(at + 4), answer.readUInt16LE(at + 6), answer.subarray(at + HEADER, at + size)];
    at += align(size);
  }
}

/** The kernel's text for an error; it follows the request, or only its header. */
function ownWords(flags: number, body: Buffer): string | undefined {
  if ((flags & NLM_F_ACK_TLVS) === 0) return undefined;
  const sent = (flags & NLM_F_CAPPED) !== 0 ? HEADER : body.readUInt32LE(4);
  return readAttributes(body.subarray(4 + align(sent)))
    .get(NLMSGERR_ATTR_MSG)
    ?.toString()
    .replace(/\0.*$/s, "");
}

function refused(name: string, args: readonly string[], code: number, words: string | undefined): SyscallError {
  const plain = new SyscallError(name, args, code);
  const rule = ruleFor(name, plain.code, args);
  if (words === undefined) return plain;
  return new SyscallError(name, args, code, `the kernel says: ${words}${rule === undefined ? "" : `. ${rule}`}`);
}
