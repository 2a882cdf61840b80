// Seccomp filters: installs them, and receives the calls they refuse (seccomp(2), seccomp_unotify(2)).

import { declareSyscall, errno, koffi, SYS } from "../ffi/libc.ts";
import { flags, sys } from "../ffi/trace.ts";
import { readIfThere } from "../file/open.ts";
import { procDirectory } from "../proc/ownproc.ts";

const SECCOMP_SET_MODE_FILTER = 1;
const SECCOMP_FILTER_FLAG_NEW_LISTENER = 8;
/** Once the listener has received a call, only a fatal signal ends the wait for the answer. Since Linux 5.19. */
export const SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV = 32;
const FILTER_FLAGS = {
  SECCOMP_FILTER_FLAG_LOG: 2,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 4,
  SECCOMP_FILTER_FLAG_NEW_LISTENER,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
};
const seccompC = declareSyscall(SYS.seccomp);
const INSTRUCTION = 8; // bytes of struct sock_filter

/**
 * Installs a BPF program as a filter for this process and everything it starts.
 *
 * @param flags SECCOMP_FILTER_FLAG_*
 * @throws SyscallError EACCES without no_new_privs and CAP_SYS_ADMIN, EINVAL for a program that the kernel rejects
 */
export function installFilter(program: Buffer, flags: number): void {
  install(program, flags);
}

/**
 * The same with a listener: refused calls with SECCOMP_RET_USER_NOTIF wait for an answer through the returned descriptor. Since Linux 5.0.
 */
export function installListeningFilter(program: Buffer, flags: number): number {
  return install(program, SECCOMP_FILTER_FLAG_NEW_LISTENER | flags);
}

function install(program: Buffer, given: number): number {
  const fprog = Buffer.alloc(16); // struct sock_fprog
  fprog.writeUInt16LE(program.length / INSTRUCTION, 0);
  fprog.writeBigUInt64LE(BigInt(koffi.address(program)), 8);
  return sys(
    "seccomp",
    () => ["SECCOMP_SET_MODE_FILTER", flags(FILTER_FLAGS, given) || "0", `{len=${program.length / INSTRUCTION}, filter=0x…}`],
    seccompC(SECCOMP_SET_MODE_FILTER, given, fprog),
  );
}

const NOTIF_RECV = 0xc0502100;
const NOTIF_SEND = 0xc0182101;
const ENOENT = 2;
const EINTR = 4;
const ioctlC = declareSyscall(SYS.ioctl);

/** A call that waits for an answer. */
export interface Refusal {
  readonly id: bigint;
  /** In the reader's PID namespace; 0 if it is not in it. */
  readonly pid: number;
  /** AUDIT_ARCH_*, and the number of the call on that architecture. */
  readonly arch: number;
  readonly number: number;
}

/** The next waiting call; undefined if its caller was killed meanwhile. */
export function receiveRefusal(listener: number): Refusal | undefined {
  const notif = Buffer.alloc(80); // struct seccomp_notif
  if (ioctlC(listener, NOTIF_RECV, notif) === -1) {
    const code = errno();
    if (code === ENOENT || code === EINTR) return undefined;
    throw new Error(`SECCOMP_IOCTL_NOTIF_RECV: errno ${code}`);
  }
  return { id: notif.readBigUInt64LE(0), pid: notif.readUInt32LE(8), number: notif.readInt32LE(16), arch: notif.readUInt32LE(20) };
}

/** Makes the call fail with this errno. A caller that has ended is not an error. */
export function refuse(listener: number, { id }: Refusal, code: number): void {
  const answer = Buffer.alloc(24); // struct seccomp_notif_resp
  answer.writeBigUInt64LE(id, 0);
  answer.writeInt32LE(-code, 16);
  ioctlC(listener, NOTIF_SEND, answer);
}

/** The name of a process (proc_pid_comm(5)); "?" if it has ended or /proc does not show it. */
export function commandOf(pid: number): string {
  return readIfThere(`${procDirectory(pid)}/comm`)?.trimEnd() ?? "?";
}
