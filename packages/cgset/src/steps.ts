// Plan to kernel calls: find or make the group, write its files, move a process in, act on it.
import { existsSync, readdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { report, steps, warn } from "@contain-tools/chain";
import {
  cgroupOf,
  checkParent,
  controllerOnV1,
  enableControllers,
  failedWith,
  getpid,
  groupDirectory,
  groupProcesses,
  groupType,
  type Hierarchy,
  isFrozen,
  isWritable,
  killGroup,
  makeGroup,
  notDelegated,
  printable,
  procDirectory,
  readIfThere,
  removeGroup,
  SyscallError,
  setDevices,
  statusField,
  ToolError,
  waitUntilEmpty,
  writeKernelFile,
} from "@contain-tools/kernel";
import type { Plan } from "./cli.ts";
import { controllersOf, type Write } from "./limits.ts";

const REMOVE_TIMEOUT = 5000;

/** Where the group of a plan is, or will be. */
export function locate(plan: Plan, hierarchy: Hierarchy): string {
  if (plan.name === undefined && plan.next === undefined && plan.writes.length === 0 && plan.devices === undefined)
    return groupDirectory(hierarchy, cgroupOf(plan.pid ?? "self"));
  return placeOf(plan.name ?? `contain-${plan.pid ?? getpid()}`, plan.parent, hierarchy);
}

/** Where a group of this name is, or will be, below --parent. */
export function placeOf(name: string, parent: string | undefined, hierarchy: Hierarchy): string {
  return `${parentDirectory(parent, hierarchy)}/${name}`;
}

/** --parent; or the top of the hierarchy where we may write, which is root's default; or one's own group, if it was delegated. */
function parentDirectory(parent: string | undefined, hierarchy: Hierarchy): string {
  const { mountPoint } = hierarchy;
  if (parent !== undefined) {
    const isBelow = (dir: string) => `${dir}/`.startsWith(`${mountPoint}/`) && existsSync(`${dir}/cgroup.procs`);
    const dir = [resolve("/", parent), resolve(`${mountPoint}/${parent}`)].find(isBelow);
    if (dir === undefined) throw new ToolError(`--parent ${parent}: there is no such group`, `a path below ${mountPoint}`);
    return dir;
  }
  if (isWritable(mountPoint)) return mountPoint;
  const own = groupDirectory(hierarchy, cgroupOf("self"));
  // One's own group may hold us already in a leaf that an earlier call made.
  return own.endsWith(`/${LEAF}`) ? dirname(own) : own;
}

export interface Applied {
  /** The group was not there before. */
  readonly made: boolean;
  /** Once the group is gone again: puts its parents, and this process, back to what they were. */
  readonly restore: () => void;
}

/** Makes the group if it is not there, with the controllers that its limits need, writes them, and attaches the list of its devices. After a failure everything is as it was. */
export function applyLimits(plan: Plan, hierarchy: Hierarchy, dir: string): Applied {
  const controllers = controllersOf(plan.writes);
  const parent = dirname(dir);
  if (!existsSync(parent)) throw new ToolError(`${parent}: there is no such group`, "cgset --name NAME --make makes one");
  if (!existsSync(dir)) checkParent(parent, []);
  const undo = [leaveForLeaf(parent, controllers)];
  const restore = () => {
    for (const back of undo.reverse()) back();
  };
  let made = false;
  try {
    undo.push(enableControllers(hierarchy, parent, controllers));
    made = makeGroup(dir);
    for (const write of plan.writes) writeLimit(dir, write);
    if (plan.devices !== undefined) {
      steps.wrote("device program", `${plan.devices.length} rules`);
      setDevices(dir, plan.devices, made);
    }
  } catch (error) {
    if (made) removeGroup(dir, 0);
    restore();
    throw error;
  }
  return { made, restore };
}

const LEAF = "contain-callers";

/**
 * Processes live only in leaves: where the parent holds nobody but us, as a scope of systemd-run does, we move to a leaf of our
 * own below it, before controllers are enabled there. Returns the way back.
 */
function leaveForLeaf(dir: string, controllers: readonly string[]): () => void {
  const nothing = () => {};
  if (controllers.length === 0 || !existsSync(`${dir}/cgroup.type`)) return nothing;
  const processes = groupProcesses(dir);
  if (processes.length !== 1 || processes[0] !== getpid()) return nothing;
  const leaf = `${dir}/${LEAF}`;
  const made = makeGroup(leaf);
  const back = () => {
    try {
      moveInto(dir, getpid());
      if (made) removeGroup(leaf, 0);
    } catch {
      // its parent has controllers that somebody else needs by now: we stay in the leaf
    }
  };
  try {
    moveInto(leaf, getpid());
  } catch (error) {
    if (made) removeGroup(leaf, 0);
    throw error;
  }
  return back;
}

function writeLimit(dir: string, { file, value }: Write): void {
  const path = `${dir}/${file}`;
  if (!existsSync(path)) {
    if (file === "memory.swap.max" && value === "0") return; // a kernel without swap accounting has nothing to forbid
    throw new ToolError(
      `${path}: this kernel has no such file`,
      `the files of the group: ${
        readdirSync(dir)
          .filter((name) => name.startsWith(`${file.split(".")[0]}.`))
          .join(" ") || "none of that controller"
      }`,
    );
  }
  warnBelowUsage(dir, file, value);
  steps.wrote(file, value);
  try {
    writeKernelFile(path, value);
  } catch (error) {
    throw explainWrite(error, file, value);
  }
}

/** memory.max below memory.current is allowed: the kernel reclaims, and kills when that is not enough. */
function warnBelowUsage(dir: string, file: string, value: string): void {
  const current = {
    "memory.max": "memory.current",
    "memory.high": "memory.current",
    "memory.swap.max": "memory.swap.current",
    "pids.max": "pids.current",
  }[file];
  const usage = current === undefined ? undefined : readIfThere(`${dir}/${current}`)?.trim();
  if (usage === undefined || !/^\d+$/.test(value) || BigInt(value) >= BigInt(usage)) return;
  const what =
    file === "memory.max"
      ? "the kernel reclaims now, and kills by OOM what it cannot"
      : file === "pids.max"
        ? "nothing is killed, but fork(2) fails with EAGAIN"
        : "the kernel reclaims now";
  warn(`${file} ${value} is below the present use, ${current} ${usage}: ${what}`);
}

function explainWrite(error: unknown, file: string, value: string): unknown {
  if (!(error instanceof SyscallError)) return error;
  const why: Readonly<Record<string, string>> = {
    EINVAL: `the kernel refuses the value ${value} for ${file} (cgroup-v2.rst)`,
    ERANGE: `${value} is out of range for ${file} (cgroup-v2.rst)`,
    ENODEV: "there is no such block device; io.max takes whole disks, not partitions",
    EACCES: `the group was not delegated to you, or ${file} belongs to its parent (cgroups(7), "Delegation")`,
  };
  const hint = why[error.code];
  return hint === undefined ? error : new ToolError(error.message, hint, 125, { cause: error });
}

/** Moves a process: cgroup.procs. */
export function moveInto(dir: string, pid: number): void {
  if (pid === getpid() && isFrozen(dir))
    throw new ToolError(
      `${dir}: the group is frozen`,
      "this process would stop there before it becomes the program: cgset --name NAME --thaw",
    );
  try {
    writeKernelFile(`${dir}/cgroup.procs`, `${pid}`);
  } catch (error) {
    if (failedWith(error, "ESRCH")) throw new ToolError(`PID ${pid} has ended`, undefined, 125, { cause: error });
    if (failedWith(error, "EACCES", "EPERM")) throw notDelegated(dir, error);
    if (failedWith(error, "EOPNOTSUPP"))
      throw new ToolError(
        error.message,
        `its cgroup.type is \`${groupType(dir)}\`: a group in a threaded subtree takes no processes unless it is made threaded (cgroup-v2.rst, "Threads"). Choose one whose parents are of type \`domain\``,
        125,
        { cause: error },
      );
    if (failedWith(error, "EBUSY"))
      throw new ToolError(
        error.message,
        'controllers are enabled for the children of this group, and processes live only in leaves (cgroups(7), "no internal processes"): choose a group below it',
        125,
        { cause: error },
      );
    if (failedWith(error, "EINVAL") && isKernelThread(pid))
      throw new ToolError(`PID ${pid} is a kernel thread and stays in the root group`, undefined, 125, { cause: error });
    throw error;
  }
}

/** Goes back to where this process came from, and removes the group that was made for a program that did not start. */
export function leave(dir: string, from: string, restore: () => void): void {
  try {
    if (groupProcesses(dir).includes(getpid())) moveInto(from, getpid());
    removeGroup(dir, 0);
    restore();
    warn(`group ${dir} is removed again: the program did not start`);
  } catch (error) {
    report(error); // what went wrong first is told too
  }
}

function isKernelThread(pid: number): boolean {
  const directory = procDirectory(pid);
  return statusField(readIfThere(`${directory}/status`) ?? "", "Kthread") === "1" || readIfThere(`${directory}/cmdline`) === "";
}

/** --freeze, --thaw, --kill, --rm, in that order. */
export function actOn({ freeze, kill, remove }: Plan, hierarchy: Hierarchy, dir: string): void {
  if (!existsSync(dir)) throw new ToolError(`${dir}: there is no such group`);
  if (dir === hierarchy.mountPoint)
    throw new ToolError(`${dir} is the root of the hierarchy: it cannot be frozen, killed or removed`, "all groups are below it");
  if (freeze !== undefined) {
    steps.wrote("cgroup.freeze", freeze ? "1" : "0");
    writeKernelFile(`${dir}/cgroup.freeze`, freeze ? "1" : "0");
  }
  if (kill) {
    steps.wrote("cgroup.kill", "1");
    try {
      killGroup(dir);
    } catch (error) {
      // A group without processes can be removed all the same.
      if (!remove || !waitUntilEmpty(dir, REMOVE_TIMEOUT)) throw error;
    }
  }
  if (remove) {
    steps.say(`rmdir ${dir}`);
    removeGroup(dir, kill ? REMOVE_TIMEOUT : 0);
  }
}

const SHOWN = [
  "cgroup.controllers",
  "cgroup.events",
  "cgroup.freeze",
  "memory.max",
  "memory.high",
  "memory.swap.max",
  "memory.current",
  "memory.peak",
  "memory.swap.current",
  "memory.events",
  "cpu.max",
  "cpu.weight",
  "cpu.stat",
  "cpuset.cpus",
  "cpuset.cpus.effective",
  "io.max",
  "pids.max",
  "pids.current",
  "pids.peak",
  "pids.events",
];

/** The group's limits and usage, a line a value, as the files have them. */
export function describe(dir: string): string {
  if (!existsSync(dir)) throw new ToolError(`${dir}: there is no such group`);
  const lines = SHOWN.flatMap((file) => {
    const text = readIfThere(`${dir}/${file}`)?.trim();
    return text ? text.split("\n").map((line) => `  ${file.padEnd(22)} ${line}`) : [];
  });
  const v1 = ["memory", "cpu", "pids"]
    .map((name) => [name, controllerOnV1(name)?.mountPoint] as const)
    .filter(([, place]) => place !== undefined);
  const hybrid = v1.length > 0 ? [`  (on cgroup v1: ${v1.map(([name, place]) => `${name} at ${place}`).join(", ")})`] : [];
  return [printable(dir), ...lines, ...hybrid, `  processes              ${groupProcesses(dir).join(" ") || "none"}`, ""].join("\n");
}
