// cgset: put a process into a control group with limits, then become PROG.
import { writeSync } from "node:fs";
import { become, exit, findHierarchy, getpid, steps, type Tool, warn } from "@contain-tools/kernel";
import { options, type Plan, readPlan } from "./cli.ts";
import { actOn, applyLimits, describe, locate, moveInto } from "./steps.ts";

export const cgset: Tool<Plan, keyof typeof options> = {
  name: "cgset",
  description: "Make a cgroup v2 group with limits, put PID or this process into it, then become PROG",
  usage: "[PID | [--] PROG [ARG…]]",
  options,
  plan: readPlan,
  run(plan) {
    steps.writes = true;
    const dir = act(plan);
    if (plan.next === undefined) return exit(0);
    warn(`group ${dir} stays when the program has ended: \`cgset --name ${plan.name ?? `contain-${getpid()}`} --rm\` removes it`);
    return become(plan.next);
  },
};

/** Everything but becoming the next program. Returns the group's directory. */
export function act(plan: Plan): string {
  const hierarchy = findHierarchy();
  const dir = locate(plan, hierarchy);
  const acts = plan.freeze !== undefined || plan.kill || plan.remove;
  const subject = plan.next === undefined ? plan.pid : getpid();
  if (acts) actOn(plan, hierarchy, dir);
  else if (shows(plan)) writeSync(1, describe(dir));
  else {
    applyLimits(plan, hierarchy, dir);
    if (subject !== undefined) moveInto(dir, subject);
  }
  return dir;
}

/** Nothing to write and nobody to move: then the group is shown. */
function shows({ writes, make, next, name, pid }: Plan): boolean {
  return writes.length === 0 && !make && next === undefined && (name === undefined || pid === undefined);
}
