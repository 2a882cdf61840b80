// `contain COMMAND`: which command, and its words to a plan.
import { type Chain, type Options, UsageError, withCommon } from "@contain-tools/kernel";
import type { Subcommand } from "./command.ts";
import { optionsFirst, subcommand } from "./command.ts";
import { attach } from "./commands/attach.ts";
import { exec } from "./commands/exec.ts";
import { gc } from "./commands/gc.ts";
import { inspect } from "./commands/inspect.ts";
import { list } from "./commands/list.ts";
import { logs } from "./commands/logs.ts";
import { pause, unpause } from "./commands/pause.ts";
import { rm } from "./commands/rm.ts";
import { kill, stop } from "./commands/signal.ts";
import { stats } from "./commands/stats.ts";
import { update } from "./commands/update.ts";
import { wait } from "./commands/wait.ts";
import { composeRun } from "./compose.ts";
import { runOptions } from "./options.ts";
import { makeRootfs, readRootfsPlan } from "./rootfs.ts";
import { run } from "./run.ts";

const runCommand = subcommand({
  name: "run",
  description: "Run a program in a container made by cgset, nsexec, pivot and pid1",
  usage: "[--] PROG [ARG…]",
  options: runOptions,
  plan(given, chain) {
    const plan = composeRun(given, chain);
    return () => run(plan);
  },
});

const rootfsCommand = subcommand({
  name: "rootfs",
  description: "Make a small root file system from programs of this host",
  usage: "DIR",
  options: withCommon({}),
  plan(given) {
    const plan = readRootfsPlan(given.rest);
    return () => makeRootfs(plan);
  },
});

export const COMMANDS: readonly Subcommand[] = [
  runCommand,
  exec,
  list,
  stats,
  inspect,
  update,
  logs,
  attach,
  wait,
  stop,
  kill,
  pause,
  unpause,
  rm,
  gc,
  rootfsCommand,
];
const ALIASES: Readonly<Record<string, string>> = { ps: "list", ls: "list" };

export const options = withCommon({});
export type Plan = () => never;

/** Reads the command and its words. Nothing is changed. @throws UsageError */
export function readPlan(given: Options, chain: Chain): Plan {
  const [word, ...words] = given.rest;
  const known = COMMANDS.map(({ name }) => name).join(", ");
  if (word === undefined) throw new UsageError("which command?", `the commands are ${known}; --help tells more`);
  const command = COMMANDS.find(({ name }) => name === (ALIASES[word] ?? word));
  if (command === undefined) throw new UsageError(`unknown command ${word}`, `the commands are ${known}`);
  const own = chain.more(command.options, optionsFirst(command, words), { ...command, name: `contain ${command.name}` });
  return command.plan(own, chain);
}
