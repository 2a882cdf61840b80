// Words to plan: the group, the files to write, and the process to move there.
import { type Chain, type Next, type Options, withCommon } from "@contain-tools/chain";
import { type DeviceRule, processExists, UsageError } from "@contain-tools/kernel";
import { readDevices } from "./devices.ts";
import { limitOptions, readLimits, type Write } from "./limits.ts";

export const options = withCommon({
  ...limitOptions,
  device: {
    type: "string",
    valueHint: "RULE",
    repeat: true,
    description:
      'the devices that can be used, and no others: "c 1:3 rwm", "b 8:* r", "/dev/fuse rw", a (all), "deny c 10:* w"; default is docker\'s list. The last rule that fits decides; the rules replace those of an earlier call',
  },
  name: { type: "string", valueHint: "NAME", description: "the group (contain-PID)" },
  path: {
    type: "string",
    valueHint: "GROUP",
    description:
      "the group by its full path below the cgroup2 mount, /a/b/c, instead of --name; missing parents are made, with all available controllers, and stay",
  },
  parent: { type: "string", valueHint: "GROUP", description: "the group to make it in; root: the top, others: their own group" },
  make: { type: "boolean", description: "make the group even without limits" },
  freeze: { type: "boolean", description: "stop every process of the group (cgroup.freeze)" },
  thaw: { type: "boolean", description: "thaw them" },
  kill: { type: "boolean", description: "SIGKILL to every process of the group (cgroup.kill)" },
  rm: { type: "boolean", description: "remove the group, once it is empty" },
});
type Name = keyof typeof options;

export interface Plan {
  /** undefined: contain-PID; or, with a PID and nothing to write, the group of that process. */
  readonly name: string | undefined;
  /** The group's path below the mount, given instead of a name. */
  readonly path: string | undefined;
  readonly parent: string | undefined;
  readonly writes: readonly Write[];
  /** undefined: the group's device list stays as it is. */
  readonly devices: readonly DeviceRule[] | undefined;
  readonly freeze: boolean | undefined;
  readonly make: boolean;
  readonly kill: boolean;
  readonly remove: boolean;
  /** The process to move; undefined for this one, or for none if there is no program either. */
  readonly pid: number | undefined;
  readonly next: Next | undefined;
}

/** Reads cgset's words. Nothing is changed. @throws UsageError */
export function readPlan(given: Options<Name>, chain: Chain): Plan {
  const name = readName(given.value("name"));
  const path = readPath(given);
  const named = name ?? path;
  const [first, ...more] = given.rest;
  const isPid = !given.ended && first !== undefined && more.length === 0 && /^\d+$/.test(first);
  const pid = isPid ? Number(first) : undefined;
  if (pid !== undefined && !processExists(pid))
    throw new UsageError(`no such process: ${first}`, "PIDs are those of this PID namespace; a program of that name goes after --");
  const next = first === undefined || isPid ? undefined : chain.next(given.rest);
  const writes = readLimits(given);
  const devices = given.has("device") ? given.all("device").flatMap(readDevices) : undefined;
  const changes = writes.length > 0 || devices !== undefined;
  const acts = given.has("freeze") || given.has("thaw") || given.has("kill") || given.has("rm");
  if (given.has("freeze") && given.has("thaw")) throw new UsageError("--freeze and --thaw exclude each other");
  if (next !== undefined && acts)
    throw new UsageError("--freeze, --thaw, --kill and --rm act on an existing group; they do not go with PROG");
  if (acts && named === undefined && pid === undefined)
    throw new UsageError("missing group", "--name NAME, --path GROUP, or the PID of a process in it");
  if ((changes || given.has("make")) && next === undefined && pid === undefined && named === undefined)
    throw new UsageError("missing PID or program", "cgset [limits] PID, cgset [limits] [--] PROG, or cgset --name NAME [limits]");
  return {
    name,
    path,
    parent: given.value("parent"),
    writes,
    devices,
    freeze: given.has("freeze") ? true : given.has("thaw") ? false : undefined,
    make: given.has("make"),
    kill: given.has("kill"),
    remove: given.has("rm"),
    pid,
    next,
  };
}

function readPath(given: Options<Name>): string | undefined {
  const path = given.value("path");
  if (path === undefined) return undefined;
  const other = (["name", "parent"] as const).find((name) => given.has(name));
  if (other !== undefined) throw new UsageError(`--path and --${other} exclude each other`);
  const parts = path.split("/").slice(1);
  if (!path.startsWith("/") || path === "/" || parts.some((part) => part === "" || part === "." || part === ".." || part.length > 255))
    throw new UsageError(
      `--path ${path}: not a path of a group`,
      "it starts with / and is below the cgroup2 mount, as /proc/PID/cgroup shows it: /a/b/c",
    );
  return path;
}

/** How the names of the kernel's own files begin. */
const KERNEL_PREFIXES = ["cgroup.", "memory.", "cpu.", "cpuset.", "io.", "pids.", "misc.", "rdma.", "hugetlb."];

function readName(name: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  const parts = name.split("/");
  if (
    parts.some((part) => part === "" || part === "." || part === ".." || part.length > 255) ||
    KERNEL_PREFIXES.some((prefix) => name.startsWith(prefix))
  ) {
    throw new UsageError(
      `--name ${name}: must be a name for a directory below --parent`,
      "the names of the kernel's own files (memory.max) are taken",
    );
  }
  return name;
}
