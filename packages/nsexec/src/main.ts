// nsexec: enter new or existing namespaces, then become PROG.
import { become, type Tool } from "@contain-tools/chain";
import { exit } from "@contain-tools/kernel";
import { keyboard, startRelay } from "@contain-tools/terminal";
import { readPlan } from "./cli.ts";
import { options } from "./options.ts";
import { endLike, passOn, watch } from "./parent.ts";
import type { Plan } from "./plan.ts";
import { spawn } from "./steps/child.ts";
import { waitUntilStarted } from "./steps/leave.ts";
import { inside } from "./steps/settings.ts";
import { enterInPlace } from "./steps/unshare.ts";

export const nsexec: Tool<Plan, keyof typeof options> = {
  name: "nsexec",
  description: "Enter new or existing namespaces, then become PROG",
  usage: "[--] [PROG [ARG…]]",
  options,
  plan: readPlan,
  run(context, plan) {
    if (!plan.fork) {
      enterInPlace(context, plan);
      return become(context, plan.next);
    }
    const spawned = spawn(context, plan, (own) => {
      inside(own, plan);
      return become(own, plan.next);
    });
    const { pid, pasta } = spawned;
    if (plan.leave !== undefined) {
      const ended = waitUntilStarted(context, spawned, plan.leave);
      return ended === undefined ? exit(0) : endLike(ended);
    }
    const relay = plan.tty ? startRelay(spawned, { input: keyboard(context), output: 1 }) : undefined;
    const sources = relay?.sources ?? [];
    sources.push(...(pasta?.sources ?? []));
    const status = watch({
      pid,
      ownGroup: plan.foreground,
      hadTerminal: plan.hadTerminal,
      stopWithChild: () => !plan.tty,
      sources,
      onSignal: (info) => {
        if (relay?.takes(info)) return;
        passOn(plan, pid, info);
      },
    });
    relay?.end();
    pasta?.end();
    return endLike(status);
  },
};
