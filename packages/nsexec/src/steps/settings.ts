// What is done inside the new or joined namespaces, before the next program.
import { becomeUser, type Context, enterConsole, findUser, makeConsole, sayStep, variables } from "@contain-tools/chain";
import {
  bringLoopbackUp,
  CLONE_NEWCGROUP,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWTIME,
  chdir,
  chdirInRoot,
  chroot,
  close,
  countGroups,
  failedWith,
  joinSessionKeyring,
  keepingDeathSignal,
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSUID,
  mount,
  open,
  setdomainname,
  setgroups,
  sethostname,
  setns,
  setPropagationEverywhere,
  setresgid,
  setresuid,
  sharePipes,
  ToolError,
  unshare,
  writeKernelFile,
} from "@contain-tools/kernel";
import type { Plan } from "../plan.ts";
import { flagsOf, joinsMounts, type Wanted } from "../wanted.ts";
import { enterTunnel } from "./join.ts";

export function announce(context: Context, { wanted }: Plan): void {
  if (wanted.length > 0) sayStep(context, `creating namespaces: ${wanted.map(({ kind }) => kind.file).join(" ")}`);
}

/** The settings inside: host name, propagation, root, working directory, /proc, ids; in unshare(1)'s order. */
export function inside(context: Context, plan: Plan): void {
  const creates = (bit: number) => (flagsOf(plan.wanted) & bit) !== 0;
  if (plan.hostname !== undefined) {
    sayStep(context, `setting hostname: ${plan.hostname}`);
    sethostname(plan.hostname);
  }
  if (plan.domainname !== undefined) setdomainname(plan.domainname);
  if (creates(CLONE_NEWNET)) bringLoopbackUp();
  if (creates(CLONE_NEWNS) && plan.propagation !== "unchanged") close(setPropagationEverywhere(plan.propagation).fd);
  if (joinsMounts(plan)) context.inside = placeOfMounts(plan);
  if (plan.root !== undefined) {
    chroot(plan.root);
    chdir("/");
    context.inside = `the root ${plan.root}`;
  }
  if (plan.wdns !== undefined) chdirAmongOthers(plan.wdns, placeOfMounts(plan));
  if (plan.wd !== undefined && joinsMounts(plan)) enterTunnel();
  else if (plan.wd !== undefined) chdir(plan.wd);
  if (plan.mountProc !== undefined) mount("proc", plan.mountProc, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC);
  if (plan.clearEnv) context.env = variables();
  for (const variable of plan.env) {
    const at = variable.indexOf("=");
    context.env[variable.slice(0, at)] = variable.slice(at + 1);
  }
  if (plan.rawEnv.length > 0) context.rawEnv = new Map([...context.rawEnv, ...plan.rawEnv]);
  if (plan.uid !== undefined || plan.gid !== undefined) {
    sharePipes();
    keepingDeathSignal(() => {
      if (plan.gid !== undefined) {
        leaveGroups();
        setresgid(plan.gid);
      }
      if (plan.uid !== undefined) setresuid(plan.uid);
    });
  }
  if (plan.keyring !== undefined) leaveCallersKeyring(context, plan.keyring); // after the ids, which own it, and before --as, which could not find it
  if (plan.user !== undefined) becomeUser(context, findUser(plan.user, context.inside ?? "this host"));
  if (plan.makesTty) enterConsole(context, makeConsole(context, "/dev/ptmx"));
}

/** Describes the joined mounts, for messages. */
function placeOfMounts({ joined, target, place }: Plan): string {
  if (place !== undefined) return place;
  const file = joined.find(({ kind }) => kind.flag === CLONE_NEWNS)?.file;
  return `the mount namespace ${file ?? `of PID ${target}`}`;
}

/** If the kernel or a seccomp filter has no keyctl(2), nothing inside can read a keyring either. */
function leaveCallersKeyring(context: Context, name: string): void {
  try {
    joinSessionKeyring(name);
  } catch (error) {
    if (!failedWith(error, "ENOSYS", "EPERM")) throw error;
    sayStep(context, `keyctl(2) is refused here, and inside too (${error.code}): the session keyring stays the caller's`);
  }
}

/** @throws SyscallError EPERM if setgroups(2) is denied here and there are groups to drop */
function leaveGroups(): void {
  try {
    setgroups([]);
  } catch (error) {
    if (!failedWith(error, "EPERM") || countGroups() > 0) throw error;
  }
}

/** Among joined mounts, others decide what is at a path. */
function chdirAmongOthers(path: string, place: string): void {
  try {
    chdirInRoot(path);
  } catch (error) {
    if (!failedWith(error, "ENOENT", "ENOTDIR")) throw error;
    throw new ToolError(`--wdns ${path}: no such directory in ${place}`, undefined, 125, { cause: error });
  }
}

/** The namespaces that the child itself makes. */
export function flagsMadeByChild({ wanted, offsets }: Plan): number {
  return flagsOf(wanted) & (CLONE_NEWCGROUP | (offsets.length > 0 ? CLONE_NEWTIME : 0));
}

export function keptMadeByChild(plan: Plan): Wanted[] {
  return plan.wanted.filter(({ kind, file }) => file !== undefined && kind.flag & flagsMadeByChild(plan));
}

export function enterMadeByChild(plan: Plan): void {
  const late = flagsMadeByChild(plan);
  // The root of a cgroup namespace is its maker's group. It must be our group, not our parent's, so it is made here (cgroup_namespaces(7)).
  if (late & CLONE_NEWCGROUP) unshare(CLONE_NEWCGROUP);
  if (late & CLONE_NEWTIME) enterTimeNamespace(plan);
}

/** A new time namespace takes offsets only while it is empty: it is made, written, and only then entered (time_namespaces(7)). */
function enterTimeNamespace({ offsets }: Plan): void {
  unshare(CLONE_NEWTIME);
  for (const { clock, seconds, nanoseconds } of offsets)
    writeKernelFile("/proc/self/timens_offsets", `${clock} ${seconds} ${nanoseconds}\n`);
  const fd = open("/proc/self/ns/time_for_children");
  setns(fd, CLONE_NEWTIME, "/proc/self/ns/time_for_children");
  close(fd);
}
