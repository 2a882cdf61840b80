// --device PATH:TYPE:MAJOR:MINOR:MODE:UID:GID: makes a device node, whatever the host has. --dev-links: the usual links in /dev.
import {
  basename,
  chmod,
  chown,
  close,
  deviceOf,
  dirname,
  failedWith,
  fdPath,
  fstat,
  lstatIfThere,
  makeInRoot,
  makeNode,
  type NodeType,
  O_NOFOLLOW,
  O_PATH,
  open,
  quote,
  resolve,
  type Stat,
  statIfThere,
  symlink,
  ToolError,
  UsageError,
  unlink,
} from "@contain-tools/kernel";
import { attachNode, DEV_LINKS, makePlace } from "./device.ts";

export interface Node {
  /** Inside. */
  readonly path: string;
  readonly type: NodeType;
  readonly major: number;
  readonly minor: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

const FORM = /^([^:]+):([cbup]):(\d+):(\d+):([0-7]{3,5}):(\d+):(\d+)$/;

/** True for a `--device` that describes a node in full; otherwise it names one of the host. */
export const isNodeWord = (text: string): boolean => FORM.test(text);

/** @throws UsageError */
export function readNode(text: string): Node {
  const [, path = "", type = "", ...numbers] = FORM.exec(text) ?? [];
  const [major = 0, minor = 0] = numbers.map(Number);
  const [uid = 0, gid = 0] = numbers.slice(3).map(Number);
  if (!path.startsWith("/")) throw new UsageError(`--device ${quote(text)}: ${path} is a path inside, and starts with /`);
  if (major > 0xfff || minor > 0xfffff)
    throw new UsageError(`--device ${quote(text)}: a major number is below 4096, a minor one below 1048576`);
  return { path: resolve("/", path), type: type as NodeType, major, minor, mode: Number.parseInt(numbers[2] ?? "0", 8), uid, gid };
}

/**
 * Makes the node in the root. In a user namespace, where mknod(2) is EPERM, the host's node with the same name and numbers is bound there.
 */
export function makeNodeIn(root: number, node: Node): void {
  const parent = makeInRoot(root, dirname(node.path), "directory");
  const path = `${fdPath(parent)}/${basename(node.path)}`;
  try {
    if (isThere(path, node)) return;
    makeNode(path, node.type, node.mode, node.major, node.minor);
    setOwner(path, node);
  } catch (error) {
    if (!failedWith(error, "EPERM") || node.type === "p") throw explained(error, node);
    bindHosts(path, node);
  } finally {
    close(parent);
  }
}

/** By its descriptor: others who can write to the directory may have put a symbolic link to a file of the host there. */
function setOwner(path: string, node: Node): void {
  const fd = open(path, O_PATH | O_NOFOLLOW);
  try {
    checkSame(fstat(fd), node);
    chown(fdPath(fd), node.uid, node.gid);
    chmod(fdPath(fd), node.mode); // a default ACL, or the change of owner, may have cleared bits
  } finally {
    close(fd);
  }
}

/** A node from the image, or a mount, stays if it is the same device; anything else is in the way. */
function isThere(path: string, node: Node): boolean {
  const stat = lstatIfThere(path);
  if (stat === undefined) return false;
  checkSame(stat, node);
  return true;
}

function checkSame(stat: Stat, node: Node): void {
  const device = deviceOf(stat);
  if (node.type === "p" ? stat.isFIFO() : device?.type === letterOf(node) && device.major === node.major && device.minor === node.minor)
    return;
  throw new ToolError(`--device ${node.path}: something else is there inside`);
}

const letterOf = ({ type }: Node) => (type === "u" ? "c" : type);

function bindHosts(path: string, node: Node): void {
  const source = open(node.path, O_PATH);
  try {
    const device = deviceOf(fstat(source));
    if (device?.type !== letterOf(node) || device.major !== node.major || device.minor !== node.minor)
      throw new ToolError(
        `--device ${node.path}: the host's is not ${letterOf(node)} ${node.major}:${node.minor}, and mknod(2) is refused here (EPERM)`,
      );
    const place = makePlace(path);
    attachNode(source, place);
    close(place);
  } finally {
    close(source);
  }
}

function explained(error: unknown, { path }: Node): unknown {
  if (!(error instanceof Error) || error instanceof ToolError) return error;
  return new ToolError(`--device ${path}: ${error.message}`, undefined, 125, { cause: error });
}

const isSameFile = (one: Stat, other: Stat | undefined) => one.dev === other?.dev && one.ino === other.ino;

/**
 * Makes the links in /dev that are missing; a ptmx that is not a link would belong to another devpts. The host's own /dev is left alone.
 */
export function makeDevLinks(root: number): void {
  const dev = makeInRoot(root, "/dev", "directory");
  try {
    if (isSameFile(fstat(dev), statIfThere("/dev"))) return;
    for (const [name, to] of DEV_LINKS) {
      const path = `${fdPath(dev)}/${name}`;
      const stat = lstatIfThere(path);
      if (stat !== undefined && (name !== "ptmx" || stat.isSymbolicLink())) continue;
      if (stat !== undefined) unlink(path);
      symlink(to, path);
    }
  } finally {
    close(dev);
  }
}
