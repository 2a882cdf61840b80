// What a link of the chain is: a tool, its plan, its settings.
import type { TraceMode, Words } from "@contain-tools/kernel";
import type { Context } from "./context.ts";
import type { Instead, OptionSpec, Options, OptionTable } from "./options.ts";

/** What the help of a command shows. */
export interface Command {
  readonly name: string;
  /** One line. */
  readonly description: string;
  /** What stands behind the options in the usage line. */
  readonly usage: string;
  readonly subCommands?: Readonly<Record<string, string>>;
  /** Options of other programs that do the same, and what to write here. */
  readonly instead?: Instead;
  /** The options of a long table by subject, for its help; those that are in none come last. */
  readonly groups?: Readonly<Record<string, OptionTable>>;
  /** Command lines to learn from. */
  readonly examples?: readonly string[];
}

/** What every plan tells of the chain. */
export interface ToolPlan {
  /** The link behind; undefined where the chain ends. */
  readonly next: Next | undefined;
  /** The program may find other files than its caller. */
  readonly entersRoot?: boolean;
  /** It makes the pseudo-terminal for the `nsexec --tty` before it. */
  readonly makesTerminal?: boolean;
}

/** A chain-loading program: words to a plan without side effects, then the plan carried out. */
export interface Tool<Plan extends ToolPlan = ToolPlan, Name extends string = string> extends Command {
  readonly options: Readonly<Record<Name, OptionSpec>>;
  /** Reads the words into a plan; nothing is changed. @throws UsageError */
  plan(options: Options<Name>, chain: Chain): Plan;
  /** Does the one kernel job and becomes the next program. */
  run(context: Context, plan: Plan): never;
}

/** How a link behaves, handed down to the links behind it. */
export interface Settings {
  readonly trace: TraceMode;
  readonly mode: "call" | "exec";
  readonly preserveFds: number;
  /** Those of them that our caller gave us. */
  readonly passed: readonly number[];
  readonly verbose: boolean;
  /** A link before changes the root or the working directory, so paths cannot be checked while planning. */
  readonly pathsMoved: boolean;
  /** With mode exec: our programs' files, and which they are. */
  readonly files: ReadonlyMap<string, string>;
  /** An execve will plan these words again. */
  readonly replanned: boolean;
}

/** What a tool needs to plan what comes behind it. */
export interface Chain {
  readonly context: Context;
  readonly settings: Settings;
  /** Plans the words of the next link: one of ours, called in this process, or a program. */
  next(words: readonly string[], change?: Partial<Settings>): Next;
  /** Reads more options of the same tool, behind a word of its own (`pivot ROOTFS [options]`, `contain run [options]`). */
  more<Name extends string>(table: Readonly<Record<Name, OptionSpec>>, words: readonly string[], command?: Command): Options<Name>;
  /** Plans another tool by its argv, for one that composes others. */
  link<Plan extends ToolPlan>(tool: Tool<Plan>, argv: readonly string[]): Link<Plan>;
}

/** A link that has been planned. */
export interface Link<Plan extends ToolPlan = ToolPlan> {
  readonly kind: "tool";
  readonly tool: Tool<Plan>;
  readonly words: readonly string[];
  /** The same, those that are not UTF-8 as they are. */
  readonly bytes: Words;
  readonly plan: Plan;
  readonly settings: Settings;
}

export interface Program {
  readonly kind: "program";
  readonly argv: readonly string[];
  /** The same, those that are not UTF-8 as they are. */
  readonly bytes: Words;
}

export type Next = Link | Program;
