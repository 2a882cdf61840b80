// `contain run`, the one command that is started in loops: it is in a bundle without the others.
import { subcommand } from "../command.ts";
import { composeRun } from "../run/compose.ts";
import { runOptions } from "../run/options.ts";
import { run } from "../run/run.ts";

export const runCommand = subcommand({
  name: "run",
  description: "Run a program in a container made by cgset, nsexec, pivot and pid1",
  usage: "[--] PROG [ARG…]",
  options: runOptions,
  plan(given, chain) {
    const plan = composeRun(given, chain);
    return () => run(plan);
  },
});
