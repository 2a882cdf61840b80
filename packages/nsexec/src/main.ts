// nsexec: enter new or existing namespaces, then become PROG.
import { become, kill, reachedTheGroup, type Tool } from "@contain-tools/kernel";
import { options, type Plan, readPlan } from "./cli.ts";
import { endLike, watch } from "./parent.ts";
import { enterInPlace, inside, spawn } from "./steps.ts";

export const nsexec: Tool<Plan, keyof typeof options> = {
  name: "nsexec",
  description: "Enter new or existing namespaces, then become PROG",
  usage: "[--] [PROG [ARG…]]",
  options,
  plan: readPlan,
  run(plan) {
    if (!plan.fork) {
      enterInPlace(plan);
      return become(plan.next);
    }
    const { pid } = spawn(plan, () => {
      inside(plan);
      return become(plan.next);
    });
    const status = watch({
      pid,
      ownGroup: plan.foreground,
      hadTerminal: plan.hadTerminal,
      stopWithChild: () => true,
      onSignal: (info) => {
        if (plan.foreground || !reachedTheGroup(info.signal, info.code)) kill(pid, info.signal);
      },
    });
    return endLike(status);
  },
};
