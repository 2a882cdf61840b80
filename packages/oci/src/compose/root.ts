// The root, its mounts, devices and kernel files, as words of pivot.
import { resolve } from "node:path";
import { OciError } from "../failure.ts";
import type { DeviceNode, Mount, Spec } from "../spec/spec.ts";

/** @param hooks the file with the createContainer hooks, if there are any */
export function rootWords({ root, mounts = [], process, linux = {} }: Spec, bundle: string, hooks: string | undefined): string[] {
  const { maskedPaths = [], readonlyPaths = [], sysctl = {}, rootfsPropagation, devices = [] } = linux;
  const ownDev = hasOwnDev(mounts);
  return [
    resolve(bundle, root.path),
    "--no-unshare",
    ...(root.readonly ? [] : ["--rw"]),
    "--no-default-mounts",
    ...mounts.flatMap((mount) => ["--mount", mountWord(mount, bundle)]),
    ...(ownDev ? [...nodes(devices).flatMap((node) => ["--device", deviceWord(node)]), "--dev-links"] : []),
    ...(process.terminal ? ["--tty"] : []),
    ...maskedPaths.flatMap((path) => ["--mask-path", absolute("linux.maskedPaths", path)]),
    ...readonlyPaths.flatMap((path) => ["--ro-path", absolute("linux.readonlyPaths", path)]),
    ...Object.entries(sysctl).flatMap(([key, value]) => ["--sysctl", `${key}=${value}`]),
    ...(rootfsPropagation ? ["--root-propagation", rootfsPropagation] : []),
    ...(process.cwd === "/" ? [] : ["--cwd", process.cwd]),
    "--clear-env",
    ...(process.env ?? []).flatMap((variable) => ["--env", variable]),
    ...(hooks === undefined ? [] : ["--hook", `createContainer=${hooks}`]),
  ];
}

const isBind = ({ type, options = [] }: Mount) => type === "bind" || options.includes("bind") || options.includes("rbind");

/** False if /dev is the host's, or somebody else's, with nodes that must stay as they are. */
function hasOwnDev(mounts: readonly Mount[]): boolean {
  const dev = mounts.findLast(({ destination }) => resolve("/", destination) === "/dev");
  return dev === undefined || !isBind(dev);
}

function mountWord(mount: Mount, bundle: string): string {
  const { destination, type = "", source, options = [] } = mount;
  const bind = isBind(mount);
  if (type === "" && !bind) throw new OciError(`mounts: ${destination}: type is missing`);
  const idmap = options.find((option) => /^r?idmap(=|$)/.test(option));
  if (idmap !== undefined)
    throw new OciError(
      `mounts: ${destination}: options: ${idmap} is refused: an idmapped mount is made from outside of the user namespace, and mounts are made inside`,
    );
  const words = [
    `type=${bind ? "bind" : type}`,
    ...(source === undefined ? [] : [`source=${bind ? resolve(bundle, source) : source}`]),
    `target=${resolve("/", destination)}`,
    ...options.filter((option) => option !== ""),
  ];
  return words.map((word) => (/[",]/.test(word) ? `"${word.replaceAll('"', '""')}"` : word)).join(",");
}

/** The nodes of every container, without those in the configuration. */
const DEFAULTS = [
  ["null", 3],
  ["zero", 5],
  ["full", 7],
  ["random", 8],
  ["urandom", 9],
].map(([name, minor]): DeviceNode => ({ path: `/dev/${name}`, type: "c", major: 1, minor: Number(minor) }));
const TTY: DeviceNode = { path: "/dev/tty", type: "c", major: 5, minor: 0 };

function nodes(devices: readonly DeviceNode[]): readonly DeviceNode[] {
  const given = new Set(devices.map(({ path }) => resolve("/", path)));
  return [...[...DEFAULTS, TTY].filter(({ path }) => !given.has(path)), ...devices];
}

function deviceWord({ path, type, major = 0, minor = 0, fileMode = 0o666, uid = 0, gid = 0 }: DeviceNode): string {
  if (!/^[cbup]$/.test(type)) throw new OciError(`linux.devices: ${path}: type ${JSON.stringify(type)} is not c, b, u or p`);
  if (path.includes(":")) throw new OciError(`linux.devices: ${path}: a path with a colon is not supported`);
  const mode = (fileMode & 0o7777).toString(8).padStart(4, "0");
  return [absolute("linux.devices", path), type, major, minor, mode, uid, gid].join(":");
}

function absolute(field: string, path: string): string {
  if (!path.startsWith("/")) throw new OciError(`${field}: ${JSON.stringify(path)} is not absolute`);
  return path;
}
