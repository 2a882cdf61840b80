// Files with holes: what is read there is zeros that take no room.
import { declare, errno } from "./libc.ts";
import { sys } from "./trace.ts";

const FALLOC_FL_KEEP_SIZE = 1;
const FALLOC_FL_PUNCH_HOLE = 2;
const SEEK_DATA = 3;
const fallocateC = declare("fallocate");
const lseekC = declare("lseek", "long");

/**
 * fallocate(2) with FALLOC_FL_PUNCH_HOLE: gives the room of the first `length` bytes of a file back. Its size stays, and so does the
 * place where others append.
 *
 * @throws SyscallError EOPNOTSUPP where the file system has no holes
 */
export function punchHole(fd: number, length: number): void {
  sys(
    "fallocate",
    () => [`${fd}`, "FALLOC_FL_KEEP_SIZE|FALLOC_FL_PUNCH_HOLE", "0", `${length}`],
    () => fallocateC(fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 0, length),
  );
}

/** lseek(2) SEEK_DATA: the first byte from `at` on that is not in a hole; undefined when there is none. */
export function seekData(fd: number, at: number): number | undefined {
  const found = Number(lseekC(fd, at, SEEK_DATA));
  return found === -1 ? (errno() === EINVAL ? at : undefined) : found;
}
const EINVAL = 22; // a file system without holes
