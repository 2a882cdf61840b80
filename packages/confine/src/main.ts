// confine: take privileges away, then become PROG.
import { become, type Tool } from "@contain-tools/chain";
import { readPlan } from "./cli.ts";
import { options } from "./options.ts";
import type { Plan } from "./plan.ts";
import { confineSelf } from "./steps.ts";

export const confine: Tool<Plan, keyof typeof options> = {
  name: "confine",
  description: "Take capabilities and system calls away, then become PROG",
  usage: "[--] PROG [ARG…]",
  options,
  plan: readPlan,
  run(context, plan) {
    confineSelf(context, plan);
    return become(context, plan.next);
  },
};
