// Words to plan: which directory becomes the root, and what is mounted in it.

import {
  type Chain,
  checkReadAgain,
  type Given,
  type Hooks,
  type Next,
  type OptionSpec,
  type Options,
  readHooks,
  readUlimits,
  readUser,
  type UserWords,
  valuesOf,
} from "@contain-tools/chain";
import {
  dirname,
  exists,
  isRootPropagation,
  type Limit,
  type RootPropagation,
  resolve,
  statIfThere,
  UsageError,
} from "@contain-tools/kernel";
import type { DeviceNode } from "./device.ts";
import { type EnvFile, readEnvFile, readVariable, type Variable } from "./environment.ts";
import { isNodeWord, type Node, readNode } from "./node.ts";
import { type Name, options } from "./options.ts";
import type { Layers, Upper } from "./overlay.ts";
import { readSysctl, type Sysctl } from "./sysctl.ts";
import { checkOrder, isVolume, readVolume, type Volume } from "./volume.ts";

export interface Plan {
  readonly entersRoot: true;
  /** The directory as it was given, for messages. */
  readonly rootfs: string;
  readonly unshare: boolean;
  readonly readOnly: boolean;
  /** False: only what is given is mounted, and the root becomes read-only last. */
  readonly defaults: boolean;
  readonly proc: boolean;
  readonly dev: boolean;
  readonly sys: boolean;
  readonly nodev: boolean;
  /** The nodes in the new /dev; other devices are among the volumes. */
  readonly devices: readonly DeviceNode[];
  /** Nodes that are made. */
  readonly nodes: readonly Node[];
  readonly devLinks: boolean;
  readonly mask: boolean;
  readonly maskedPaths: readonly string[];
  readonly readOnlyPaths: readonly string[];
  readonly sysctls: readonly Sysctl[];
  readonly rootPropagation: RootPropagation | undefined;
  /** Directories of the host to hide inside. */
  readonly hidden: readonly string[];
  /** undefined if the root is ROOTFS itself. */
  readonly layers: Layers | undefined;
  /** The pseudo-terminal of --tty, from the new /dev/pts. */
  readonly makesTerminal: boolean;
  readonly volumes: readonly Volume[];
  readonly cwd: string;
  readonly user: UserWords | undefined;
  readonly limits: readonly Limit[];
  readonly env: readonly (Variable | EnvFile)[];
  readonly clearEnv: boolean;
  /** Run after all mounts, before the root changes. */
  readonly hooks: Hooks | undefined;
  readonly next: Next;
}

/** The kind of hooks that belong here. */
export const HOOK = "createContainer";

/** Reads pivot's words: options may come before and after ROOTFS. Nothing is changed. @throws UsageError */
export function readPlan(before: Options<Name>, chain: Chain): Plan {
  const [rootfs, ...words] = before.rest;
  if (rootfs === undefined) throw new UsageError("missing ROOTFS", "pivot ROOTFS [options] [--] [PROG [ARG…]]");
  const behind = chain.more(options as Readonly<Record<Name, OptionSpec>>, words);
  const given = [...before.given, ...behind.given];
  const { has, value: last, all } = valuesOf<Name>(given);
  const { pathsMoved } = chain.settings; // an earlier link changes what a path means: then only the kernel can tell
  if (!pathsMoved) checkRootfs(rootfs);
  const defaults = !has("no-default-mounts");
  const dev = defaults && !has("no-dev");
  const volumes = given.flatMap(({ name, value = "" }) =>
    isVolume(name) && !isNodeWord(value) ? readVolume(name, value, pathsMoved, !defaults) : [],
  );
  checkOrder(volumes);
  const inDev = (volume: Volume) => volume.kind === "device" && volume.target.startsWith("/dev/") && dev;
  if (has("tty") && has("no-dev")) throw new UsageError("--tty needs the /dev/pts that --no-dev leaves out");
  const layers = readLayers(given, pathsMoved);
  const cwd = last("cwd") ?? "/";
  const user = last("user");
  const hook = last("hook");
  if (!cwd.startsWith("/")) throw new UsageError(`--cwd ${cwd}: must be a path inside the root that starts with /`);
  return {
    entersRoot: true,
    rootfs,
    unshare: !has("no-unshare"),
    readOnly: !has("rw") && !has("overlay"),
    defaults,
    proc: defaults && !has("no-proc"),
    dev,
    sys: has("sys"),
    nodev: has("nodev"),
    devices: volumes.flatMap((volume) => (volume.kind === "device" && inDev(volume) ? volume : [])),
    nodes: all("device").filter(isNodeWord).map(readNode),
    devLinks: has("dev-links"),
    mask: has("mask"),
    maskedPaths: all("mask-path").map((path) => readInside("--mask-path", path)),
    readOnlyPaths: all("ro-path").map((path) => readInside("--ro-path", path)),
    sysctls: all("sysctl").map(readSysctl),
    rootPropagation: readPropagation(last("root-propagation")),
    hidden: all("hide").map((dir) => resolve(dir)),
    layers,
    makesTerminal: has("tty"),
    volumes: volumes.filter((volume) => !inDev(volume)),
    cwd,
    user: user === undefined ? undefined : readUser("--user", user),
    limits: readUlimits(all("ulimit")),
    env: given.flatMap(({ name, value = "" }) => (name === "env" || name === "env-file" ? readEnvironment(chain, name, value) : [])),
    clearEnv: has("clear-env"),
    hooks: hook === undefined ? undefined : readHooks(chain.context, hook, HOOK),
    next: chain.next(behind.rest.length > 0 ? behind.rest : ["/bin/sh"], { pathsMoved: true }),
  };
}

function readInside(option: string, path: string): string {
  if (!path.startsWith("/")) throw new UsageError(`${option} ${path}: must be a path inside the root that starts with /`);
  if (resolve(path) === "/")
    throw new UsageError(`${option} ${path}: it is the root itself, which no mount can cover`, "without --rw it is read-only");
  return path;
}

function readPropagation(word: string | undefined): RootPropagation | undefined {
  if (word === undefined || isRootPropagation(word)) return word;
  throw new UsageError(`--root-propagation ${word}: must be private, slave, shared or unbindable, with an r for all below`);
}

function readEnvironment({ context, settings }: Chain, name: "env" | "env-file", value: string): readonly (Variable | EnvFile)[] {
  if (name === "env") return [readVariable(value)];
  checkReadAgain("--env-file", value, settings);
  return settings.pathsMoved ? [{ file: value }] : readEnvFile(context, value);
}

/** @throws UsageError if it is not a directory */
export function checkRootfs(rootfs: string): void {
  if (statIfThere(rootfs) === undefined)
    throw new UsageError(`ROOTFS ${rootfs}: no such directory`, `\`contain rootfs ${rootfs}\` makes a small one`);
  checkDirectory("ROOTFS", rootfs);
}

function checkDirectory(what: string, path: string): void {
  const stat = statIfThere(path);
  if (stat === undefined) throw new UsageError(`${what} ${path}: no such directory`);
  if (!stat.isDirectory()) throw new UsageError(`${what} ${path}: not a directory`);
}

function readLayers(given: readonly Given<Name>[], pathsMoved: boolean): Layers | undefined {
  const lowers = given.flatMap(({ name, value = "" }) => (name === "overlay-lower" ? [value] : []));
  const overlay = given.filter(({ name }) => name === "overlay").pop();
  if (overlay === undefined && lowers.length === 0) return undefined;
  if (given.some(({ name }) => name === "rw")) {
    throw new UsageError(
      `--rw and --${overlay === undefined ? "overlay-lower" : "overlay"} exclude each other`,
      "under an overlay ROOTFS is never written to; changes go to the layer of --overlay",
    );
  }
  const dir = overlay?.value;
  if (!pathsMoved) {
    for (const lower of lowers) checkDirectory("--overlay-lower", lower);
    if (dir !== undefined) checkDirectory("--overlay", exists(dir) ? dir : dirname(resolve(dir)));
  }
  const upper: Upper = overlay === undefined ? "none" : dir === undefined ? "memory" : { dir };
  return { lowers, upper };
}
