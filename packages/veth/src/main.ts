// veth: connect a network namespace to a bridge, then become PROG.
import { become, type Tool } from "@contain-tools/chain";
import { exit, jsonText, write } from "@contain-tools/kernel";
import { options, type Plan, readPlan } from "./cli.ts";
import { describe, look } from "./show.ts";
import { connect } from "./steps.ts";

export const veth: Tool<Plan, keyof typeof options> = {
  name: "veth",
  description: "Connect PID's network namespace, or this process's own, to a bridge by a veth pair",
  usage: "[PID [OPTIONS] | [--] PROG [ARG…]]",
  options,
  plan: readPlan,
  run(context, { pid, pair, json, next }) {
    if (pair !== undefined) connect(context, pid, pair);
    else if (pid !== undefined) {
      const shown = look(pid);
      write(1, json ? `${jsonText(shown)}\n` : describe(shown));
    }
    return next === undefined ? exit(0) : become(context, next);
  },
};
