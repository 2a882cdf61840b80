// `contain run`, the one command that scripts start in loops: it is in a bundle without the others.
import type { Chain, Options } from "@contain-tools/chain";
import { type Subcommand, subcommand } from "../command.ts";
import { composeRun } from "../run/compose.ts";
import { inOurWords, instead } from "../run/dockerwords.ts";
import { type RunOption, runGroups, runOptions } from "../run/options.ts";
import type { RunPlan } from "../run/plan.ts";
import { run } from "../run/run.ts";

export const runCommand = runCommandWith();

/** Functions that only the program that knows config.json has. */
export interface WithConfig {
  /** For --bundle. */
  readonly composeBundle: (given: Options<RunOption>, chain: Chain) => RunPlan;
  /** For --print-config: nothing is changed before the returned function is called. */
  readonly printConfig: (given: Options<RunOption>, chain: Chain) => () => never;
}

export function runCommandWith(config?: WithConfig): Subcommand {
  return subcommand({
    name: "run",
    description: "Run a program in a container made by cgset, nsexec, pivot and pid1",
    usage: "[--] PROG [ARG…]",
    options: runOptions,
    optionsBehind: 0,
    groups: runGroups,
    examples: [
      "contain run --rootfs ./rootfs --memory 64M --pids 64 -it -- /bin/sh",
      "contain run --rootfs ./rootfs --confine -p 8080:80 -d --name web -- httpd -f",
    ],
    instead,
    plan(given, chain) {
      if (config !== undefined && given.has("print-config")) return config.printConfig(given, chain);
      const plan = given.has("bundle") && config ? config.composeBundle(given, chain) : composeRun(inOurWords(given), chain);
      return () => run(chain.context, plan);
    },
  });
}
