// What is mounted inside the root besides /proc, /sys and /dev: words to plan.
import { exists, MOUNT_ATTR, resolve, UsageError } from "@contain-tools/kernel";
import { type DeviceNode, deviceNodes, readDevice } from "./device.ts";
import type { Given } from "./fstab.ts";
import { type Bind, readMount, readTmpfsSize, type Tmpfs } from "./mountwords.ts";

/** Something to mount inside the root, in the order of the command line. */
export type Volume = Bind | Tmpfs | Given | ({ readonly kind: "device" } & DeviceNode);

type VolumeOption = "bind" | "ro-bind" | "tmpfs" | "device" | "mount";

export const isVolume = (name: string): name is VolumeOption =>
  name === "bind" || name === "ro-bind" || name === "tmpfs" || name === "device" || name === "mount";

/**
 * @param pathsMoved an earlier link changes what a path means, so nothing can be checked yet
 * @param plain --mount is read as fstab(5), whatever its type
 * @throws UsageError
 */
export function readVolume(name: VolumeOption, text: string, pathsMoved: boolean, plain: boolean): Volume[] {
  if (name === "device") return readNodes(text, pathsMoved);
  if (name === "mount") return [readMount(text, pathsMoved, plain)];
  const [first = "", second, more] = text.split(":");
  if (name === "tmpfs" && first.startsWith("/") && more === undefined && second !== undefined && /[=,]|^(ro|rw)$/.test(second)) {
    const given = (key: string) => new RegExp(`(?:^|,)${key}=([^,]*)`).exec(second)?.[1];
    const size = given("size") ?? "100%";
    if (!/^\d+%$/.test(size)) readTmpfsSize("--tmpfs size", size);
    if (!/^[0-7]{1,4}$/.test(given("mode") ?? "0")) throw new UsageError(`--tmpfs ${text}: mode is octal: 1777`);
    const mode = given("mode") === undefined ? ",mode=1777" : "";
    return [readMount(`type=tmpfs,target=${first},nosuid,nodev${mode},${second}`, pathsMoved, false)]; // docker's words
  }
  const target = name === "tmpfs" ? first : (second ?? "");
  if (!target.startsWith("/") || more !== undefined) {
    throw new UsageError(
      `--${name} ${text}: must be ${name === "tmpfs" ? "DST[:SIZE] or DST:size=SIZE,mode=MODE,…" : "SRC:DST"}`,
      "DST is a path inside the root, and starts with /",
    );
  }
  if (name === "tmpfs") {
    const size = second === undefined ? undefined : readTmpfsSize("--tmpfs", second);
    return [{ kind: "tmpfs", target, size, mode: 0o1777, readOnly: false }];
  }
  if (!pathsMoved && !exists(first)) throw new UsageError(`--${name} ${text}: there is no ${first} on the host`);
  return [{ kind: "bind", source: resolve(first), target, readOnly: name === "ro-bind", propagation: "private", recursive: true }];
}

function readNodes(text: string, pathsMoved: boolean): Volume[] {
  const word = readDevice(text);
  if (word.access !== undefined)
    throw new UsageError(
      `--device ${text}: pivot gives a node, and what may be done with it is for the group to say`,
      `cgset --device "${word.source} ${word.access}"`,
    );
  return (pathsMoved ? [word] : deviceNodes(word)).map(({ source, target }) => ({ kind: "device", source, target }));
}

/** @throws UsageError for a mount that a later volume would cover */
export function checkOrder(volumes: readonly Volume[]): void {
  for (const last of volumes) {
    if (last.kind !== "bind" || last.propagation === "private") continue;
    const hidden = volumes.find(({ target }) => resolve(target).startsWith(`${resolve(last.target)}/`));
    if (hidden !== undefined)
      throw new UsageError(
        `--mount: nothing can be mounted on ${hidden.target}: it is in ${last.target}, whose mounts propagate`,
        "mount it on the host below the source, and it appears inside",
      );
  }
}

/** The path of the host that a mount shows, and whether it is read-only for everyone; undefined for anything but a bind. */
export function bindOf(volume: Volume): { readonly source: string; readonly readOnly: boolean } | undefined {
  if (volume.kind === "bind") return volume;
  if (volume.kind !== "given" || volume.bind === undefined || volume.source === undefined) return undefined;
  return { source: volume.source, readOnly: (volume.whole.set & MOUNT_ATTR.RDONLY) !== 0 };
}
