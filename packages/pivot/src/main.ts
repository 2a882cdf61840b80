// pivot: make ROOTFS the root, with a /proc and a /dev of its own, then become PROG.
import { become, type Tool } from "@contain-tools/chain";
import { type Plan, readPlan } from "./cli.ts";
import { options } from "./options.ts";
import { enterRoot } from "./steps.ts";

export const pivot: Tool<Plan, keyof typeof options> = {
  name: "pivot",
  description: "Make ROOTFS the root, mount /proc and /dev, then become PROG",
  usage: "ROOTFS [OPTIONS] [--] [PROG [ARG…]]",
  options,
  plan: readPlan,
  run(context, plan) {
    enterRoot(context, plan);
    return become(context, plan.next);
  },
};
