// contain: a container, composed of the other four tools.
import type { Tool } from "@contain-tools/kernel";
import { options, type Plan, readPlan, subCommands } from "./cli.ts";
import { makeRootfs } from "./rootfs.ts";
import { run } from "./run.ts";

export const contain: Tool<Plan, keyof typeof options> = {
  name: "contain",
  description: "Containers from small tools that can each be run by hand",
  usage: "COMMAND",
  subCommands,
  options,
  plan: readPlan,
  run: (plan) => (plan.kind === "run" ? run(plan) : makeRootfs(plan)),
};
