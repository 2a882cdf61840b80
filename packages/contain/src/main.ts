// contain: finds the command, and reads its words into a plan.

import { type Chain, type Command, closestWord, fail, type Options, profile, type Tool, withCommon } from "@contain-tools/chain";
import { resolve, UsageError } from "@contain-tools/kernel";
import { useStateFolder } from "@contain-tools/state";
import { optionsFirst, ROOT, type Subcommand } from "./command.ts";

export const options = withCommon({
  root: ROOT,
  profile: { type: "boolean", description: "`contain --profile run …` says at the end where its time went" },
});
export interface Plan {
  /** A promise: the command uses the event loop, which goes on after this returns. Such a command starts no container. */
  readonly act: () => never | Promise<never>;
  readonly next: undefined;
}

/** `contain` with these commands. */
export function containTool(commands: readonly Subcommand[]): Tool<Plan, keyof typeof options> {
  const tool: Tool<Plan, keyof typeof options> = {
    name: "contain",
    description: "Containers from small tools that can each be run by hand",
    usage: "COMMAND",
    get subCommands() {
      return Object.fromEntries(commands.map(({ name, description }) => [name, description]));
    },
    options,
    plan: (given, chain) => readPlan(tool, commands, given, chain),
    run(context, { act }) {
      const ending: unknown = act();
      if (ending instanceof Promise) ending.catch((error) => fail(context, error));
      return undefined as never;
    },
  };
  return tool;
}

/** `help`, `help COMMAND` and `version` are short for options. */
function spelledOut(words: readonly string[]): readonly string[] {
  const [word, command] = words;
  if (word === "version") return ["--version"];
  if (word !== "help") return words;
  return command === undefined ? ["--help"] : [command, "--help"];
}

/** Reads the command and its words. Nothing is changed. @throws UsageError */
function readPlan(tool: Command, commands: readonly Subcommand[], given: Options, chain: Chain): Plan {
  const [word, ...words] = spelledOut(given.rest);
  if (word?.startsWith("-")) chain.more(options, [word], tool); // --help or --version, which are printed
  if (word === undefined) throw new UsageError("missing command", `the commands are ${commands.map(({ name }) => name).join(", ")}`);
  const command = commands.find(({ name, also }) => name === word || also?.includes(word));
  if (command === undefined) throw unknownCommand(word, commands);
  if (given.has("profile") && command.name !== "run") throw new UsageError("--profile works only with `contain run`");
  const own = chain.more(command.options, optionsFirst(command, words), { ...command, name: `contain ${command.name}` });
  profile.wanted = given.has("profile");
  const root = own.value("root") ?? given.value("root") ?? chain.context.env["CONTAIN_ROOT"];
  if (root) useStateFolder(resolve(root));
  return { act: command.plan(own, chain), next: undefined };
}

/** docker's and podman's commands that we do not have, and what to do instead. */
const INSTEAD: Readonly<Record<string, string>> = {
  build: "there are no images here: `contain rootfs DIR` makes a root",
  pull: "there are no images here: `contain rootfs DIR --from FILE` unpacks one that was saved",
  images: "there are no images here: a root is a directory",
  push: "there are no images here: a root is a directory",
  commit: "--overlay=DIR keeps what a container writes in DIR/upper",
  export: "`contain cp ID:/ - >FILE` writes a running container's root as a tar",
  save: "a root is a directory: tar -C DIR -c .",
  load: "`contain rootfs DIR --from FILE` unpacks an image that was saved",
  import: "`contain rootfs DIR --from FILE` unpacks a tar",
  container: "the word is left out: `contain list`, `contain rm`, …",
  healthcheck: "`contain run --health-cmd CMD`, `contain wait --health ID`",
  system: "`contain gc` removes what was left; `contain doctor` shows what this host can do",
  prune: "`contain gc` removes what was left; `contain rm` forgets containers that have ended",
  info: "`contain doctor` shows what this host can do",
  network: "`contain run --net veth` makes the one network there is, and removes it",
  volume: "there are no volumes but directories of the host: --volume SRC:DST",
  login: "nothing is downloaded here",
  compose: "a shell script with `contain run -d` for each",
};

function unknownCommand(word: string, commands: readonly Subcommand[]): UsageError {
  const names = commands.flatMap(({ name, also = [] }) => [name, ...also]);
  const way = Object.hasOwn(INSTEAD, word) ? INSTEAD[word] : undefined;
  const near = closestWord(word, names);
  return new UsageError(
    `unknown command: ${word}`,
    way ?? (near === undefined ? `the commands are ${names.join(", ")}` : `did you mean ${near}?`),
  );
}
