// What the kernel can do, asked by calls that change nothing: with arguments that it must refuse, or in a child that ends at once.

import { errnoName } from "../ffi/errno.ts";
import { declare, declareSyscall, errno, SYS } from "../ffi/libc.ts";
import { close, write } from "../file/open.ts";
import { clone3 } from "../process/fork.ts";
import { POLLIN, pollOnce } from "../process/poll.ts";
import { endSignal, exit, getpid, pidfdOpen, waitpid } from "../process/process.ts";
import { kill, pidfdSendSignal } from "../process/sending.ts";
import { SIGKILL, signalName } from "../process/signal.ts";
import { setParentDeathSignal } from "../security/credentials.ts";
import { closeQuietly, pipe, readToEnd } from "./file.ts";

const clone3C = declareSyscall(SYS.clone3);
const openat2C = declareSyscall(SYS.openat2);
const closeRangeC = declareSyscall(SYS.close_range);
const mountSetattrC = declareSyscall(SYS.mount_setattr);
const openTreeC = declareSyscall(SYS.open_tree);
const prctlC = declare("prctl");
const getxattrC = declare("getxattr", "long");

const AT_FDCWD = -100;
const CLONE_INTO_CGROUP = 0x200000000n;
const NO_FD = 0x7fffffffn;
const PR_GET_SECCOMP = 21;

/** A call with arguments that every kernel that has the call refuses with `there`. */
export interface CallProbe {
  /** As strace would print it. */
  readonly call: string;
  readonly there: string;
  readonly ask: () => number;
}

/** Each names an errno that only the call itself gives; ENOSYS means that the kernel, or a seccomp filter, does not have it. */
export const CALL_PROBES = {
  clone3: { call: "clone3({…}, 0)", there: "EINVAL", ask: () => clone3C(new Uint8Array(88), 0) },
  intoCgroup: { call: "clone3({flags=CLONE_INTO_CGROUP, cgroup=2147483647}, 88)", there: "EBADF", ask: askIntoCgroup },
  openat2: { call: 'openat2(AT_FDCWD, ".", {…}, 0)', there: "EINVAL", ask: () => openat2C(AT_FDCWD, ".", new Uint8Array(24), 0) },
  closeRange: { call: "close_range(2, 1, 0)", there: "EINVAL", ask: () => closeRangeC(2, 1, 0) },
  openTree: { call: 'open_tree(AT_FDCWD, "", 0xffffffff)', there: "EINVAL", ask: () => openTreeC(AT_FDCWD, "", 0xffffffff) },
  mountSetattr: { call: 'mount_setattr(-1, "", 0, NULL, 0)', there: "EINVAL", ask: () => mountSetattrC(-1, "", 0, null, 0) },
} as const satisfies Readonly<Record<string, CallProbe>>;

/** A closed descriptor is refused (clone(2), EBADF) before there is a child. Before Linux 5.7 the larger struct is refused: E2BIG. */
function askIntoCgroup(): number {
  const struct = new BigUint64Array(11);
  struct[0] = CLONE_INTO_CGROUP;
  struct[10] = NO_FD;
  return clone3C(new Uint8Array(struct.buffer), 88);
}

/** The errno name that a probe gets; `0` if it succeeds. */
export function askCall({ ask }: CallProbe): string {
  return ask() === -1 ? errnoName(errno()) : "0";
}

/** pidfd_open(2) of this process, and pidfd_send_signal(2) with signal 0. @throws SyscallError ENOSYS, EPERM */
export function askPidfd(): boolean {
  const fd = pidfdOpen(getpid());
  const sent = pidfdSendSignal(fd, 0);
  close(fd);
  return sent;
}

/** prctl(2) PR_GET_SECCOMP: 0 for no filter, 2 for one, or the errno name: EINVAL on a kernel without seccomp. */
export function seccompMode(): number | string {
  const mode = prctlC(PR_GET_SECCOMP, 0, 0, 0, 0);
  return mode === -1 ? errnoName(errno()) : mode;
}

/** True when a program has file capabilities: the attribute security.capability (capabilities(7), "File capabilities"). */
export function hasFileCapabilities(path: string): boolean {
  return getxattrC(path, "security.capability", null, 0) > 0;
}

/** The child's answer; `problem` if it could not be made or did not answer. */
type ChildAnswer = { readonly text: string; readonly problem?: never } | { readonly problem: string; readonly text?: never };

/**
 * Runs `ask` in a forked child, which may change anything about itself, and returns its text.
 *
 * @param bits CLONE_NEW* for the child
 * @param milliseconds after these the child is killed
 * @throws SyscallError when clone3(2) fails; ToolError
 */
export function askChild(bits: number, milliseconds: number, ask: () => string): ChildAnswer {
  const answer = pipe();
  let pid: number;
  try {
    pid = clone3({ flags: bits }, () => {
      setParentDeathSignal(SIGKILL);
      write(answer.write, ask());
      return exit(0);
    });
  } catch (error) {
    closeQuietly(answer.read);
    closeQuietly(answer.write);
    throw error;
  }
  close(answer.write);
  const inTime = pollOnce(answer.read, POLLIN, milliseconds);
  if (!inTime) kill(pid, SIGKILL);
  const text = readToEnd(answer.read);
  close(answer.read);
  const signal = endSignal(waitpid(pid, 0)?.status ?? 0);
  if (!inTime) return { problem: `it did not answer within ${milliseconds} ms` };
  return text === "" ? { problem: signal === 0 ? "it ended without an answer" : `it was killed by ${signalName(signal)}` } : { text };
}
