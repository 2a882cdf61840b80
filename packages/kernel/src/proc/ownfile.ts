// Writes a file of /proc/self among mounts that others have laid out.
import { SyscallError, ToolError } from "../ffi/errno.ts";
import { declare, declareSyscall, errno, SYS } from "../ffi/libc.ts";
import { quote, sys, trace } from "../ffi/trace.ts";
import { close, O_CLOEXEC, O_DIRECTORY, O_PATH, O_WRONLY, open } from "../file/open.ts";
import { fstat } from "../file/stat.ts";

const RESOLVE_NO_XDEV = 1;
const RESOLVE_NO_MAGICLINKS = 2;
const PROC_SUPER_MAGIC = 0x9fa0;
const PROC_ROOT_INO = 1;
const openat2C = declareSyscall(SYS.openat2);
const fstatfsC = declare("fstatfs");
const writeC = declare("write", "long");

/**
 * Writes a file of /proc/self in one write(2). Something else may be mounted at /proc, or another of its files over this one
 * (CVE-2025-52881). So /proc must be the root of a procfs, and no mount may be on the way.
 *
 * @param file below /proc/self: `oom_score_adj`
 * @throws SyscallError of openat2(2) and write(2); ToolError if /proc is not a procfs
 */
export function writeOwnProc(file: string, text: string): void {
  const proc = open("/proc", O_PATH | O_DIRECTORY);
  try {
    if (typeOfFileSystem(proc) !== PROC_SUPER_MAGIC || Number(fstat(proc).ino) !== PROC_ROOT_INO)
      throw new ToolError(`/proc/self/${file} cannot be written: /proc is not a procfs`, "mount one there");
    const how = new BigUint64Array([BigInt(O_WRONLY | O_CLOEXEC), 0n, BigInt(RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS)]);
    const fd = sys(
      "openat2",
      () => [`${proc}</proc>`, quote(`self/${file}`), "{flags=O_WRONLY|O_CLOEXEC, resolve=RESOLVE_NO_XDEV|RESOLVE_NO_MAGICLINKS}", "24"],
      openat2C(proc, `self/${file}`, new Uint8Array(how.buffer), 24),
    );
    try {
      writeWhole(`/proc/self/${file}`, fd, text);
    } finally {
      close(fd);
    }
  } finally {
    close(proc);
  }
}

function writeWhole(path: string, fd: number, text: string): void {
  const bytes = Buffer.from(text);
  const length = writeC(fd, bytes, bytes.length);
  const code = length === -1 ? errno() : 0;
  const args = [quote(path), quote(text)];
  trace("write", args, length, code);
  if (code !== 0) throw new SyscallError("write", args, code);
}

/** f_type of fstatfs(2); -1 if it fails. */
function typeOfFileSystem(fd: number): number {
  const stat = Buffer.alloc(128);
  return fstatfsC(fd, stat) === -1 ? -1 : stat.readUInt32LE(0);
}
