// Standard descriptors for a program of another user: /dev/stdout is opened anew, by the mode and owner of what lies behind it.
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
 * Lets every user open those descriptors anew that are pipes, in the direction that they have. A pipe has no name but those of
 * /proc/PID/fd, so nobody else comes by it; its owner stays (a pipe of the caller's, whom a new owner would lock out), and so do a
 * terminal's, a file's and a FIFO's modes, which others could use.
 */
export function sharePipes(fds: readonly number[] = [0, 1, 2]): void {
  const stat = new Int32Array(64); // more than struct statfs
  for (const fd of fds) {
    if (fstatfsC(fd, new Uint8Array(stat.buffer)) === -1 || stat[0] !== PIPEFS_MAGIC) continue;
    const mode = MODES[fcntlC(fd, F_GETFL, 0) & 3] ?? 0o600;
    try {
      sys("fchmod", () => [`${fd}`, `0${mode.toString(8)}`], fchmodC(fd, mode));
    } catch (error) {
      if (!failedWith(error, "EPERM")) throw error; // it is another user's, or one from outside of this user namespace
    }
  }
}
