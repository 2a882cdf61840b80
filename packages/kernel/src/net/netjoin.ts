// Joins the network namespace of a process: by setns(2) alone, or through its user namespace, in which its creator has every capability.

import { codeOf, failedWith } from "../ffi/errno.ts";
import { declare } from "../ffi/libc.ts";
import { sys } from "../ffi/trace.ts";
import { close, open } from "../file/open.ts";
import { procDirectory } from "../proc/ownproc.ts";
import { CLONE_NEWNET, CLONE_NEWUSER } from "../process/cloneflags.ts";
import { clone3 } from "../process/fork.ts";
import { namespaceId, setns } from "../process/namespace.ts";
import { exit, waitpid } from "../process/process.ts";
import { openNetlink } from "./netlink.ts";
import { socketpair } from "./socket.ts";
import { receiveDescriptor, sendDescriptor } from "./unixsocket.ts";

/** Joins it for good; for a forked child. @throws SyscallError EPERM, ENOENT, EACCES */
export function joinNetwork(pid: number): void {
  const directory = procDirectory(pid);
  const net = open(`${directory}/ns/net`);
  try {
    setns(net, CLONE_NEWNET, `${directory}/ns/net`);
  } catch (error) {
    if (!failedWith(error, "EPERM") || namespaceId(pid, "user") === namespaceId("self", "user")) throw error;
    const user = open(`${directory}/ns/user`);
    setns(user, CLONE_NEWUSER, `${directory}/ns/user`);
    setns(net, CLONE_NEWNET, `${directory}/ns/net`);
    close(user);
  }
  close(net);
}

const ioctlC = declare("ioctl");
const SIOCGSKNS = 0x894c; // linux/sockios.h

/**
 * The network namespace of a socket, as a descriptor for setns(2). @throws SyscallError ENOTTY, EOPNOTSUPP for anything but a socket; EPERM
 */
export function networkOfSocket(fd: number): number {
  return sys("ioctl", () => [`${fd}`, "SIOCGSKNS"], ioctlC(fd, SIOCGSKNS));
}

/** A netlink socket in that namespace, as from `openNetlink`. @throws SyscallError EPERM, ENOENT, EACCES */
export function openNetlinkOf(pid: number): number {
  const net = open(`${procDirectory(pid)}/ns/net`);
  try {
    return openNetlink(net);
  } catch (error) {
    if (!failedWith(error, "EPERM")) throw error;
    const fd = openByChild(pid);
    if (fd === undefined) throw error;
    return fd;
  } finally {
    close(net);
  }
}

/** A process that has joined a user namespace cannot go back, so a child joins, and sends the socket to us. */
function openByChild(pid: number): number | undefined {
  const [here, there] = socketpair();
  const child = clone3({ flags: 0 }, () => {
    try {
      joinNetwork(pid);
      sendDescriptor(there, openNetlink());
    } catch (error) {
      if (codeOf(error) === undefined) throw error; // the caller already has an error to report
    }
    return exit(0);
  });
  close(there);
  const fd = receiveDescriptor(here);
  close(here);
  waitpid(child, 0);
  return fd;
}
