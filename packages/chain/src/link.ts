// What a link of the chain is: a tool, its plan, its settings.
import type { TraceMode, Words } from "@contain-tools/kernel";
import type { Context } from "./context.ts";
import type { Instead, OptionSpec, Options, OptionTable } from "./options.ts";

/** What the help of a command shows. */
export interface Command {
  readonly name: string;
  /** One line. */
  readonly description: string;
  /** What follows the options in the usage line. */
  readonly usage: string;
  readonly subCommands?: Readonly<Record<string, string>>;
  /** Equivalent options of other programs, and what to write here. */
  readonly instead?: Instead;
  /** The options of a long table by subject, for its help; the rest comes last. */
  readonly groups?: Readonly<Record<string, OptionTable>>;
  /** Examples of command lines. */
  readonly examples?: readonly string[];
}

/** What every plan says about the chain. */
export interface ToolPlan {
  /** The next link; undefined at the end of the chain. */
  readonly next: Next | undefined;
  /** The program may see other files than its caller. */
  readonly entersRoot?: boolean;
  /** It makes the pseudo-terminal for an earlier `nsexec --tty`. */
  readonly makesTerminal?: boolean;
}

/** A chain-loading program: words to a plan without side effects, then the plan carried out. */
export interface Tool<Plan extends ToolPlan = ToolPlan, Name extends string = string> extends Command {
  readonly options: Readonly<Record<Name, OptionSpec>>;
  /** Reads the words into a plan; nothing is changed. @throws UsageError */
  plan(options: Options<Name>, chain: Chain): Plan;
  /** Does the one kernel job, then becomes the next program. */
  run(context: Context, plan: Plan): never;
}

/** How a link behaves; passed on to the links after it. */
export interface Settings {
  readonly trace: TraceMode;
  readonly mode: "call" | "exec";
  readonly preserveFds: number;
  /** Those that our caller had open. */
  readonly passed: readonly number[];
  readonly verbose: boolean;
  /** An earlier link changes the root or the working directory, so paths cannot be checked while planning. */
  readonly pathsMoved: boolean;
  /** With mode exec: the files of our programs. */
  readonly files: ReadonlyMap<string, string>;
  /** An execve will plan these words again. */
  readonly replanned: boolean;
}

/** What a tool needs to plan the rest of the chain. */
export interface Chain {
  readonly context: Context;
  readonly settings: Settings;
  /** Plans the words of the next link: one of ours, called in this process, or a program. */
  next(words: readonly string[], change?: Partial<Settings>): Next;
  /** Reads more options of the same tool after a word of its own (`pivot ROOTFS [options]`, `contain run [options]`). */
  more<Name extends string>(table: Readonly<Record<Name, OptionSpec>>, words: readonly string[], command?: Command): Options<Name>;
  /** Plans another tool from its argv, for a tool that composes others. */
  link<Plan extends ToolPlan>(tool: Tool<Plan>, argv: readonly string[]): Link<Plan>;
}

/** A planned link. */
export interface Link<Plan extends ToolPlan = ToolPlan> {
  readonly kind: "tool";
  readonly tool: Tool<Plan>;
  readonly words: readonly string[];
  /** The same; words that are not UTF-8 are bytes. */
  readonly bytes: Words;
  readonly plan: Plan;
  readonly settings: Settings;
}

export interface Program {
  readonly kind: "program";
  readonly argv: readonly string[];
  /** The same; words that are not UTF-8 are bytes. */
  readonly bytes: Words;
}

export type Next = Link | Program;
