// Idmapped mounts: a mount through which files have other owners than on disk (mount_setattr(2), "ID-mapped mounts").
import { declareSyscall, SYS } from "../ffi/libc.ts";
import { sys } from "../ffi/trace.ts";

const AT_EMPTY_PATH = 0x1000;
const OPEN_TREE_CLONE = 1;
const OPEN_TREE_CLOEXEC = 0o2000000;
const MOUNT_ATTR_RDONLY = 1n;
const MOUNT_ATTR_NODEV = 4n;
const MOUNT_ATTR_IDMAP = 0x100000n;
const openTreeC = declareSyscall(SYS.open_tree);
const mountSetattrC = declareSyscall(SYS.mount_setattr);

/**
 * open_tree(2) with OPEN_TREE_CLONE: a copy of the one mount that `fd` is on, from `fd` down, without the mounts below; not attached yet.
 */
export function cloneMount(fd: number): number {
  return sys(
    "open_tree",
    () => [`${fd}`, '""', "OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_EMPTY_PATH"],
    openTreeC(fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH),
  );
}

/**
 * Gives a mount that is not attached yet the id maps of a user namespace: an id inside is that same id on disk. Device nodes on it stop
 * working, since root inside would otherwise own the host's devices.
 *
 * @param userns a descriptor of /proc/PID/ns/user
 * @throws SyscallError EINVAL (the file system has no idmapped mounts), EPERM (it has a map already, or no CAP_SYS_ADMIN over the file
 * system), ENOSYS (before Linux 5.12)
 */
export function idmapMount(fd: number, userns: number, readOnly: boolean): void {
  const bits = MOUNT_ATTR_IDMAP | MOUNT_ATTR_NODEV | (readOnly ? MOUNT_ATTR_RDONLY : 0n);
  const attr = new BigUint64Array([bits, 0n, 0n, BigInt(userns)]);
  const names = `MOUNT_ATTR_IDMAP|MOUNT_ATTR_NODEV${readOnly ? "|MOUNT_ATTR_RDONLY" : ""}`;
  sys(
    "mount_setattr",
    () => [`${fd}`, '""', "AT_EMPTY_PATH", `{attr_set=${names}, userns_fd=${userns}}`, "32"],
    mountSetattrC(fd, "", AT_EMPTY_PATH, new Uint8Array(attr.buffer), 32),
  );
}
