// Plan to kernel calls: what is mounted inside the root besides /proc, /sys and /dev.
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
import type { Given } from "./fstab.ts";
import { mountGiven } from "./givenmounts.ts";
import type { Bind, Tmpfs } from "./mountwords.ts";
import { mountAt } from "./place.ts";
import type { Volume } from "./volume.ts";

/** Copies of the mounts that propagate, not attached yet. */
export type Trees = ReadonlyMap<Volume, number>;

/** Descriptors (O_PATH) of bind sources. */
export type Sources = ReadonlyMap<Volume, number>;

/**
 * Makes copies in the host's peer groups (mount_namespaces(7)), while our mounts still are in them.
 *
 * @throws ToolError if nothing would propagate
 */
export function openPropagated(volumes: readonly Volume[]): Trees {
  const trees = new Map<Volume, number>();
  for (const volume of volumes) {
    if (volume.kind === "given" && isShared(volume)) trees.set(volume, copyShared(volume));
    if (volume.kind !== "bind" || volume.propagation === "private") continue;
    const { source, propagation } = volume;
    const fd = open(source, O_PATH);
    const entry = mountOf(fd);
    const peers = propagation === "shared" ? /^shared:/ : /^(shared|master):/;
    if (!entry?.propagation.some((word) => peers.test(word)))
      throw new ToolError(
        `--mount: bind-propagation=${propagation}: ${source} is on ${entry?.mountPoint ?? "a mount"}, which is not ${propagation === "shared" ? "shared" : "shared or a slave"}`,
        "mount --make-shared makes it so; for a mount namespace of another user namespace it is a slave at most (mount_namespaces(7))",
      );
    trees.set(volume, copyOf(volume, fd));
    close(fd);
  }
  return trees;
}

/** A bind that propagates both ways: its copy must be in the host's peer group. */
const isShared = ({ propagation, source, bind }: Given) => propagation?.kind === MS_SHARED && source !== undefined && bind !== undefined;

function copyShared({ source = "", bind }: Given): number {
  const fd = open(source, O_PATH);
  const copy = bind === "tree" ? cloneTree(fd) : cloneMount(fd);
  close(fd);
  return copy;
}

/** True if a mount is not private in the end. */
const keepsPropagation = (volume: Volume, trees: Trees) =>
  trees.has(volume) || (volume.kind === "given" && volume.propagation !== undefined);

const copyOf = ({ recursive }: Bind, source: number) => (recursive ? cloneTree(source) : cloneMount(source));

/** The sources of the other binds, opened while ROOTFS is as the caller has it: a source may be inside it. */
export function openSources(volumes: readonly Volume[], trees: Trees): Sources {
  const sources = new Map<Volume, number>();
  for (const volume of volumes) {
    if (volume.kind === "bind" && !trees.has(volume)) sources.set(volume, open(volume.source, O_PATH));
    if (volume.kind === "given" && volume.bind !== undefined && volume.source !== undefined)
      sources.set(volume, open(volume.source, O_PATH));
  }
  return sources;
}

/**
 * Mounts all volumes. Docker's mounts in a peer group come last, when all earlier ones are private.
 *
 * @returns true if some of them must keep their propagation, so the whole tree may not be made private
 */
export function mountVolumes(plan: Plan, root: number, trees: Trees, sources: Sources): boolean {
  const keeps = plan.volumes.some((volume) => keepsPropagation(volume, trees));
  if (keeps && plan.rootPropagation === undefined) restrictMount(root, 0, true, MS_PRIVATE);
  for (const volume of plan.volumes) if (volume.kind === "given" || !trees.has(volume)) mountVolume(plan, root, volume, sources, trees);
  for (const [volume, tree] of trees) if (volume.kind === "bind") attach(plan, root, volume, tree);
  return keeps;
}

function mountVolume(plan: Plan, root: number, volume: Volume, sources: Sources, trees: Trees): void {
  if (volume.kind === "given") mountGiven(plan, root, volume, sources.get(volume), trees.get(volume));
  else if (volume.kind === "tmpfs") mountAt(plan, root, volume.target, (target) => mountTmpfs(target, volume));
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

/** Attaches a copy of the source at its place. */
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
