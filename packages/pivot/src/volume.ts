// What is mounted inside the root beside /proc, /sys and /dev: words to plan.
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { parseSize, UsageError } from "@contain-tools/kernel";
import { type DeviceNode, deviceNodes, readDevice } from "./device.ts";

/** Something to mount inside the root, in the order of the command line. */
export type Volume =
  | { readonly kind: "bind"; readonly source: string; readonly target: string; readonly readOnly: boolean }
  | { readonly kind: "tmpfs"; readonly target: string; readonly size: bigint | undefined }
  | ({ readonly kind: "device" } & DeviceNode);

type VolumeOption = "bind" | "ro-bind" | "tmpfs" | "device";

export const isVolume = (name: string): name is VolumeOption =>
  name === "bind" || name === "ro-bind" || name === "tmpfs" || name === "device";

/** @param elsewhere a link before us changes what a path means, so that nothing can be looked at yet. @throws UsageError */
export function readVolume(name: VolumeOption, text: string, elsewhere: boolean): Volume[] {
  if (name === "device") return readNodes(text, elsewhere);
  const [first = "", second, more] = text.split(":");
  const target = name === "tmpfs" ? first : (second ?? "");
  if (!target.startsWith("/") || more !== undefined) {
    throw new UsageError(
      `--${name} ${text}: it is ${name === "tmpfs" ? "DST[:SIZE]" : "SRC:DST"}`,
      "DST is a path inside the root, and starts with /",
    );
  }
  if (name === "tmpfs") return [{ kind: "tmpfs", target, size: second === undefined ? undefined : readTmpfsSize("--tmpfs", second) }];
  if (!elsewhere && !existsSync(first)) throw new UsageError(`--${name} ${text}: there is no ${first} on the host`);
  return [{ kind: "bind", source: resolve(first), target, readOnly: name === "ro-bind" }];
}

function readNodes(text: string, elsewhere: boolean): Volume[] {
  const word = readDevice(text);
  if (word.access !== undefined)
    throw new UsageError(
      `--device ${text}: pivot gives a node, and what may be done with it is for the group to say`,
      `cgset --device "${word.source} ${word.access}"`,
    );
  return (elsewhere ? [word] : deviceNodes(word)).map(({ source, target }) => ({ kind: "device", source, target }));
}

/** Bytes; 0 for no limit, as tmpfs(5) has it. */
function readTmpfsSize(option: string, text: string): bigint {
  if (text === "max") return 0n;
  const size = parseSize(option, text);
  if (size === 0n)
    throw new UsageError(
      `${option}: a size of 0 means no limit to the kernel (tmpfs(5))`,
      "max, if that is meant; without a size it is half of the memory",
    );
  return size;
}
