// contain: a container, composed of the other four tools.
import type { Tool } from "@contain-tools/kernel";
import { COMMANDS, options, type Plan, readPlan } from "./cli.ts";

export const contain: Tool<Plan, keyof typeof options> = {
  name: "contain",
  description: "Containers from small tools that can each be run by hand",
  usage: "COMMAND",
  subCommands: Object.fromEntries(COMMANDS.map(({ name, description }) => [name, description])),
  options,
  plan: readPlan,
  run: (plan) => plan(),
};
