// contain: a container, composed of the other four tools. Which command, and its words to a plan.

import { type Chain, type Options, profile, type Tool, withCommon } from "@contain-tools/chain";
import { resolve, UsageError } from "@contain-tools/kernel";
import { useStateFolder } from "@contain-tools/state";
import { optionsFirst, ROOT, type Subcommand } from "./command.ts";

const ALIASES: Readonly<Record<string, string>> = { ps: "list", ls: "list" };

export const options = withCommon({
  root: ROOT,
  profile: { type: "boolean", description: "`contain --profile run …` says at the end where its time went" },
});
export type Plan = () => never;

/** `contain` with these commands. */
export function containTool(commands: readonly Subcommand[]): Tool<Plan, keyof typeof options> {
  return {
    name: "contain",
    description: "Containers from small tools that can each be run by hand",
    usage: "COMMAND",
    get subCommands() {
      return Object.fromEntries(commands.map(({ name, description }) => [name, description]));
    },
    options,
    plan: (given, chain) => readPlan(commands, given, chain),
    run: (plan) => plan(),
  };
}

/** Reads the command and its words. Nothing is changed. @throws UsageError */
function readPlan(commands: readonly Subcommand[], given: Options, chain: Chain): Plan {
  const [word, ...words] = given.rest;
  const known = commands.map(({ name }) => name).join(", ");
  if (word === undefined) throw new UsageError("which command?", `the commands are ${known}; --help tells more`);
  const command = commands.find(({ name }) => name === (ALIASES[word] ?? word));
  if (command === undefined) throw new UsageError(`unknown command ${word}`, `the commands are ${known}`);
  if (given.has("profile") && command.name !== "run") throw new UsageError("--profile is for `contain run`");
  const own = chain.more(command.options, optionsFirst(command, words), { ...command, name: `contain ${command.name}` });
  profile.wanted = given.has("profile");
  const root = own.value("root") ?? given.value("root") ?? process.env["CONTAIN_ROOT"];
  if (root) useStateFolder(resolve(root));
  return command.plan(own, chain);
}
