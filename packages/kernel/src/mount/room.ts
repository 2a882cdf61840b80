// The disk space of a file.
import { declare } from "../ffi/libc.ts";
import { sys } from "../ffi/trace.ts";

const FALLOC_FL_KEEP_SIZE = 1;
const fallocateC = declare("fallocate");
const ftruncateC = declare("ftruncate");

/**
 * fallocate(2) with FALLOC_FL_KEEP_SIZE: reserves the first `length` bytes of a file without changing its size. Later writes there cannot
 * fail for lack of space.
 *
 * @throws SyscallError ENOSPC, EDQUOT; EOPNOTSUPP if the file system cannot
 */
export function allocate(fd: number, length: number): void {
  sys("fallocate", () => [`${fd}`, "FALLOC_FL_KEEP_SIZE", "0", `${length}`], fallocateC(fd, FALLOC_FL_KEEP_SIZE, 0, length));
}

/** ftruncate(2): cuts the file off after `length` bytes. */
export function truncate(fd: number, length: number): void {
  sys("ftruncate", () => [`${fd}`, `${length}`], ftruncateC(fd, length));
}
