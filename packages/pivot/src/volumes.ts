// Plan to kernel calls: what is mounted inside the root beside /proc, /sys and /dev.
import {
  cloneMount,
  cloneTree,
  close,
  deviceOf,
  fdPath,
  fstat,
  MS_NODEV,
  MS_NOSUID,
  MS_PRIVATE,
  MS_RDONLY,
  MS_SHARED,
  MS_SLAVE,
  mount,
  mountOf,
  moveMount,
  O_PATH,
  open,
  restrictMount,
  ToolError,
} from "@contain-tools/kernel";
import type { Plan } from "./cli.ts";
import { isBasicDevice } from "./dev.ts";
import { bindDevice } from "./device.ts";
import type { Bind, Tmpfs } from "./mountwords.ts";
import { mountAt } from "./place.ts";
import type { Volume } from "./volume.ts";

/** Copies of what mounts are to travel to or from, attached nowhere yet. */
export type Trees = ReadonlyMap<Volume, number>;

/** Descriptors (O_PATH) of what is to be bound. */
export type Sources = ReadonlyMap<Volume, number>;

/**
 * Copies that are of the host's peer groups (mount_namespaces(7)), to be made while ours are still.
 *
 * @throws ToolError where nothing would travel
 */
export function openPropagated(volumes: readonly Volume[]): Trees {
  const trees = new Map<Volume, number>();
  for (const volume of volumes) {
    if (volume.kind !== "bind" || volume.propagation === "private") continue;
    const { source, propagation } = volume;
    const fd = open(source, O_PATH);
    const entry = mountOf(fd);
    const peers = propagation === "shared" ? /^shared:/ : /^(shared|master):/;
    if (!entry?.propagation.some((word) => peers.test(word)))
      throw new ToolError(
        `--mount: bind-propagation=${propagation}: ${source} lies on ${entry?.mountPoint ?? "a mount"}, which is not ${propagation === "shared" ? "shared" : "shared or a slave"}`,
        "mount --make-shared makes it so; for a mount namespace of another user namespace it is a slave at most (mount_namespaces(7))",
      );
    trees.set(volume, copyOf(volume, fd));
    close(fd);
  }
  return trees;
}

const copyOf = ({ recursive }: Bind, source: number) => (recursive ? cloneTree(source) : cloneMount(source));

/** What the other binds show, opened while ROOTFS is as the caller has it: a source may lie in there. */
export function openSources(volumes: readonly Volume[], trees: Trees): Sources {
  const binds = volumes.filter((volume): volume is Bind => volume.kind === "bind" && !trees.has(volume));
  return new Map(binds.map((volume) => [volume, open(volume.source, O_PATH)]));
}

/** Those of a peer group come last, when all that is there before is private, which the whole would else be made at the end. */
export function mountVolumes(plan: Plan, root: number, trees: Trees, sources: Sources): void {
  for (const volume of plan.volumes) if (!trees.has(volume)) mountVolume(plan, root, volume, sources);
  if (trees.size > 0) restrictMount(root, 0, true, MS_PRIVATE);
  for (const [volume, tree] of trees) if (volume.kind === "bind") attach(plan, root, volume, tree);
}

function mountVolume(plan: Plan, root: number, volume: Volume, sources: Sources): void {
  if (volume.kind === "tmpfs") mountAt(plan, root, volume.target, (target) => mountTmpfs(target, volume));
  else if (volume.kind === "device") mountAt(plan, root, volume.target, (target) => bindDevice(volume, target), "file");
  else {
    const source = sources.get(volume) ?? open(volume.source, O_PATH);
    attach(plan, root, volume, copyOf(volume, source));
    close(source);
  }
}

function mountTmpfs(target: number, { size, mode, readOnly }: Tmpfs): void {
  const data = `mode=${mode.toString(8)}${size === undefined ? "" : `,size=${size}`}`;
  mount("tmpfs", fdPath(target), "tmpfs", MS_NOSUID | MS_NODEV | (readOnly ? MS_RDONLY : 0), data);
}

const PROPAGATION = { private: 0, slave: MS_SLAVE, shared: MS_SHARED } as const;

/** Lays a copy of the source over its place. */
function attach(plan: Plan, root: number, { source, target, readOnly, propagation }: Bind, copy: number): void {
  const stat = fstat(copy);
  const isDirectory = stat.isDirectory();
  const nodev = plan.nodev && !isBasicDevice(deviceOf(stat)); // /dev/null over a file hides it
  const bind = (place: number) => {
    if (fstat(place).isDirectory() !== isDirectory) {
      const what = (directory: boolean) => (directory ? "a directory" : "a file");
      throw new ToolError(`${target} in ${plan.rootfs} is ${what(!isDirectory)}, and ${source} is ${what(isDirectory)}`);
    }
    moveMount(copy, place);
    restrictMount(copy, (readOnly ? MS_RDONLY : 0) | (nodev ? MS_NODEV : 0), true, PROPAGATION[propagation]);
  };
  mountAt(plan, root, target, bind, isDirectory ? "directory" : "file");
  close(copy);
}
