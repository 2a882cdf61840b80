// A subcommand: `plan` reads its words without side effects and returns the function that acts.
import { type Chain, type Command, type OptionSpec, type Options, readOptions } from "@contain-tools/chain";
import { UsageError } from "@contain-tools/kernel";

export interface Subcommand<Name extends string = string> extends Command {
  readonly options: Readonly<Record<Name, OptionSpec>>;
  /** Options may follow this many words (default: any number): `contain stop ID --grace 5s`. After a program's name they are the program's. */
  readonly optionsBehind?: number;
  /** Other names of the command. */
  readonly also?: readonly string[];
  /** Its words as they are read: `kill -TERM ID`. */
  readonly rewrite?: (words: readonly string[]) => readonly string[];
  /** Nothing is changed. @throws UsageError */
  readonly plan: (given: Options<Name>, chain: Chain) => () => never | Promise<never>;
}

/** An option of all commands, before or after the command's name. */
export const ROOT = {
  type: "string",
  valueHint: "DIR",
  description: "keep the states of containers in DIR (or CONTAIN_ROOT=DIR); each DIR has its own containers",
} as const satisfies OptionSpec;

/** Keeps the option names of a table for its `plan`, and forgets them for the list of commands. */
export function subcommand<Name extends string>(command: Subcommand<Name>): Subcommand {
  return { ...command, options: { ...command.options, root: ROOT } } as unknown as Subcommand;
}

/** The words of a command with all its options in front. @throws UsageError */
export function optionsFirst(
  { options, optionsBehind = Number.POSITIVE_INFINITY, instead, rewrite = (same) => same }: Subcommand,
  typed: readonly string[],
): readonly string[] {
  const words = rewrite(typed);
  if (optionsBehind === 0) return words;
  const front: string[] = [];
  const others: string[] = [];
  let rest = words;
  for (let ended = false; !ended; ) {
    const read = readOptions(options, rest, instead);
    front.push(...rest.slice(0, rest.length - read.rest.length - (read.ended ? 1 : 0)));
    ended = read.ended || read.rest.length === 0 || others.length >= optionsBehind;
    others.push(...(ended ? read.rest : read.rest.slice(0, 1)));
    rest = read.rest.slice(1);
  }
  return [...front, "--", ...others];
}

/** For a command without arguments. */
export function checkNoWords({ rest: [word] }: Options): void {
  if (word !== undefined) throw new UsageError(`unexpected argument: ${word}`, "this command takes no arguments");
}
