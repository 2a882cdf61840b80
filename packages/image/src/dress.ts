// Sets owners, modes, attributes and times of new files.
import { bytesOf, chownAt, failedWith, fchmod, mknodAt, setAttribute, setTimesAt } from "@contain-tools/kernel";
import type { Entry } from "./tar.ts";

/** How many files could not be made in full. */
export interface Lost {
  owners: number;
  devices: number;
  attributes: number;
}

/** Other attributes are the host's own business (SELinux), or would be obeyed by an overlay above (trusted.overlay.redirect). */
const KEPT = /^(user\.(?!overlay\.)|security\.capability$|system\.posix_acl_)/;
const NODES: Readonly<Record<string, number>> = { "character-device": 0o020000, "block-device": 0o060000, fifo: 0o010000 };
const NO_NAME = bytesOf("");

/** A file or directory that is open as `fd`, and is `name` in `dir`. Owner first: changing it clears set-user-ID and capabilities. */
export function dress(lost: Lost, entry: Entry, fd: number, dir: number, name: Uint8Array): void {
  const isOwned = own(lost, entry, fd, NO_NAME);
  fchmod(fd, entry.mode & (isOwned || entry.type === "directory" ? 0o7777 : 0o1777));
  for (const [key, value] of entry.attributes) setIfKept(lost, fd, key, value);
  setTimesAt(dir, name, entry.mtime);
}

/** A symbolic link. */
export function dressLink(lost: Lost, entry: Entry, dir: number, name: Uint8Array): void {
  own(lost, entry, dir, name);
  setTimesAt(dir, name, entry.mtime);
}

/** Makes a device or a FIFO. */
export function makeNode(lost: Lost, entry: Entry, dir: number, name: Uint8Array): void {
  try {
    mknodAt(dir, name, (NODES[entry.type] ?? 0) | (entry.mode & 0o777), entry.major, entry.minor);
  } catch (error) {
    if (!failedWith(error, "EPERM")) throw error;
    lost.devices++;
    return;
  }
  dressLink(lost, entry, dir, name);
}

function own(lost: Lost, { uid, gid }: Entry, dir: number, name: Uint8Array): boolean {
  try {
    chownAt(dir, name, uid, gid);
    return true;
  } catch (error) {
    if (!failedWith(error, "EPERM", "EINVAL")) throw error;
    lost.owners++;
    return false;
  }
}

function setIfKept(lost: Lost, fd: number, key: string, value: Uint8Array): void {
  if (!KEPT.test(key)) return;
  try {
    setAttribute(fd, key, value);
  } catch (error) {
    if (!failedWith(error, "EPERM", "EOPNOTSUPP")) throw error;
    lost.attributes++;
  }
}
