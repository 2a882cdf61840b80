// Control groups, version 2 (cgroups(7), Documentation/admin-guide/cgroup-v2.rst): a group is a directory, a limit is a file in it.

import {
  accessSync,
  closeSync,
  constants,
  type Dirent,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { codeOf, failedWith, SyscallError, ToolError } from "../ffi/errno.ts";
import { ERRNO } from "../ffi/libc.ts";
import { quote, trace } from "../ffi/trace.ts";
import { readIfThere, writeKernelFile } from "../mount/file.ts";
import { procDirectory, type Whose } from "../proc/ownproc.ts";
import { keyedValue, lineValue, type MountInfo, mountsOfType } from "../proc/proc.ts";
import { monotonic } from "../process/clock.ts";
import { pollOnce } from "../process/poll.ts";
import { kill, SIGKILL } from "../process/signal.ts";

/** Where the cgroup2 file system is mounted. */
export interface Hierarchy {
  readonly mountPoint: string;
  /** The cgroup that is the mount's root, `/` on a host. */
  readonly root: string;
}

/**
 * Finds the cgroup2 mount in /proc/self/mountinfo.
 *
 * @throws ToolError when there is none
 */
export function findHierarchy(): Hierarchy {
  const mounts = mountsOfType("cgroup2").filter(({ mountPoint }) => existsSync(`${mountPoint}/cgroup.procs`));
  // In a cgroup namespace a mount from outside has a root like `/..`: there our own path does not lead to our own group.
  const found = mounts.find(({ root }) => !root.startsWith("/..")) ?? mounts[0];
  if (found === undefined) {
    throw new ToolError(
      "no cgroup2 file system is mounted",
      "mount one with `mount -t cgroup2 cgroup2 /sys/fs/cgroup`, or boot with systemd.unified_cgroup_hierarchy=1 (cgroups(7))",
    );
  }
  return { mountPoint: found.mountPoint, root: found.root };
}

const GONE = " (deleted)";

/** The cgroup v2 path of a process as /proc/PID/cgroup shows it: the line `0::PATH`. */
export function cgroupOf(process: Whose): string {
  const text = readFileSync(`${procDirectory(process)}/cgroup`, "utf8");
  const path = lineValue(text, "0::") ?? "/";
  return path.endsWith(GONE) ? path.slice(0, -GONE.length) : path;
}

/** The directory of a cgroup path, as seen through the mount. */
export function groupDirectory({ mountPoint, root }: Hierarchy, path: string): string {
  const below = root !== "/" && `${path}/`.startsWith(`${root}/`) ? path.slice(root.length) : path;
  return resolve(`${mountPoint}/${below}`);
}

/** The controllers that a group may use, from its cgroup.controllers. */
export function availableControllers(dir: string): string[] {
  return words(`${dir}/cgroup.controllers`);
}

function words(file: string): string[] {
  return (readIfThere(file) ?? "").trim().split(/\s+/).filter(Boolean);
}

/** The cgroup v1 mount that holds a controller on a hybrid host. */
export function controllerOnV1(controller: string): MountInfo | undefined {
  const name = controller === "io" ? "blkio" : controller;
  return mountsOfType("cgroup").find(({ superOptions }) => superOptions.includes(name));
}

/** What was enabled in a group, and which children it had before. */
interface Enabled {
  readonly dir: string;
  readonly names: readonly string[];
  readonly children: readonly string[];
}

/**
 * Enables controllers for the children of `dir`, from the top of the hierarchy down. Every group on the way is looked at before the
 * first is changed: a thread-aware controller (cpu, cpuset, pids) that is enabled in a group with processes turns it into a
 * `domain threaded` one, in which no ordinary group can be made any more (cgroup-v2.rst, "Threads").
 *
 * @returns disables again what was enabled here
 * @throws ToolError that says where the controller is held instead, or which rule forbids it; nothing stays enabled then
 */
export function enableControllers(hierarchy: Hierarchy, dir: string, controllers: readonly string[]): () => void {
  const wanted = findDisabled(hierarchy, dir, controllers);
  for (const { dir, names } of wanted) checkParent(dir, names);
  const done: Enabled[] = [];
  const undo = () => {
    for (const enabled of done.reverse()) disable(enabled);
  };
  try {
    for (const enabled of wanted) {
      const text = enabled.names.map((name) => `+${name}`).join(" ");
      try {
        writeKernelFile(`${enabled.dir}/cgroup.subtree_control`, text);
      } catch (error) {
        throw explainEnable(error, enabled.dir, text);
      }
      done.push(enabled);
      checkType(enabled.dir); // a process may have come into it meanwhile
    }
  } catch (error) {
    undo();
    throw error;
  }
  return undo;
}

/** Which controllers are to be enabled in which groups, the top first. @throws ToolError for one that cannot be had */
function findDisabled(hierarchy: Hierarchy, dir: string, controllers: readonly string[]): Enabled[] {
  const names = controllers.filter((name) => !words(`${dir}/cgroup.subtree_control`).includes(name));
  if (names.length === 0) return [];
  const above = dir === hierarchy.mountPoint ? [] : findDisabled(hierarchy, dirname(dir), names);
  for (const name of names) {
    if (!availableControllers(dir).includes(name) && !above.some((group) => group.names.includes(name))) throw missingController(dir, name);
  }
  return [...above, { dir, names, children: childGroups(dir) }];
}

/** Not where others have made groups since, which may have limits by then. */
function disable({ dir, names, children }: Enabled): void {
  if (childGroups(dir).some((name) => !children.includes(name))) return;
  try {
    writeKernelFile(`${dir}/cgroup.subtree_control`, names.map((name) => `-${name}`).join(" "));
  } catch {
    // EBUSY: enabled in a child too; ENOENT: the group is gone
  }
}

/** Whether a group can be the parent of groups with these controllers. @throws ToolError */
export function checkParent(dir: string, controllers: readonly string[]): void {
  checkType(dir);
  const isRoot = !existsSync(`${dir}/cgroup.type`); // the root of the hierarchy, in which processes do not matter
  const processes = controllers.length === 0 || isRoot ? [] : groupProcesses(dir);
  if (processes.length > 0) throw hasProcesses(dir, controllers, processes);
}

/** cgroup.type; the root of the hierarchy has no such file, and is a domain. */
export function groupType(dir: string): string {
  return readIfThere(`${dir}/cgroup.type`)?.trim() ?? "domain";
}

/** @throws ToolError in a threaded subtree */
function checkType(dir: string): void {
  const type = groupType(dir);
  if (type === "domain") return;
  throw new ToolError(
    `${dir}: its cgroup.type is \`${type}\`, and no group with processes of its own can be made below it`,
    `a thread-aware controller (cpu, cpuset, pids) was enabled while the group had processes (cgroup-v2.rst, "Threads"). Choose another --parent, or disable there what ${dir}/cgroup.subtree_control lists: ${words(`${dir}/cgroup.subtree_control`).join(" ") || "nothing"}`,
  );
}

/** Where a controller is instead, that children of `dir` cannot have. */
export function missingController(dir: string, name: string): ToolError {
  const v1 = controllerOnV1(name);
  if (v1 !== undefined) {
    return new ToolError(
      `the ${name} controller is not on cgroup v2: a cgroup v1 hierarchy holds it, mounted at ${v1.mountPoint}`,
      "a controller is in one hierarchy at a time (cgroups(7)). Boot with systemd.unified_cgroup_hierarchy=1 to move all of them to cgroup v2",
    );
  }
  return new ToolError(
    `the ${name} controller is not available in ${dir}`,
    `${dir}/cgroup.controllers lists: ${availableControllers(dir).join(" ") || "nothing"}. A group has only what its parent hands down in cgroup.subtree_control, and the kernel only what it was built with (cgroups(7))`,
  );
}

function explainEnable(error: unknown, dir: string, text: string): unknown {
  if (failedWith(error, "EBUSY")) return hasProcesses(dir, text.replaceAll("+", "").split(" "), groupProcesses(dir), error);
  if (failedWith(error, "EACCES", "EPERM", "EROFS")) return notDelegated(dir, error);
  return error;
}

function hasProcesses(dir: string, controllers: readonly string[], pids: readonly number[], cause?: unknown): ToolError {
  const list = pids.slice(0, 10).join(" ") + (pids.length > 10 ? ` and ${pids.length - 10} more` : "");
  return new ToolError(
    `${dir}: ${controllers.join(" ")} cannot be enabled for its children: it has processes of its own (${list || "they have left meanwhile"})`,
    'processes live only in leaves (cgroups(7), "no internal processes"). Move them to a group below it first (cgset --parent GROUP --name callers --make, then cgset --parent GROUP --name callers PID), or choose another --parent',
    125,
    { cause },
  );
}

/** What an ordinary user hears who may not write to a group. */
export function notDelegated(dir: string, cause: unknown): ToolError {
  return new ToolError(
    `${dir}: this cgroup is not delegated to you: ${codeOf(cause) ?? (cause instanceof SyscallError ? cause.code : "EACCES")}`,
    failedWith(cause, "EROFS") || codeOf(cause) === "EROFS"
      ? "the cgroup file system is read-only here, as inside a container: what started that has to give it one that can be written to"
      : 'only a group that was handed over may be written to (cgroups(7), "Delegation"). An ordinary user gets one with `systemd-run --user --scope -p Delegate=yes contain …`',
    125,
    { cause },
  );
}

/** mkdir(2) of a group; false when it was there already. */
export function makeGroup(dir: string): boolean {
  const args = [quote(dir), "0755"];
  try {
    mkdirSync(dir);
    trace("mkdir", args, 0);
    return true;
  } catch (error) {
    const code = codeOf(error) ?? "";
    trace("mkdir", args, -1, ERRNO[code] ?? 0);
    if (code === "EEXIST") return false;
    if (code === "EACCES" || code === "EPERM" || code === "EROFS") throw notDelegated(dirname(dir), error);
    throw new SyscallError("mkdir", args, ERRNO[code] ?? 0);
  }
}

/** True when the caller may make groups in `dir` and move processes there. */
export function isWritable(dir: string): boolean {
  try {
    accessSync(dir, constants.W_OK);
    accessSync(`${dir}/cgroup.procs`, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** A field of a flat keyed file: `cgroupField(dir, "cgroup.events", "populated")` is 0 or 1. */
export function cgroupField(dir: string, file: string, key: string): number | undefined {
  return keyedValue(readIfThere(`${dir}/${file}`) ?? "", key);
}

/** True while a process that joins the group would be stopped at once, beyond the reach even of SIGKILL's sender. */
export function isFrozen(dir: string): boolean {
  return cgroupField(dir, "cgroup.events", "frozen") === 1;
}

/** The processes in a group, itself only. */
export function groupProcesses(dir: string): number[] {
  return words(`${dir}/cgroup.procs`).map(Number);
}

/** Kills every process in a group and below it: cgroup.kill (Linux 5.14), else frozen first so that no fork outruns the signals. */
export function killGroup(dir: string): void {
  if (existsSync(`${dir}/cgroup.kill`)) {
    writeKernelFile(`${dir}/cgroup.kill`, "1");
    return;
  }
  writeKernelFile(`${dir}/cgroup.freeze`, "1");
  try {
    for (const group of [dir, ...descendants(dir)]) for (const pid of groupProcesses(group)) kill(pid, SIGKILL);
  } finally {
    writeKernelFile(`${dir}/cgroup.freeze`, "0"); // a frozen process takes even SIGKILL only when thawed
  }
}

/** The groups below `dir`, deepest first. */
function descendants(dir: string): string[] {
  return listDirectory(dir)
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) => [...descendants(join(dir, entry.name)), join(dir, entry.name)]);
}

const childGroups = (dir: string) =>
  listDirectory(dir)
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);

/** What cannot be listed may be empty all the same: rmdir(2) decides. */
function listDirectory(dir: string): Dirent[] {
  try {
    return readdirSync(dir, { withFileTypes: true });
  } catch {
    return [];
  }
}

const POLLPRI = 2;

/** Waits until no process is left in a group and below it (`populated 0` in cgroup.events), or it is gone. False when the time is up. */
export function waitUntilEmpty(dir: string, milliseconds: number): boolean {
  return waitForField(dir, "cgroup.events", "populated", 0, milliseconds) || !existsSync(dir);
}

/** Waits until a field of a group's flat keyed file has a value. False when the time is up, or the group is gone. */
export function waitForField(dir: string, file: string, key: string, value: number, milliseconds: number): boolean {
  const deadline = monotonic() + milliseconds;
  let fd: number;
  try {
    fd = openSync(`${dir}/${file}`, "r");
  } catch {
    return false;
  }
  try {
    for (;;) {
      const now = cgroupField(dir, file, key);
      if (now === value || now === undefined) return now === value;
      const left = deadline - monotonic();
      if (left <= 0) return false;
      pollOnce(fd, POLLPRI, Math.min(left, 50)); // the kernel notifies; the short wait covers a change before the poll
    }
  } finally {
    closeSync(fd);
  }
}

/**
 * Removes a group and those below it, once it is empty; before that it removes none of them.
 *
 * @throws ToolError when processes are still in it after `milliseconds`, with their PIDs
 */
export function removeGroup(dir: string, milliseconds: number): void {
  if (!existsSync(dir)) return;
  if (!waitUntilEmpty(dir, milliseconds)) throw populated(dir);
  const deadline = monotonic() + 1000;
  for (const group of [...descendants(dir), dir]) {
    for (;;) {
      try {
        removeDirectory(group);
        break;
      } catch (error) {
        if (!failedWith(error, "EBUSY")) throw error;
        if (monotonic() > deadline) throw populated(group);
        pollOnce(-1, 0, 5); // `populated 0` comes a moment before the last process has left for good
      }
    }
  }
}

function removeDirectory(dir: string): void {
  const args = [quote(dir)];
  try {
    rmdirSync(dir);
  } catch (error) {
    const code = ERRNO[codeOf(error) ?? ""] ?? 0;
    trace("rmdir", args, -1, code);
    if (codeOf(error) === "ENOENT") return;
    throw new SyscallError("rmdir", args, code);
  }
  trace("rmdir", args, 0);
}

function populated(dir: string): ToolError {
  const pids = [dir, ...descendants(dir)].flatMap(groupProcesses);
  const who = pids.length === 0 ? "; none is listed, so it may be a zombie that its parent has not waited for" : `: PID ${pids.join(", ")}`;
  return new ToolError(
    `${dir} cannot be removed: EBUSY, processes are in it${who}`,
    "rmdir of a group works once cgroup.events says `populated 0` (cgroups(7)). `cgset --name NAME --kill --rm` kills them first",
  );
}

/** A descriptor of a group's directory, for CLONE_INTO_CGROUP. */
export function openGroup(dir: string): number {
  return openSync(dir, constants.O_RDONLY | constants.O_DIRECTORY);
}
