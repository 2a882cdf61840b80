// What is known about a container: a folder below --root, with files that are replaced as a whole. A kill -9 at any moment leaves either
// the old one or the new one. Only node:fs is used: `state`, `start`, `kill` and `delete` load nothing else.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { codeOf, messageOf, OciError } from "./failure.ts";
import { statFields, textOf } from "./read.ts";
import type { Hooks } from "./spec/spec.ts";

export interface Container {
  readonly ociVersion: string;
  readonly id: string;
  readonly bundle: string;
  readonly rootfs: string;
  readonly annotations: Readonly<Record<string, string>>;
  /** RFC 3339. */
  readonly created: string;
  /** The directory of its group in the cgroup2 file system; undefined without one. */
  readonly group: string | undefined;
  /** Its first process: PIDs are reused, but not with the same start time. undefined until it is made. */
  readonly init: { readonly pid: number; readonly started: string; readonly boot: string } | undefined;
  /** poststart, poststop. */
  readonly hooks: Hooks;
  /** As the engine calls it. */
  readonly name?: string;
  /** Where conmon writes its exit status. */
  readonly exitFile?: string;
  /** False until `create` has finished. */
  readonly complete: boolean;
}

export type Status = "creating" | "created" | "running" | "paused" | "stopped";

export const DEFAULT_ROOT = "/run/contain-oci";
const FILE = "state.json";
export const FIFO = "start.fifo";

/** @throws OciError for an id that is a path, or is longer than a file name may be */
export function folderOf(root: string, id: string): string {
  if (!/^[\w+.-]+$/.test(id) || id === "." || id === ".." || id.length > 255)
    throw new OciError(`invalid id format: ${JSON.stringify(id)}`);
  return `${resolve(root)}/${id}`;
}

/** Makes the folder of a new container: whoever makes it has the id. @throws OciError */
export function claim(root: string, id: string): string {
  const folder = folderOf(root, id);
  mkdirSync(resolve(root), { recursive: true, mode: 0o700 });
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if (codeOf(error) === "EEXIST") throw new OciError(`container with given ID already exists: ${id}`);
    throw new OciError(`${folder} cannot be made: ${messageOf(error)}`);
  }
  return folder;
}

export function writeContainer(folder: string, container: Container): void {
  writeWhole(`${folder}/${FILE}`, JSON.stringify(container));
}

/** Writes beside it, then renames: a reader finds the whole file or nothing. */
export function writeWhole(file: string, text: string): void {
  const beside = `${file}.${process.pid}`;
  writeFileSync(beside, text, { mode: 0o600 });
  renameSync(beside, file);
}

export const NOT_THERE = "container does not exist";

/** @throws OciError if there is none, or only what a killed `create` has left (which `delete` removes) */
export function readContainer(root: string, id: string): Container & { readonly folder: string } {
  const folder = folderOf(root, id);
  const container = readIfThere(folder);
  if (container === undefined) throw new OciError(existsSync(folder) ? `${NOT_THERE}: its creation was interrupted` : NOT_THERE);
  return { ...container, folder };
}

function readIfThere(folder: string): Container | undefined {
  try {
    return JSON.parse(readFileSync(`${folder}/${FILE}`, "utf8")) as Container;
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR" || error instanceof SyntaxError) return undefined;
    throw new OciError(`${folder}/${FILE}: ${messageOf(error)}`);
  }
}

/** All of them, sorted by id. */
export function readContainers(root: string): (Container & { readonly folder: string })[] {
  const names = existsSync(root) ? readdirSync(root).sort() : [];
  return names.flatMap((name) => {
    const container = readIfThere(`${root}/${name}`);
    return container === undefined ? [] : [{ ...container, folder: `${resolve(root)}/${name}` }];
  });
}

export function forget(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

/** A process as /proc shows it; undefined if it has ended, even as a zombie. */
export function identify(pid: number): Container["init"] {
  const started = startOf(pid);
  return started === undefined ? undefined : { pid, started, boot: bootId() };
}

/** Whether the first process is alive. A zombie is not: its parent has not waited for it yet. */
export function isAlive({ init }: Pick<Container, "init">): boolean {
  if (init === undefined || init.boot !== bootId()) return false;
  return startOf(init.pid) === init.started;
}

function startOf(pid: number): string | undefined {
  const [state = "", ...rest] = statFields(pid);
  return state === "Z" || state === "X" ? undefined : rest[18];
}

let boot: string | undefined;

function bootId(): string {
  boot ??= readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
  return boot;
}

export function statusOf(container: Container & { readonly folder: string }): Status {
  const { group, complete } = container;
  if (!isAlive(container)) return complete || container.init !== undefined ? "stopped" : "creating";
  if (!complete) return "creating";
  if (waits(container)) return "created";
  return group !== undefined && isFrozen(group) ? "paused" : "running";
}

/** The FIFO alone does not tell: a killed `start` may have opened it and not removed it. */
function waits({ folder, init }: Container & { readonly folder: string }): boolean {
  const fifo = statSync(`${folder}/${FIFO}`, { throwIfNoEntry: false });
  if (fifo === undefined) return false;
  const dir = `/proc/${init?.pid}/fd`;
  try {
    return readdirSync(dir).some((fd) => {
      const file = statSync(`${dir}/${fd}`, { throwIfNoEntry: false });
      return file?.ino === fifo.ino && file.dev === fifo.dev;
    });
  } catch {
    return true; // an ordinary user may not read it
  }
}

const isFrozen = (group: string): boolean => /^frozen 1$/m.test(textOf(`${group}/cgroup.events`));

/** The state of the specification, for `state` and for hooks. */
export function stateOf({ ociVersion, id, init, bundle, annotations }: Container, status: Status): Record<string, unknown> {
  return { ociVersion, id, status, pid: status === "stopped" ? 0 : (init?.pid ?? 0), bundle, annotations };
}
