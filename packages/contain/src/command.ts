// The shape of a subcommand: `plan` reads its words without a side effect and returns what is to be done.
import type { Chain, Command, OptionSpec, Options } from "@contain-tools/kernel";

export interface Subcommand<Name extends string = string> extends Command {
  readonly options: Readonly<Record<Name, OptionSpec>>;
  /** @throws UsageError; nothing has been changed then */
  readonly plan: (given: Options<Name>, chain: Chain) => () => never;
}

/** Keeps the option names of a table for its `plan`, and forgets them for the list of commands. */
export function subcommand<Name extends string>(command: Subcommand<Name>): Subcommand {
  return command as unknown as Subcommand;
}
