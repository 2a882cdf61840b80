// cgset: put a process into a control group with limits, then become PROG.
import { become, type Context, type Tool, warn } from "@contain-tools/chain";
import { cgroupOf, exit, findHierarchy, getpid, groupDirectory, write } from "@contain-tools/kernel";
import { options, type Plan, readPlan } from "./cli.ts";
import { leave, moveInto } from "./move.ts";
import { describe } from "./show.ts";
import { actOn, applyLimits, locate } from "./steps.ts";

export const cgset: Tool<Plan, keyof typeof options> = {
  name: "cgset",
  description: "Make a cgroup v2 group with limits, put PID or this process into it, then become PROG",
  usage: "[PID | [--] PROG [ARG…]]",
  options,
  plan: readPlan,
  run(context, plan) {
    context.saysWrites = true;
    const { dir, undo } = act(context, plan);
    if (plan.next === undefined) return exit(0);
    warn(
      `group ${dir} stays when the program has ended: \`cgset ${plan.path === undefined ? `--name ${plan.name ?? `contain-${getpid()}`}` : `--path ${plan.path}`} --rm\` removes it`,
    );
    try {
      return become(context, plan.next);
    } catch (error) {
      // After a pivot the same path would be a file of the container.
      if (context.inside === undefined) undo?.();
      throw error;
    }
  },
};

interface Acted {
  /** The group's directory. */
  readonly dir: string;
  /** Removes this process and the group again; undefined if the group existed before. */
  readonly undo: (() => void) | undefined;
  /** For a caller that removes the group itself, if nothing was started in it: restores the groups above. */
  readonly restore: () => void;
}

/** Everything except becoming the next program. */
export function act(context: Context, plan: Plan, hierarchy = findHierarchy()): Acted {
  const dir = locate(plan, hierarchy);
  const acts = plan.freeze !== undefined || plan.kill || plan.remove;
  const subject = plan.next === undefined ? plan.pid : getpid();
  if (acts) actOn(context, plan, hierarchy, dir);
  else if (shows(plan)) write(1, describe(dir));
  else {
    const { made, restore } = applyLimits(context, plan, hierarchy, dir);
    const from = groupDirectory(hierarchy, cgroupOf("self"));
    const undo = () => leave(dir, from, restore);
    try {
      if (subject !== undefined) moveInto(dir, subject);
    } catch (error) {
      if (made) undo();
      else restore();
      throw error;
    }
    return { dir, undo: made ? undo : undefined, restore };
  }
  return { dir, undo: undefined, restore: () => {} };
}

/** Without a write or a process to move, the group is shown. */
function shows({ writes, devices, make, next, name, path, pid }: Plan): boolean {
  return writes.length === 0 && devices === undefined && !make && next === undefined && ((name ?? path) === undefined || pid === undefined);
}
