// Control groups: the hierarchy, its controllers, where we may make groups, cgroup.kill, PSI.
import { accessSync, constants, existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Evidence, evidenceFrom } from "@contain-tools/chain";
import {
  availableControllers,
  cgroupOf,
  codeOf,
  controllerOnV1,
  findHierarchy,
  groupDirectory,
  type Hierarchy,
  readIfThere,
  ToolError,
  whyNoDeviceProgram,
} from "@contain-tools/kernel";
import { answered, type Check, cannotTell, check, hasProc, quoteEvidence, type Verdict } from "./check.ts";

const CONTROLLERS = ["memory", "cpu", "cpuset", "pids", "io"];
const UNIFIED = "boot with systemd.unified_cgroup_hierarchy=1, which moves all controllers to cgroup v2";
const DELEGATE = "systemd-run --user --scope -p Delegate=yes contain …";

/** @param locate the directory in which `contain run` would make its groups */
export function cgroupChecks(locate: (hierarchy: Hierarchy) => string): Check[] {
  let found: Hierarchy | undefined;
  const hierarchy = () => {
    found ??= findHierarchy();
    return found;
  };
  return [
    check("cgroup v2", () => mounted(hierarchy)),
    ...CONTROLLERS.map((name) => check(`cgroup ${name}`, () => withMount(hierarchy, (there) => controller(name, there, locate(there))))),
    check("cgroup delegation", () => withMount(hierarchy, (there) => delegation(locate(there)))),
    check("cgroup.kill", () => withMount(hierarchy, cgroupKill)),
    check("device programs", () => withMount(hierarchy, devicePrograms)),
    check("PSI", pressure),
  ];
}

const MOUNTS = "/proc/self/mountinfo";

function mounted(hierarchy: () => Hierarchy): Verdict {
  const rule = "cgroups(7): a controller is in one hierarchy at a time";
  if (!readIfThere(MOUNTS)) return cannotTell(`${MOUNTS} is empty or cannot be read`, [evidenceFrom(MOUNTS, rule)]);
  return withMount(hierarchy, ({ mountPoint }) => {
    const where: Evidence = { source: MOUNTS, value: `cgroup2 on ${mountPoint}`, rule };
    const v1 = CONTROLLERS.flatMap((name) => heldByV1(name) ?? []);
    if (v1.length === 0) return { state: "ok", text: `${MOUNTS}: cgroup2 on ${mountPoint}`, evidence: [where] };
    const text = `${MOUNTS}: cgroup2 on ${mountPoint}, but cgroup v1 holds ${v1.map(({ value }) => value).join(", ")} (${v1[0]?.source})`;
    return { state: "limited", text, evidence: [where, ...v1], fix: UNIFIED };
  });
}

/** The cgroup v1 hierarchy that has a controller: by its mount, or by its number if that mount is not visible from here. */
function heldByV1(name: string): Evidence | undefined {
  const mount = controllerOnV1(name);
  if (mount !== undefined) return { source: MOUNTS, value: `${name} on ${mount.mountPoint}`, rule: 'cgroups(7), "Cgroups version 1"' };
  const [, hierarchy] = (rowOf(name) ?? "").split("\t");
  if (hierarchy === undefined || hierarchy === "0") return undefined;
  return { source: CGROUPS, value: `${name} in hierarchy ${hierarchy}`, rule: "cgroups(7), /proc/cgroups: 0 is cgroup v2, or none" };
}

const CGROUPS = "/proc/cgroups";
const rowOf = (name: string) => new RegExp(`^${name === "io" ? "blkio" : name}\\t.*$`, "m").exec(readIfThere(CGROUPS) ?? "")?.[0];

/** Without the hierarchy there is nothing to check, and that is certain. */
function withMount(hierarchy: () => Hierarchy, look: (hierarchy: Hierarchy) => Verdict): Verdict {
  let there: Hierarchy;
  try {
    there = hierarchy();
  } catch (error) {
    const rule = "cgroups(7), cgroup v2 mount";
    if (!(error instanceof ToolError)) return cannotTell(`${MOUNTS}: ${codeOf(error)}`, [evidenceFrom(MOUNTS, rule)]);
    const evidence = [{ source: MOUNTS, value: "no mount of type cgroup2", rule }];
    return { state: "missing", text: `${MOUNTS}: ${error.message}`, evidence, fix: error.hint ?? "a kernel with CONFIG_CGROUP_BPF" };
  }
  return look(there);
}

function controller(name: string, { mountPoint }: Hierarchy, parent: string): Verdict {
  const rule = "cgroups(7): a group has the controllers that its parent hands down in cgroup.subtree_control";
  const top = evidenceFrom(join(mountPoint, "cgroup.controllers"), rule);
  const own = evidenceFrom(join(parent, "cgroup.controllers"), rule);
  const evidence = parent === mountPoint ? [own] : [own, top];
  if (availableControllers(parent).includes(name)) return { state: "ok", text: quoteEvidence(own), evidence };
  if (availableControllers(mountPoint).includes(name))
    return { state: "limited", text: `${quoteEvidence(top)}, but ${quoteEvidence(own)}`, evidence, fix: DELEGATE };
  const v1 = heldByV1(name);
  if (v1 !== undefined) {
    const text = `${quoteEvidence(top)}; cgroup v1 holds it: ${quoteEvidence(v1)}`;
    return { state: "missing", text, evidence: [...evidence, v1], fix: UNIFIED };
  }
  if (top.value === undefined) return cannotTell(quoteEvidence(top), evidence);
  return whyNowhere(name, top, evidence);
}

/** Neither here nor on v1: switched off, not passed on to this cgroup namespace, or not in the kernel. */
function whyNowhere(name: string, top: Evidence, evidence: readonly Evidence[]): Verdict {
  const row = rowOf(name);
  const text = `${quoteEvidence(top)} does not list it`;
  if (row === undefined)
    return {
      state: "missing",
      text,
      evidence,
      fix: `in a container: have it handed down; on a host: a kernel with the ${name} controller`,
    };
  const rule = "cgroups(7), /proc/cgroups: the last column is 0 for a controller that cgroup_disable= switched off";
  const all = [...evidence, { source: CGROUPS, value: row, rule }];
  const shown = `${text}; ${CGROUPS}: ${row.replaceAll("\t", " ")}`;
  if (row.endsWith("\t0"))
    return {
      state: "missing",
      text: `${shown}: it is switched off`,
      evidence: all,
      fix: `boot with cgroup_enable=${name}, without cgroup_disable=${name}`,
    };
  return {
    state: "limited",
    text: `${shown}: the kernel has it, and this group is not given it`,
    evidence: all,
    fix: "have it handed down by the groups above",
  };
}

function delegation(parent: string): Verdict {
  const rule = 'cgroups(7), "Delegation": who makes groups and moves processes needs to write there';
  const files = ["", "cgroup.procs", "cgroup.subtree_control"].map((file) => join(parent, file));
  const evidence = files.map((file) => ({ source: `access(${file}, W_OK)`, value: mayWrite(file), rule }));
  const refused = evidence.find(({ value }) => value !== "0");
  if (refused === undefined) return { state: "ok", text: `groups can be made in ${parent}: its cgroup.procs can be written`, evidence };
  const fix = refused.value === "EROFS" ? "a cgroup mount that can be written to; or start outside of this container" : DELEGATE;
  return { state: "limited", text: `${refused.source}: ${refused.value}, so there are no limits`, evidence, fix };
}

function mayWrite(file: string): string {
  try {
    accessSync(file, constants.W_OK);
    return "0";
  } catch (error) {
    return codeOf(error) ?? String(error);
  }
}

/** Every group but the top one has the file. */
function cgroupKill(hierarchy: Hierarchy): Verdict {
  const rule = "cgroup-v2.rst: cgroup.kill, since Linux 5.14, in every group but the root";
  const { mountPoint } = hierarchy;
  const own = groupDirectory(hierarchy, cgroupOf("self"));
  const below = readdirSync(mountPoint, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const groups = [own, dirname(own), ...below.map(({ name }) => join(mountPoint, name))];
  // A group at the top of a cgroup namespace has the file too; only the root of the hierarchy has no cgroup.type.
  const group = groups.find((dir) => existsSync(join(dir, "cgroup.type")));
  if (group === undefined)
    return cannotTell(`the only group, ${mountPoint}, is the root, which has no such file`, [], "look again when there is a group");
  const file = join(group, "cgroup.kill");
  const there = existsSync(file);
  const evidence: Evidence[] = [{ source: file, value: there ? "exists" : undefined, ...(there ? {} : { problem: "ENOENT" }), rule }];
  if (there) return { state: "ok", text: `${file} exists`, evidence };
  return { state: "missing", text: `${file}: ENOENT; groups are frozen and killed one by one`, evidence, fix: "a kernel from 5.14 on" };
}

function devicePrograms(): Verdict {
  const call = "bpf(BPF_PROG_LOAD, BPF_PROG_TYPE_CGROUP_DEVICE)";
  const error = whyNoDeviceProgram();
  const evidence = [answered(call, error?.code ?? "a descriptor", "bpf(2): CONFIG_CGROUP_BPF, and CAP_BPF with CAP_NET_ADMIN")];
  if (error === undefined) return { state: "ok", text: `${call} gives a descriptor: a group can have a device list`, evidence };
  const state = error.code === "EPERM" || error.code === "EACCES" ? "limited" : "missing";
  return {
    state,
    text: `${call}: ${error.code}; --confine keeps devices closed by nodev alone`,
    evidence,
    fix: error.hint ?? "a kernel with CONFIG_CGROUP_BPF",
  };
}

function pressure(): Verdict {
  const rule = "Documentation/accounting/psi.rst";
  const files = ["memory", "cpu", "io"].map((name) => evidenceFrom(`/proc/pressure/${name}`, rule));
  const [memory] = files;
  const bad = files.find(({ value }) => value === undefined);
  if (bad === undefined) return { state: "ok", text: memory === undefined ? "" : quoteEvidence(memory), evidence: files };
  if (bad.problem === "EOPNOTSUPP")
    return { state: "limited", text: `${quoteEvidence(bad)}: it is built in and switched off`, evidence: files, fix: "boot with psi=1" };
  if (bad.problem === "ENOENT" && hasProc() && !existsSync("/proc/pressure"))
    return {
      state: "missing",
      text: `${quoteEvidence(bad)}: no PSI in this kernel`,
      evidence: files,
      fix: "a kernel with CONFIG_PSI (since Linux 4.20)",
    };
  return cannotTell(`${quoteEvidence(bad)}${hasProc() ? "" : "; /proc is not proc"}`, files);
}
