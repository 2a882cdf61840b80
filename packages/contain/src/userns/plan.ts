// --userns and, for an ordinary user, the ids there are besides his own: words for nsexec.
import type { Options } from "@contain-tools/chain";
import { dirname, exists, resolve, statIfThere, UsageError } from "@contain-tools/kernel";
import { bindOf, deviceNodes, readDevice, readMount } from "@contain-tools/pivot";
import { type IdLease, RANGE } from "@contain-tools/state";
import type { RunOption } from "../run/options.ts";

/** True with --userns auto. Nothing is changed. @throws UsageError if it is impossible here, or with other options */
export function readUserns(given: Options<RunOption>, rootless: boolean, namespaces: ReadonlySet<string>): boolean {
  const word = given.value("userns");
  if (word === undefined) return false;
  if (word !== "auto")
    throw new UsageError(`--userns ${word}: must be auto`, "without it root has no user namespace, unless --ns names it");
  if (rootless)
    throw new UsageError(
      "--userns auto is for root, who may assign ids",
      "without it an ordinary user gets a user namespace in any case, with all ids that /etc/subuid gives to him",
    );
  for (const [kind, why] of [
    ["mount", "the shifted mounts are made in a mount namespace of its own"],
    ["pid", "a process that outlived the container would have the ids of the next one"],
  ] as const)
    if (!namespaces.has(kind))
      throw new UsageError(`--userns auto needs the ${kind === "mount" ? "mnt" : kind} namespace that --ns leaves out`, why);
  const overlay = given.value("overlay");
  if (overlay !== undefined && !exists(overlay))
    throw new UsageError(
      `--overlay=${overlay}: with --userns auto it must be there`,
      `its mount is shifted before anything is made in it: mkdir ${overlay}`,
    );
  return true;
}

/** The maps, and the shifted paths of the host. `files` are ours: the container only reads them. */
export function shiftWords(given: Options<RunOption>, { uid, gid }: IdLease, files: readonly string[]): string[] {
  const devices = given.all("device").flatMap((text) => deviceNodes(readDevice(text)).map(({ source }) => source));
  return [
    ...["--map-users", `0:${uid}:${RANGE}`, "--map-groups", `0:${gid}:${RANGE}`, "--setuid", "0", "--setgid", "0"],
    ...pathsOf(given).flatMap(({ path, readOnly }) => [isDevice(path) ? "--unshifted" : readOnly ? "--ro-shift" : "--shift", path]),
    ...[...files, ...devices].flatMap((path) => ["--unshifted", path]),
  ];
}

/**
 * Paths that root inside could make writable again in a user namespace that is not shifted: the read-only ones, and `files`, which are
 * ours. With --confine it has no CAP_SYS_ADMIN to do so, unless that was added.
 */
export function lockWords(given: Options<RunOption>, files: readonly string[]): string[] {
  if (given.has("confine") && !given.has("cap-add")) return [];
  const paths = pathsOf(given);
  const locked = [...paths.filter(({ readOnly }) => readOnly).map(({ path }) => path), ...files];
  if (locked.length === 0) return [];
  return [
    ...locked.flatMap((path) => ["--lock", path]),
    ...paths.filter(({ readOnly }) => !readOnly).flatMap(({ path }) => ["--unlocked", existing(path)]),
  ];
}

/** A directory of --overlay that does not exist yet is made in this one. */
function existing(path: string): string {
  return exists(path) ? path : existing(dirname(resolve(path)));
}

/** The paths of the host that a container gets. */
function pathsOf(given: Options<RunOption>): { readonly path: string; readonly readOnly: boolean }[] {
  const overlay = given.value("overlay");
  const volumes = given.all("volume").map((text) => text.split(":"));
  return [
    { path: given.value("rootfs") ?? "/", readOnly: !given.has("rw") },
    ...given.all("overlay-lower").map((path) => ({ path, readOnly: true })),
    ...(overlay === undefined ? [] : [{ path: overlay, readOnly: false }]),
    ...volumes.map(([path = "", , mode]) => ({ path, readOnly: mode === "ro" })),
    ...given.all("mount").flatMap((text) => {
      const bind = bindOf(readMount(text, false));
      return bind === undefined ? [] : [{ path: bind.source, readOnly: bind.readOnly }];
    }),
  ];
}

/** Through an idmapped mount root inside could use a device node, so there nobody can. */
function isDevice(path: string): boolean {
  const stat = statIfThere(path);
  return stat?.isCharacterDevice() === true || stat?.isBlockDevice() === true;
}

/** The message about the ids that were given. */
export const describeIds = ({ uid, gid }: IdLease) =>
  `user namespace: uids 0-${RANGE - 1} inside are ${uid}-${uid + RANGE - 1} outside, gids ${gid}-${gid + RANGE - 1}; owners of files are shifted (idmapped mounts)`;
