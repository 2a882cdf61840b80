// A minimal /dev on a tmpfs: the device nodes every program expects, a devpts of its own, /dev/shm, the links to descriptors.
import { closeSync, constants, fstatSync, mkdirSync, openSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import {
  cloneTree,
  failedWith,
  fdPath,
  isMapped,
  MS_BIND,
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSUID,
  MS_RDONLY,
  MS_REMOUNT,
  makeCharacterDevice,
  makeConsole,
  makeReadOnly,
  mount,
  moveMount,
  newMount,
  readIdMap,
  ToolError,
} from "@contain-tools/kernel";

/** Name, major and minor number (Documentation/admin-guide/devices.txt). All are mode 0666. */
const NODES = [
  ["null", 1, 3],
  ["zero", 1, 5],
  ["full", 1, 7],
  ["random", 1, 8],
  ["urandom", 1, 9],
  ["tty", 5, 0],
] as const;

const LINKS = [
  ["fd", "/proc/self/fd"],
  ["stdin", "/proc/self/fd/0"],
  ["stdout", "/proc/self/fd/1"],
  ["stderr", "/proc/self/fd/2"],
  ["ptmx", "pts/ptmx"],
] as const;

const TTY_GROUP = 5;
const O_PATH = 0o10000000;

export interface DevOptions {
  readonly readOnly: boolean;
  /** Make a pseudo-terminal. */
  readonly tty: boolean;
}

/** A filled /dev at `target`. Returns the slave of the pseudo-terminal, if one is wanted. */
export function makeDev(target: number, { readOnly, tty }: DevOptions): number | undefined {
  const fd = newMount("tmpfs", { source: "tmpfs", mode: "755", size: "65536k" }, MS_NOSUID | MS_NOEXEC);
  moveMount(fd, target);
  const dev = fdPath(fd);
  for (const [name, major, minor] of NODES) makeNode(`${dev}/${name}`, name, major, minor);
  for (const [name, to] of LINKS) symlinkSync(to, `${dev}/${name}`);
  mkdirSync(`${dev}/pts`, 0o755);
  mkdirSync(`${dev}/shm`, 0o1777);
  // A group that the user namespace does not map cannot own the terminals.
  const group = isMapped(readIdMap("self", "gid_map"), TTY_GROUP) ? `,gid=${TTY_GROUP}` : "";
  mount("devpts", `${dev}/pts`, "devpts", MS_NOSUID | MS_NOEXEC, `newinstance,ptmxmode=0666,mode=0620${group}`);
  mount("tmpfs", `${dev}/shm`, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777,size=65536k");
  const slave = tty ? makeConsole(`${dev}/pts/ptmx`) : undefined;
  if (slave !== undefined) bindConsole(slave, `${dev}/console`);
  if (readOnly) mount(null, dev, null, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NOEXEC);
  closeSync(fd);
  return slave;
}

/** Both ends of the bind are descriptors; looked at again afterwards, /dev/console is the terminal and nothing else (CVE-2025-52565). */
function bindConsole(slave: number, path: string): void {
  writeFileSync(path, "", { flag: "wx" });
  const place = openSync(path, O_PATH | constants.O_NOFOLLOW);
  const copy = cloneTree(slave);
  moveMount(copy, place);
  closeSync(copy);
  closeSync(place);
  const [bound, own] = [statSync(path), fstatSync(slave)];
  if (!bound.isCharacterDevice() || bound.rdev !== own.rdev || bound.dev !== own.dev || bound.ino !== own.ino)
    throw new ToolError("/dev/console is not the pseudo-terminal that was bound there");
}

/** mknod(2), or in a user namespace, where that is EPERM, the host's node bound in. */
function makeNode(path: string, name: string, major: number, minor: number): void {
  try {
    makeCharacterDevice(path, 0o666, major, minor);
  } catch (error) {
    if (!failedWith(error, "EPERM")) throw error;
    bindNode(path, name, major, minor);
  }
}

/** Checked after it was opened, so that it is the device and nothing else that gets bound (CVE-2025-31133). */
function bindNode(path: string, name: string, major: number, minor: number): void {
  const source = openSync(`/dev/${name}`, O_PATH);
  try {
    const stat = statSync(fdPath(source));
    if (!stat.isCharacterDevice() || stat.rdev !== major * 256 + minor)
      throw new ToolError(`/dev/${name} on the host is not the character device ${major}:${minor}`);
    writeFileSync(path, "", { flag: "wx" });
    const place = openSync(path, O_PATH | constants.O_NOFOLLOW);
    const copy = cloneTree(source);
    moveMount(copy, place);
    makeReadOnly(copy); // a device is written to all the same; its mode and owner, which are the host's, cannot be changed
    closeSync(copy);
    closeSync(place);
  } finally {
    closeSync(source);
  }
}
