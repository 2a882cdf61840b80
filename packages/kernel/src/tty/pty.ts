// Pseudo-terminals: pty(7), ioctl_tty(2).

import { ToolError } from "../ffi/errno.ts";
import { declare, declareSyscall, SYS } from "../ffi/libc.ts";
import { quote, sys, trace, tracer } from "../ffi/trace.ts";
import { close, O_CLOEXEC, O_NOCTTY, O_NONBLOCK, O_RDWR, open } from "../file/open.ts";
import { fstat } from "../file/stat.ts";

const TIOCSCTTY = 0x540e;
const TIOCSPTLCK = 0x40045431;
const TIOCSIG = 0x40045436;
const TIOCGPTPEER = 0x5441;
const PTMX = 5 * 256 + 2; // makedev(5, 2)
const ioctlC = declareSyscall(SYS.ioctl);
const setsidC = declare("setsid");

/**
 * Opens `ptmx`, which makes a pseudo-terminal in its devpts, and unlocks it.
 *
 * @returns the master, non-blocking
 * @throws SyscallError ENOENT, EACCES; ENOSPC if devpts has reached its `max`; ToolError if the file is something else
 */
export function openMaster(ptmx: string): number {
  const fd = open(ptmx, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  const stat = fstat(fd);
  if (!stat.isCharacterDevice() || stat.rdev !== PTMX) {
    close(fd);
    throw new ToolError(`${quote(ptmx)} is not the device that makes pseudo-terminals, 5:2`);
  }
  sys("ioctl", () => [`${fd}`, "TIOCSPTLCK", "[0]"], ioctlC(fd, TIOCSPTLCK, new Uint8Array(4)));
  return fd;
}

/** ioctl(TIOCGPTPEER): opens the slave of a master without a path, so it does not matter what is at /dev/pts. */
export function openPeer(master: number): number {
  return sys(
    "ioctl",
    () => [`${master}`, "TIOCGPTPEER", "O_RDWR|O_NOCTTY|O_CLOEXEC"],
    ioctlC(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC),
  );
}

/** setsid(2): starts a new session and process group, without a terminal. @throws SyscallError EPERM for a process group leader */
export function setsid(): void {
  sys("setsid", () => [], setsidC());
}

/**
 * ioctl(TIOCSCTTY): makes a terminal the controlling one of a session leader that has none, and our group its foreground. @throws
 * SyscallError EPERM
 */
export function setControllingTerminal(fd: number): void {
  sys("ioctl", () => [`${fd}`, "TIOCSCTTY", "0"], ioctlC(fd, TIOCSCTTY, 0));
}

/** ioctl(TIOCSIG): sends a signal to the slave's foreground process group. */
export function signalForeground(master: number, signal: number): void {
  const result = ioctlC(master, TIOCSIG, signal);
  if (tracer.mode !== "off") trace("ioctl", [`${master}`, "TIOCSIG", `${signal}`], result);
}
