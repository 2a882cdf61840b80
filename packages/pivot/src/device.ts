// --device: a device node of the host's, given deliberately.
import { closeSync, constants, existsSync, fstatSync, lstatSync, openSync, readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import {
  cloneTree,
  type Device,
  deviceOf,
  MS_NODEV,
  makeReadOnly,
  moveMount,
  quote,
  safetyFlags,
  ToolError,
  UsageError,
} from "@contain-tools/kernel";

/** What --device says: a node, or a directory of them, and what may be done with it. */
export interface DeviceWord {
  readonly source: string;
  readonly target: string;
  /** Of r, w and m; undefined for all. */
  readonly access: string | undefined;
}

/** A node of the host's, and its place inside. */
export interface DeviceNode {
  readonly source: string;
  readonly target: string;
}

const O_PATH = 0o10000000;
const MAX_FILES = 1000; // all of /dev are some hundred
const FORM = "--device HOST[:CONT]: CONT is a path inside, and starts with /";

/** `HOST[:CONT][:rwm]`, as docker's. @throws UsageError */
export function readDevice(text: string): DeviceWord {
  const [host = "", ...parts] = text.split(":");
  const access = /^[rwm]+$/.test(parts.at(-1) ?? "") ? parts.pop() : undefined;
  const source = resolve(host);
  const [target = source, ...more] = parts;
  if (host === "" || !target.startsWith("/") || more.length > 0) throw new UsageError(`--device ${quote(text)} is not a device`, FORM);
  return { source, target: resolve("/", target), access };
}

interface Found extends DeviceNode {
  readonly device: Device;
}

/** The nodes that a word stands for: of a directory, all in it and below. @throws UsageError when there is none */
export function deviceNodes({ source, target }: DeviceWord): Found[] {
  const stat = existsSync(source) ? statSync(source) : undefined;
  const device = stat && deviceOf(stat);
  const nodes = device !== undefined ? [{ source, target, device }] : stat?.isDirectory() ? nodesBelow(source, target) : [];
  if (nodes.length === 0)
    throw new UsageError(
      `--device ${source}: there is no device node on the host`,
      "a node like /dev/fuse, or a directory of them like /dev/snd",
    );
  return nodes;
}

function nodesBelow(top: string, topTarget: string): Found[] {
  const found: Found[] = [];
  const left: DeviceNode[] = [{ source: top, target: topTarget }];
  let files = 0;
  for (let dir = left.pop(); dir !== undefined; dir = left.pop()) {
    for (const name of readdirSync(dir.source)) {
      if (++files > MAX_FILES)
        throw new UsageError(`--device ${top}: more than ${MAX_FILES} files are below it`, "name the devices, or their directory");
      const node = { source: join(dir.source, name), target: join(dir.target, name) };
      const stat = lstatSync(node.source, { throwIfNoEntry: false });
      const device = stat && deviceOf(stat);
      if (stat?.isDirectory()) left.push(node);
      else if (device !== undefined) found.push({ ...node, device });
    }
  }
  return found;
}

/** Binds the node over `place`. What is bound is looked at by its descriptor, so that it is a device and nothing else (CVE-2025-31133). */
export function bindDevice({ source, target }: DeviceNode, place: number): void {
  const fd = openSync(source, O_PATH);
  try {
    const stat = fstatSync(fd);
    if (!stat.isCharacterDevice() && !stat.isBlockDevice()) throw new ToolError(`--device ${source}: not a device node any more`);
    if (safetyFlags(fd) & MS_NODEV)
      throw new ToolError(`--device ${source}: on the host it lies on a mount with nodev, where no device can be opened (mount(8))`);
    if (fstatSync(place).isDirectory()) throw new ToolError(`--device ${source}: ${target} is a directory inside`);
    attachNode(fd, place);
  } finally {
    closeSync(fd);
  }
}

/** A device is written to through a read-only mount all the same; its mode and owner, which are the host's, cannot be changed. */
export function attachNode(source: number, place: number): void {
  const copy = cloneTree(source);
  moveMount(copy, place);
  makeReadOnly(copy);
  closeSync(copy);
}

/** An empty file of this name, for a node to lie on. */
export function makePlace(path: string): number {
  closeSync(openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o644));
  return openSync(path, O_PATH | constants.O_NOFOLLOW);
}
