// Words to plan: `contain run` and `contain rootfs`.

import { limitOptions } from "@contain-tools/cgset";
import { type Chain, type Command, type OptionSpec, type Options, UsageError, withCommon } from "@contain-tools/kernel";
import { composeRun, type RunPlan } from "./compose.ts";
import { type RootfsPlan, readRootfsPlan } from "./rootfs.ts";

export const runOptions = withCommon({
  rootfs: { type: "string", valueHint: "DIR", description: "the container's root (the host's own /, read-only)" },
  rw: { type: "boolean", description: "leave the root writable" },
  hostname: { type: "string", valueHint: "NAME", description: "the container's host name (sandbox)" },
  ...limitOptions,
  env: { type: "string", alias: "e", valueHint: "NAME=VALUE", repeat: true, description: "set a variable for the program" },
  workdir: { type: "string", alias: "w", valueHint: "DIR", description: "working directory inside (/)" },
  init: { type: "boolean", description: "run pid1 as PID 1, and the program as its child" },
  "print-chain": { type: "boolean", description: "print what would be run, as a shell script, and run nothing" },
  quiet: { type: "boolean", alias: "q", description: "no [contain] lines" },
});
export type RunOption = keyof typeof runOptions;

export const options = withCommon({});
export type Plan = RunPlan | RootfsPlan;

const RUN: Command = {
  name: "contain run",
  description: "Run a program in a container made by cgset, nsexec, pivot and pid1",
  usage: "[--] PROG [ARG…]",
};
const ROOTFS: Command = { name: "contain rootfs", description: "Make a small root file system from programs of this host", usage: "DIR" };
export const subCommands = { run: RUN.description, rootfs: ROOTFS.description };

/** Reads the subcommand and its words. Nothing is changed. @throws UsageError */
export function readPlan(given: Options, chain: Chain): Plan {
  const [command, ...words] = given.rest;
  if (command === "run") return composeRun(chain.more<RunOption>(runOptions as Readonly<Record<RunOption, OptionSpec>>, words, RUN), chain);
  if (command === "rootfs") return readRootfsPlan(chain.more(options, words, ROOTFS).rest);
  const known = Object.keys(subCommands).join(", ");
  if (command === undefined) throw new UsageError("which command?", `the commands are ${known}; --help tells more`);
  throw new UsageError(`unknown command ${command}`, `the commands are ${known}`);
}
