// The child of nsexec as its parent sees it: made by this process or by one in between, put into its group, its maps written.
import type { Context } from "@contain-tools/chain";
import { CLONE_NEWNS, CLONE_NEWUSER, CLONE_PARENT, close, hideSecrets, type Pipe, readToEnd, waitpid, write } from "@contain-tools/kernel";
import { type Pasta, startPasta } from "@contain-tools/pasta";
import type { Plan } from "../plan.ts";
import { flagsOf } from "../wanted.ts";
import { type Child, createBetween } from "./between.ts";
import { writeMaps } from "./idmaps.ts";
import { cloneIntoCgroup, putIntoGroup } from "./intocgroup.ts";
import { join, openTargets } from "./join.ts";
import { lockMounts } from "./lock.ts";
import { createInNewRoot } from "./newroot.ts";
import { keep, letGo } from "./persist.ts";
import { announce, flagsMadeByChild, keptMadeByChild } from "./settings.ts";

interface Outside {
  /** The group to be born in, open. */
  readonly cgroup: number | undefined;
  /** A pidfd of this process. */
  readonly self: number;
  /** Called while the child waits in its namespaces. */
  readonly meanwhile: (pid: number) => void;
}

/** Makes the child, which waits at `gate` in the meantime. @throws SyscallError, ToolError; nothing is left behind then */
export function create(
  context: Context,
  plan: Plan,
  outside: Outside,
  gate: Pipe,
  made: Pipe,
  child: () => never,
): { readonly pid: number; readonly pasta: Pasta | undefined } {
  const late = flagsMadeByChild(plan);
  const { maps } = plan;
  announce(context, plan);
  // An ordinary user cannot mount outside a user namespace.
  const outerMaps = plan.lock.length > 0 && process.geteuid?.() !== 0 ? maps : undefined;
  const { pid, entered } = makeChild(context, plan, outerMaps, outside, child);
  const kept: string[] = [];
  let pasta: Pasta | undefined;
  try {
    putIntoGroup({ pid, entered }, plan.intoCgroup);
    if (outerMaps === undefined) writeMaps(context, pid, maps);
    if (plan.pasta !== undefined) pasta = startPasta(context, pid, plan.pasta);
    outside.meanwhile(pid);
    for (const wanted of plan.wanted) if (!(wanted.kind.flag & late)) keep(pid, wanted, kept);
    if (keptMadeByChild(plan).length > 0) {
      write(gate.write, "1");
      close(made.write);
      if (readToEnd(made.read) === "")
        letGo(kept); // it failed, and has reported why
      else for (const wanted of keptMadeByChild(plan)) keep(pid, wanted, kept);
    }
  } catch (error) {
    pasta?.end();
    letGo(kept);
    close(gate.write); // end of file: the child exits
    close(gate.read);
    waitpid(pid, 0);
    throw error;
  }
  return { pid, pasta };
}

/**
 * Made by this process; or by one in between, if namespaces are to be joined or mounts prepared first. Joining a PID namespace needs two
 * processes anyway: the first joins, and its child is in it. The process in between is single-threaded, as setns(2) requires for user and
 * time namespaces.
 */
function makeChild(
  context: Context,
  plan: Plan,
  outerMaps: Plan["maps"] | undefined,
  { cgroup, self }: Outside,
  child: () => never,
): Child {
  const { shift, maps, lock, areas } = plan;
  const bits = flagsOf(plan.wanted) & ~flagsMadeByChild(plan);
  const joins = plan.joined.length > 0 || plan.netSocket !== undefined;
  if (!joins && shift === undefined && lock.length === 0) return cloneIntoCgroup(context, bits, cgroup, child);
  const files = openTargets(plan);
  const behind = (close: () => void) => {
    const body = () => {
      close();
      return child();
    };
    // The root of a joined user namespace may not write to the group.
    return cloneIntoCgroup(context, bits | CLONE_PARENT, cgroup, body, ...(joins ? ["EACCES"] : []));
  };
  const enter = () => {
    if (joins) hideSecrets(areas, "nsexec"); // from here on its processes can look at us
    join(files);
  };
  try {
    if (shift !== undefined) return createInNewRoot(context, { shift, maps, self, enter }, behind);
    const prepare = () => {
      if (lock.length > 0) lockMounts(lock);
      enter();
    };
    const flags = (lock.length > 0 ? CLONE_NEWNS : 0) | (outerMaps === undefined ? 0 : CLONE_NEWUSER);
    return createBetween(context, { self, flags, maps: outerMaps, prepare }, behind);
  } finally {
    for (const { fd } of files) close(fd);
  }
}
