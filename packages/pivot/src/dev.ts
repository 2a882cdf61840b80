// A minimal /dev on a tmpfs: the device nodes every program expects, its own devpts, /dev/shm, the links to descriptors.
import { type Context, makeConsole } from "@contain-tools/chain";
import {
  cloneTree,
  close,
  type Device,
  deviceOf,
  failedWith,
  fdPath,
  fstat,
  isMapped,
  MS_BIND,
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSUID,
  MS_RDONLY,
  MS_REMOUNT,
  makeCharacterDevice,
  makeInRoot,
  mkdir,
  mount,
  moveMount,
  newMount,
  O_PATH,
  open,
  openInRoot,
  readIdMap,
  symlink,
  ToolError,
} from "@contain-tools/kernel";
import { attachNode, bindDevice, DEV_LINKS, type DeviceNode, makePlace } from "./device.ts";

/** Name, major and minor number (Documentation/admin-guide/devices.txt). All have mode 0666. */
const NODES = [
  ["null", 1, 3],
  ["zero", 1, 5],
  ["full", 1, 7],
  ["random", 1, 8],
  ["urandom", 1, 9],
  ["tty", 5, 0],
] as const;

const TTY_GROUP = 5;

type Node = (typeof NODES)[number];

const isNode = (device: Device | undefined, [, major, minor]: Node) =>
  device?.type === "c" && device.major === major && device.minor === minor;

/** True for a device that every program may use. */
export const isBasicDevice = (device: Device | undefined): boolean => NODES.some((node) => isNode(device, node));

interface DevOptions {
  readonly readOnly: boolean;
  /** Nodes made there later cannot be opened. */
  readonly nodev: boolean;
  /** Nodes of the host to put in it. */
  readonly devices: readonly DeviceNode[];
  /** Make a pseudo-terminal. */
  readonly makesTerminal: boolean;
}

/** A filled /dev at `target`. Returns the slave of the pseudo-terminal, if one is wanted. */
export function makeDev(context: Context, target: number, { readOnly, nodev, devices, makesTerminal }: DevOptions): number | undefined {
  const bound = nodev && !readOnly; // nodes cannot be made on a read-only mount, and ours must work
  const bits = MS_NOSUID | MS_NOEXEC | (bound ? MS_NODEV : 0);
  const fd = newMount("tmpfs", { source: "tmpfs", mode: "755", size: "65536k" }, bits);
  moveMount(fd, target);
  const dev = fdPath(fd);
  for (const node of NODES) makeNode(`${dev}/${node[0]}`, node, bound);
  for (const [name, to] of DEV_LINKS) symlink(to, `${dev}/${name}`);
  mkdir(`${dev}/pts`, 0o755);
  mkdir(`${dev}/shm`, 0o1777);
  // A group that the user namespace does not map cannot own the terminals.
  const group = isMapped(readIdMap("self", "gid_map"), TTY_GROUP) ? `,gid=${TTY_GROUP}` : "";
  mount("devpts", `${dev}/pts`, "devpts", MS_NOSUID | MS_NOEXEC, `newinstance,ptmxmode=0666,mode=0620${group}`);
  mount("tmpfs", `${dev}/shm`, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777,size=65536k");
  const slave = makesTerminal ? makeConsole(context, `${dev}/pts/ptmx`) : undefined;
  if (slave !== undefined) bindConsole(slave, makePlace(`${dev}/console`), () => open(`${dev}/console`, O_PATH));
  for (const device of devices) {
    const place = makeInRoot(fd, device.target.slice("/dev".length), "file");
    bindDevice(device, place);
    close(place);
  }
  if (readOnly) mount(null, dev, null, MS_REMOUNT | MS_BIND | MS_RDONLY | bits);
  close(fd);
  return slave;
}

/** A pseudo-terminal of the devpts on /dev/pts, and /dev/console. Returns its slave. @throws ToolError without a devpts */
export function makeConsoleIn(context: Context, root: number): number {
  const ptmx = openInRoot(root, "/dev/pts/ptmx");
  const device = deviceOf(fstat(ptmx));
  if (device?.major !== 5 || device.minor !== 2)
    throw new ToolError("--tty: /dev/pts/ptmx is not the device 5:2", "--mount type=devpts,target=/dev/pts,newinstance,ptmxmode=0666");
  const slave = makeConsole(context, fdPath(ptmx));
  close(ptmx);
  bindConsole(slave, makeInRoot(root, "/dev/console", "file"), () => openInRoot(root, "/dev/console"));
  return slave;
}

/** Both ends of the bind are descriptors; a check afterwards ensures that /dev/console is this terminal (CVE-2025-52565). */
function bindConsole(slave: number, place: number, openAgain: () => number): void {
  const copy = cloneTree(slave);
  moveMount(copy, place);
  close(copy);
  close(place);
  const again = openAgain();
  const [bound, own] = [fstat(again), fstat(slave)];
  close(again);
  if (!bound.isCharacterDevice() || bound.rdev !== own.rdev || bound.dev !== own.dev || bound.ino !== own.ino)
    throw new ToolError("/dev/console is not the pseudo-terminal that was bound there");
}

/** mknod(2), or a bind of the host's node: in a user namespace, where mknod is EPERM, and on a /dev with nodev. */
function makeNode(path: string, node: Node, bound: boolean): void {
  const [name, major, minor] = node;
  if (!bound) {
    try {
      makeCharacterDevice(path, 0o666, major, minor);
      return;
    } catch (error) {
      if (!failedWith(error, "EPERM")) throw error;
    }
  }
  const source = open(`/dev/${name}`, O_PATH);
  try {
    if (!isNode(deviceOf(fstat(source)), node))
      throw new ToolError(`/dev/${name} on the host is not the character device ${major}:${minor}`);
    const place = makePlace(path);
    attachNode(source, place);
    close(place);
  } finally {
    close(source);
  }
}
