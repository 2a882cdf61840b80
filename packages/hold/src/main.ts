// hold: wait at a FIFO until somebody writes to it, then become PROG.
import { become, type Tool } from "@contain-tools/chain";
import { options, type Plan, readPlan } from "./cli.ts";
import { waitAtFifo } from "./steps.ts";

export const hold: Tool<Plan, keyof typeof options> = {
  name: "hold",
  description: "Wait at a FIFO until somebody writes to it, then become PROG",
  usage: "FIFO [--] PROG [ARG…]",
  options,
  plan: readPlan,
  run(context, plan) {
    waitAtFifo(context, plan);
    return become(context, plan.next);
  },
};
