// The groups of a process, its own and all its ancestors, in the hierarchy of a controller: cgroup v2, or v1 on a hybrid host.
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Evidence, Finding } from "@contain-tools/chain";
import { groupDirectory, type MountInfo, readMountInfo } from "@contain-tools/kernel";
import { cannotTell, is, look } from "./finding.ts";

export interface Chain {
  readonly controller: string;
  readonly version: 1 | 2;
  /** Directories, its own group first and the top of the mount last. */
  readonly levels: readonly string[];
  /** Statements about what is hidden from us. */
  readonly remarks: readonly Finding[];
}

export interface Groups {
  readonly cgroups: Evidence;
  readonly mounts: readonly MountInfo[];
}

export function readGroups(pid: number): Groups {
  const mounts = readMountInfo().filter(({ type }) => type === "cgroup" || type === "cgroup2");
  return { cgroups: look(`/proc/${pid}/cgroup`, "cgroups(7)"), mounts };
}

const RULE = 'cgroups(7), "/proc/[pid]/cgroup"';

/** @returns the chain, or a statement why it cannot be followed */
export function chainOf(controller: string, { cgroups, mounts }: Groups): Chain | Finding {
  const code = `${controller}-unknown`;
  if (cgroups.value === undefined) return cannotTell(code, `its ${controller} limits`, [cgroups]);
  const lines = cgroups.value.split("\n");
  const v1 = lines.find((line) => line.split(":")[1]?.split(",").includes(controller));
  const line = v1 ?? lines.find((text) => text.startsWith("0::"));
  const proof: Evidence = { ...cgroups, value: line ?? cgroups.value, rule: RULE };
  if (line === undefined)
    return is(`${controller}-no-hierarchy`, `no hierarchy of control groups holds a ${controller} controller`, [proof]);
  const path = line.split(":").slice(2).join(":");
  const mount = mounts.find(({ type, superOptions }) =>
    v1 === undefined ? type === "cgroup2" : type === "cgroup" && superOptions.includes(controller),
  );
  if (mount === undefined)
    return cannotTell(code, `its ${controller} limits`, [proof], "the hierarchy is not mounted here; a mount of it would tell");
  if (path.endsWith(" (deleted)")) return cannotTell(code, `its ${controller} limits`, [proof], "its group has been removed");
  if (path.startsWith("/.."))
    return cannotTell(
      code,
      `its ${controller} limits`,
      [proof],
      "the group lies outside our cgroup namespace; a look from the host would tell",
    );
  const top = mount.mountPoint;
  const own = groupDirectory({ mountPoint: top, root: mount.root }, path);
  if (!existsSync(own) || (own !== top && !own.startsWith(`${top}/`)))
    return cannotTell(code, `its ${controller} limits`, [{ source: own, value: undefined, problem: "ENOENT", rule: RULE }]);
  const version = v1 === undefined ? 2 : 1;
  if (version === 2 && !hasController(top, controller))
    return is(
      `${controller}-no-hierarchy`,
      `the kernel's ${controller} controller is on no hierarchy (it is off, or not built in): nothing limits it`,
      [look(join(top, "cgroup.controllers"), "cgroups(7)")],
    );
  return { controller, version, levels: upwards(own, top), remarks: isTop(top, version) ? [] : [aboveUnknown(controller, top)] };
}

export function isChain(found: Chain | Finding): found is Chain {
  return "levels" in found;
}

/** The freezer is not a controller on v2: every group but the top one has it. */
function hasController(top: string, controller: string): boolean {
  return controller === "freezer" || (look(join(top, "cgroup.controllers"), "").value ?? "").split(" ").includes(controller);
}

function upwards(own: string, top: string): string[] {
  return own === top ? [own] : [own, ...upwards(dirname(own), top)];
}

/** On v2 every group but the root has cgroup.events (cgroup-v2.rst); on v1 only the root has release_agent (cgroups(7)). */
function isTop(dir: string, version: 1 | 2): boolean {
  return version === 2 ? !existsSync(join(dir, "cgroup.events")) : existsSync(join(dir, "release_agent"));
}

function aboveUnknown(controller: string, top: string): Finding {
  const rule = "cgroup_namespaces(7)";
  return cannotTell(
    `${controller}-above-unknown`,
    `what limits ${controller} above ${top}`,
    [{ source: top, value: "not the first group of its hierarchy", rule }],
    "the groups above it are not mounted here; the same command on the host would tell",
  );
}
