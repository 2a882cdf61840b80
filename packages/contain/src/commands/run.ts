// `contain run`, the one command that scripts start in loops: it is in a bundle without the others.
import type { Chain, Options } from "@contain-tools/chain";
import { type Subcommand, subcommand } from "../command.ts";
import { composeRun } from "../run/compose.ts";
import { create as createContainer } from "../run/create.ts";
import { inOurWords, instead } from "../run/dockerwords.ts";
import { type RunOption, runGroups, runOptions } from "../run/options.ts";
import type { Again, RunPlan } from "../run/plan.ts";
import { run as runContainer } from "../run/run.ts";

/** Composes a container by the words of `contain run`. */
export type Compose = (given: Options<RunOption>, chain: Chain, again?: Again) => RunPlan;

/** Without --bundle: only one program reads such files. */
export const compose: Compose = (given, chain, again) => composeRun(inOurWords(given), chain, again);

/** For --print-config, in the one program that knows config.json: nothing is changed before the returned function is called. */
export type PrintConfig = (given: Options<RunOption>, chain: Chain) => () => never;

export const [runCommand, createCommand] = runCommands(compose);

/** `contain run`, and `contain create` with the same words. */
export function runCommands(composed: Compose, printConfig?: PrintConfig): [run: Subcommand, create: Subcommand] {
  const plan = (act: typeof runContainer) => (given: Options<RunOption>, chain: Chain) => {
    if (printConfig !== undefined && given.has("print-config")) return printConfig(given, chain);
    const planned = composed(given, chain);
    return () => act(chain.context, planned);
  };
  const run = subcommand({
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
    plan: plan(runContainer),
  });
  const create = subcommand({
    ...run,
    name: "create",
    description: "Make a container that `contain start` will start: the words of `contain run`",
    examples: ["contain create --rootfs ./rootfs --name web -- httpd -f", "contain start web"],
    rewrite: (words) => ["--detach", ...words],
    plan: plan(createContainer),
  });
  return [run, create];
}
