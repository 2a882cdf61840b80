// The room that a file takes.
import { declare } from "../ffi/libc.ts";
import { sys } from "../ffi/trace.ts";

const FALLOC_FL_KEEP_SIZE = 1;
const fallocateC = declare("fallocate");
const ftruncateC = declare("ftruncate");

/**
 * fallocate(2) with FALLOC_FL_KEEP_SIZE: room for the first `length` bytes of a file, which is no longer for it. What is written there
 * later cannot fail for want of room.
 *
 * @throws SyscallError ENOSPC, EDQUOT; EOPNOTSUPP where the file system cannot
 */
export function allocate(fd: number, length: number): void {
  sys("fallocate", () => [`${fd}`, "FALLOC_FL_KEEP_SIZE", "0", `${length}`], fallocateC(fd, FALLOC_FL_KEEP_SIZE, 0, length));
}

/** ftruncate(2): what a file has beyond `length` bytes goes. */
export function truncate(fd: number, length: number): void {
  sys("ftruncate", () => [`${fd}`, `${length}`], ftruncateC(fd, length));
}
