// Plan to kernel calls: finds or makes the group, writes its files, moves a process in, acts on it.
import { type Context, sayStep, sayWrite } from "@contain-tools/chain";
import {
  cgroupOf,
  checkParent,
  childGroups,
  dirname,
  enableAvailable,
  enableControllers,
  exists,
  getpid,
  groupDirectory,
  groupsDownTo,
  type Hierarchy,
  isWritable,
  killGroup,
  makeGroup,
  removeGroup,
  resolve,
  setDevices,
  ToolError,
  waitUntilEmpty,
  writeKernelFile,
} from "@contain-tools/kernel";
import type { Plan } from "./cli.ts";
import { controllersOf } from "./limits.ts";
import { LEAF, leaveForLeaf } from "./move.ts";
import { writeLimit } from "./write.ts";

const REMOVE_TIMEOUT = 5000;

/** Where the group of a plan is, or will be. */
export function locate(plan: Plan, hierarchy: Hierarchy): string {
  if (plan.path !== undefined) return groupDirectory(hierarchy, plan.path);
  if (plan.name === undefined && plan.next === undefined && plan.writes.length === 0 && plan.devices === undefined)
    return groupDirectory(hierarchy, cgroupOf(plan.pid ?? "self"));
  return placeOf(plan.name ?? `contain-${plan.pid ?? getpid()}`, plan.parent, hierarchy);
}

/** Where a group of this name is, or will be, below --parent. */
export function placeOf(name: string, parent: string | undefined, hierarchy: Hierarchy): string {
  return `${parentDirectory(parent, hierarchy)}/${name}`;
}

/** --parent; otherwise the top of the hierarchy if we may write there, as root may; otherwise our own group, if it was delegated. */
function parentDirectory(parent: string | undefined, hierarchy: Hierarchy): string {
  const { mountPoint } = hierarchy;
  if (parent !== undefined) {
    const isBelow = (dir: string) => `${dir}/`.startsWith(`${mountPoint}/`) && exists(`${dir}/cgroup.procs`);
    const dir = [resolve("/", parent), resolve(`${mountPoint}/${parent}`)].find(isBelow);
    if (dir === undefined) throw new ToolError(`no such group: --parent ${parent}`, `a path below ${mountPoint}`);
    return dir;
  }
  if (isWritable(mountPoint)) return mountPoint;
  const own = groupDirectory(hierarchy, cgroupOf("self"));
  // Our own group may be a leaf that an earlier call made.
  return own.endsWith(`/${LEAF}`) ? dirname(own) : own;
}

interface Applied {
  /** The group did not exist before. */
  readonly made: boolean;
  /** After the group has been removed: restores its parents and this process. */
  readonly restore: () => void;
}

/**
 * Makes the group if it does not exist, with the controllers that its limits need, writes the limits, and attaches the device list. After a
 * failure everything is as before.
 */
export function applyLimits(context: Context, plan: Plan, hierarchy: Hierarchy, dir: string): Applied {
  const controllers = controllersOf(plan.writes);
  const parent = dirname(dir);
  const undo = plan.path === undefined ? [] : [makeAncestors(hierarchy, parent)];
  const restore = () => {
    for (const back of undo.reverse()) back();
  };
  let made = false;
  try {
    if (!exists(parent)) throw new ToolError(`no such group: ${parent}`, "cgset --name NAME --make makes one");
    if (!exists(dir)) checkParent(parent, []);
    undo.push(leaveForLeaf(parent, controllers));
    undo.push(enableControllers(hierarchy, parent, controllers));
    if (plan.path !== undefined) undo.push(enableAvailable(hierarchy, parent));
    made = makeGroup(dir);
    for (const write of plan.writes) writeLimit(context, dir, write);
    if (plan.devices !== undefined) {
      sayWrite(context, "device program", `${plan.devices.length} rules`);
      setDevices(dir, plan.devices, made);
    }
  } catch (error) {
    if (made) removeGroup(dir, 0);
    restore();
    throw error;
  }
  return { made, restore };
}

/** Makes the missing groups from the mount down to `dir`. Returns a function that removes those that it made. */
function makeAncestors(hierarchy: Hierarchy, dir: string): () => void {
  const made: string[] = [];
  const undo = () => {
    for (const group of made.reverse()) if (childGroups(group).length === 0) removeGroup(group, 0);
  };
  try {
    for (const group of groupsDownTo(hierarchy, dir)) {
      if (exists(group)) continue;
      checkParent(dirname(group), []);
      if (makeGroup(group)) made.push(group);
    }
  } catch (error) {
    undo();
    throw error;
  }
  return undo;
}

/** --freeze, --thaw, --kill, --rm, in that order. */
export function actOn(context: Context, { freeze, kill, remove }: Plan, hierarchy: Hierarchy, dir: string): void {
  if (!exists(dir)) throw new ToolError(`no such group: ${dir}`);
  if (dir === hierarchy.mountPoint)
    throw new ToolError(`the root of the hierarchy cannot be frozen, killed or removed: ${dir}`, "all groups are below it");
  if (freeze !== undefined) {
    sayWrite(context, "cgroup.freeze", freeze ? "1" : "0");
    writeKernelFile(`${dir}/cgroup.freeze`, freeze ? "1" : "0");
  }
  if (kill) {
    sayWrite(context, "cgroup.kill", "1");
    try {
      killGroup(dir);
    } catch (error) {
      // A group without processes can still be removed.
      if (!remove || !waitUntilEmpty(dir, REMOVE_TIMEOUT)) throw error;
    }
  }
  if (remove) {
    sayStep(context, `rmdir ${dir}`);
    removeGroup(dir, kill ? REMOVE_TIMEOUT : 0);
  }
}
