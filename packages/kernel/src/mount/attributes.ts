// The flags of a mount, set and cleared by mount_setattr(2), and its propagation.
import { declareSyscall, SYS } from "../ffi/libc.ts";
import { flags, sys } from "../ffi/trace.ts";

const AT_EMPTY_PATH = 0x1000;
const AT_RECURSIVE = 0x8000;
const mountSetattrC = declareSyscall(SYS.mount_setattr);

/** MOUNT_ATTR_* of linux/mount.h. RELATIME is 0; the three modes of access times share one field, ATIME. */
export const MOUNT_ATTR = {
  RDONLY: 1,
  NOSUID: 2,
  NODEV: 4,
  NOEXEC: 8,
  NOATIME: 0x10,
  STRICTATIME: 0x20,
  ATIME: 0x70,
  NODIRATIME: 0x80,
  NOSYMFOLLOW: 0x200000,
} as const;

/** Flags of a mount to set and to clear; the others stay as they are. */
export interface MountAttributes {
  readonly set: number;
  readonly clear: number;
}

/** Attributes as strace prints them. */
export function attributeNames(bits: number): string {
  return flags(Object.fromEntries(Object.entries(MOUNT_ATTR).map(([name, bit]) => [`MOUNT_ATTR_${name}`, bit])), bits);
}

/**
 * mount_setattr(2), since Linux 5.12.
 *
 * @param fd a descriptor of the mount's root
 * @param recursive also every mount below it
 * @throws SyscallError EPERM for a flag that a user namespace may not clear (mount_namespaces(7)), EINVAL if fd is not the root of a mount
 */
export function setMountAttributes(fd: number, { set, clear }: MountAttributes, recursive: boolean): void {
  if (set === 0 && clear === 0) return;
  const attr = new BigUint64Array([BigInt(set), BigInt(clear), 0n, 0n]);
  const how = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
  sys(
    "mount_setattr",
    () => [
      `${fd}`,
      '""',
      flags({ AT_EMPTY_PATH, AT_RECURSIVE }, how),
      `{attr_set=${attributeNames(set)}, attr_clr=${attributeNames(clear)}}`,
      "32",
    ],
    mountSetattrC(fd, "", how, new Uint8Array(attr.buffer), 32),
  );
}
