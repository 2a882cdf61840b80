// The reverse: a planned chain becomes the config.json that means the same.
import type { Plan as CgsetPlan } from "@contain-tools/cgset";
import type { Context, Link, ToolPlan } from "@contain-tools/chain";
import { type Plan as ConfinePlan, ociProfile } from "@contain-tools/confine";
import { readMountInfo, resolve } from "@contain-tools/kernel";
import type { Plan as NsexecPlan } from "@contain-tools/nsexec";
import { kernelFiles, type Plan as PivotPlan } from "@contain-tools/pivot";
import { kindsOfSpec } from "../compose/namespaces.ts";
import type { Linux } from "../spec/spec.ts";
import { jsonOf } from "./json.ts";
import { hiddenPaths, mountsOf } from "./mounts.ts";
import { processOf } from "./process.ts";
import { resourcesOf } from "./resources.ts";

/** What is to be written. */
export interface Wanted {
  readonly context: Context;
  readonly container: Link<NsexecPlan>;
  /** undefined without a group. */
  readonly group: CgsetPlan | undefined;
  readonly args: readonly string[];
  /** As confine has it: default, or a file; undefined for none. */
  readonly seccomp: string | undefined;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface Config {
  readonly text: string;
  /** What the format cannot express, one line each. */
  readonly remarks: readonly string[];
}

/** Nothing is changed. @throws UsageError; ToolError for a user name that the root does not have */
export function configOf({ context, container, group, args, seccomp, annotations }: Wanted): Config {
  const { plan } = container;
  const pivot = planOf<PivotPlan>(container, "pivot");
  const confine = planOf<ConfinePlan>(container, "confine");
  if (pivot === undefined) throw new Error("a container without a root");
  const isNewUser = plan.wanted.some(({ kind }) => kind.name === "user");
  const { mounts, devices } = mountsOf(pivot, plan.maps, isNewUser);
  const process = processOf(context, pivot, confine, isNewUser);
  const { masked, readOnly } = pivot.mask ? kernelFiles() : { masked: [], readOnly: [] };
  const resources = group && resourcesOf(group);
  const linux = {
    namespaces: [...new Set([...plan.wanted.map(({ kind }) => kind.name), "mount"])].map((name) => ({ type: kindsOfSpec[name] ?? name })),
    ...(isNewUser ? { uidMappings: plan.maps.user.map(mapping), gidMappings: plan.maps.group.map(mapping) } : {}),
    ...(devices.length > 0 ? { devices } : {}),
    ...(resources === undefined || Object.keys(resources).length === 0 ? {} : { resources }),
    ...(pivot.sysctls.length > 0 ? { sysctl: Object.fromEntries(pivot.sysctls.map(({ key, value }) => [dotted(key), value])) } : {}),
    ...(seccomp === undefined ? {} : { seccomp: ociProfile(context, seccomp, confine?.capabilities?.kept ?? 0n) as Linux["seccomp"] }),
    maskedPaths: [...masked, ...pivot.maskedPaths, ...hiddenPaths(pivot)],
    readonlyPaths: [...readOnly, ...pivot.readOnlyPaths],
  };
  const spec = {
    ociVersion: "1.2.0",
    process: { terminal: pivot.makesTerminal, ...process, args },
    root: { path: resolve(pivot.rootfs), readonly: pivot.readOnly || pivot.layers !== undefined },
    ...(plan.hostname === undefined ? {} : { hostname: plan.hostname }),
    ...(plan.domainname === undefined ? {} : { domainname: plan.domainname }),
    mounts,
    ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
    linux,
  };
  return { text: `${jsonOf(spec)}\n`, remarks: remarksOn(plan, pivot, seccomp) };
}

/** Names with dots in them are written with slashes. */
const dotted = (key: string) => (key.includes(".") ? key : key.replaceAll("/", "."));
const mapping = ({ inner, outer, count }: NsexecPlan["maps"]["user"][number]) => ({ containerID: inner, hostID: outer, size: count });

/** The plan of the first link of that tool. */
function planOf<Plan extends ToolPlan>(first: Link, name: string): Plan | undefined {
  for (let link: Link | undefined = first; link !== undefined; ) {
    if (link.tool.name === name) return link.plan as Plan;
    const { next }: ToolPlan = link.plan;
    link = next?.kind === "tool" ? next : undefined;
  }
  return undefined;
}

function remarksOn(plan: NsexecPlan, { layers, nodev, readOnly, rootfs }: PivotPlan, seccomp: string | undefined): string[] {
  const below = readOnly && layers === undefined ? mountsBelow(rootfs) : [];
  return [
    ...(layers === undefined
      ? []
      : [`the overlay over ${rootfs}: mount it first, write its mount point into root.path, and say root.readonly`]),
    ...(below.length === 0
      ? []
      : [`root.readonly applies only to the mount ${rootfs}: mounts below it stay writable: ${below.join(", ")}`]),
    ...(plan.shift === undefined ? [] : [`the owners of ${rootfs} are not shifted: chown -R a copy to the ids of linux.uidMappings`]),
    ...(plan.lock.length > 0 ? ["root inside could make read-only mounts writable again: they are not locked"] : []),
    ...(nodev ? [`device nodes in ${rootfs} itself: linux.resources.devices closes them, its mount has no nodev`] : []),
    ...(seccomp === "default" ? ["seccomp: the sockets of AF_VSOCK, AF_ALG and old protocols, and ioctl TIOCSTI, are not refused"] : []),
  ];
}

/** Those that show through. */
function mountsBelow(rootfs: string): string[] {
  const top = rootfs === "/" ? "/" : `${rootfs}/`;
  const places = readMountInfo().flatMap(({ mountPoint }) => (mountPoint.startsWith(top) ? `/${mountPoint.slice(top.length)}` : []));
  return [...new Set(places)].filter((place) => !/^\/((proc|dev)(\/.*)?)?$/.test(place));
}
