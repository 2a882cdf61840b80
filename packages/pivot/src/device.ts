// --device: passes a device node of the host on.
import {
  cloneTree,
  close,
  type Device,
  deviceOf,
  exists,
  fstat,
  join,
  lstatIfThere,
  MS_NODEV,
  makeReadOnly,
  moveMount,
  O_CREAT,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_WRONLY,
  open,
  quote,
  readdir,
  resolve,
  safetyFlags,
  stat,
  ToolError,
  UsageError,
} from "@contain-tools/kernel";

/** The meaning of --device: a node, or a directory of nodes, and the allowed access. */
interface DeviceWord {
  readonly source: string;
  readonly target: string;
  /** Some of r, w and m; undefined for all. */
  readonly access: string | undefined;
}

/** A node of the host, and its place inside. */
export interface DeviceNode {
  readonly source: string;
  readonly target: string;
}

const MAX_FILES = 1000; // all of /dev is some hundred
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

/** The nodes that a word stands for: for a directory, all in and below it. @throws UsageError if there is none */
export function deviceNodes({ source, target }: DeviceWord): Found[] {
  const file = exists(source) ? stat(source) : undefined;
  const device = file && deviceOf(file);
  const nodes = device !== undefined ? [{ source, target, device }] : file?.isDirectory() ? nodesBelow(source, target) : [];
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
    for (const name of readdir(dir.source)) {
      if (++files > MAX_FILES)
        throw new UsageError(`--device ${top}: more than ${MAX_FILES} files are below it`, "name the devices, or their directory");
      const node = { source: join(dir.source, name), target: join(dir.target, name) };
      const stat = lstatIfThere(node.source);
      const device = stat && deviceOf(stat);
      if (stat?.isDirectory()) left.push(node);
      else if (device !== undefined) found.push({ ...node, device });
    }
  }
  return found;
}

/** Binds the node over `place`. The descriptor of what was bound is checked, so that it is a device and nothing else (CVE-2025-31133). */
export function bindDevice({ source, target }: DeviceNode, place: number): void {
  const fd = open(source, O_PATH);
  try {
    const stat = fstat(fd);
    if (!stat.isCharacterDevice() && !stat.isBlockDevice()) throw new ToolError(`--device ${source}: not a device node any more`);
    if (safetyFlags(fd) & MS_NODEV)
      throw new ToolError(`--device ${source}: on the host it is on a mount with nodev, where no device can be opened (mount(8))`);
    if (fstat(place).isDirectory()) throw new ToolError(`--device ${source}: ${target} is a directory inside`);
    attachNode(fd, place);
  } finally {
    close(fd);
  }
}

/** A device can be written to through a read-only mount; only its mode and owner, which are the host's, cannot be changed. */
export function attachNode(source: number, place: number): void {
  const copy = cloneTree(source);
  moveMount(copy, place);
  makeReadOnly(copy);
  close(copy);
}

/** An empty file of this name, as a mount point for a node. */
export function makePlace(path: string): number {
  close(open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o644));
  return open(path, O_PATH | O_NOFOLLOW);
}

/** The links in every /dev. */
export const DEV_LINKS = [
  ["fd", "/proc/self/fd"],
  ["stdin", "/proc/self/fd/0"],
  ["stdout", "/proc/self/fd/1"],
  ["stderr", "/proc/self/fd/2"],
  ["ptmx", "pts/ptmx"],
] as const;
