// Standard descriptors for a program of another user: opening /dev/stdout checks the mode and owner of what is behind it.
import { failedWith } from "../ffi/errno.ts";
import { declare } from "../ffi/libc.ts";
import { sys } from "../ffi/trace.ts";

const PIPEFS_MAGIC = 0x50495045; // statfs(2)
const F_GETFL = 3;
const MODES = [0o644, 0o622, 0o666]; // by O_RDONLY, O_WRONLY, O_RDWR
const fstatfsC = declare("fstatfs");
const fcntlC = declare("fcntl");
const fchmodC = declare("fchmod");

/**
 * Lets every user reopen the standard descriptors that are pipes, in their own direction. A pipe has no names but those in /proc/PID/fd, so
 * nobody else can reach it. Its owner stays: a new one would lock the caller out of his own pipe. The modes of terminals, files and FIFOs
 * stay too, since others could use them.
 */
export function sharePipes(fds: readonly number[] = [0, 1, 2]): void {
  const stat = new Int32Array(64); // more than struct statfs
  for (const fd of fds) {
    if (fstatfsC(fd, new Uint8Array(stat.buffer)) === -1 || stat[0] !== PIPEFS_MAGIC) continue;
    const mode = MODES[fcntlC(fd, F_GETFL, 0) & 3] ?? 0o600;
    try {
      sys("fchmod", () => [`${fd}`, `0${mode.toString(8)}`], fchmodC(fd, mode));
    } catch (error) {
      if (!failedWith(error, "EPERM")) throw error; // it belongs to another user, or is from outside this user namespace
    }
  }
}
