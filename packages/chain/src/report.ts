// What a person sees: the steps as they are taken, and a failure as the attempt, with the rule and the fix on a second line.
import {
  type CloneArgs,
  clone3,
  codeOf,
  type Diagnosis,
  ERRNO,
  ExecError,
  exit,
  printable,
  SyscallError,
  say,
  strangeProc,
  ToolError,
  tracer,
  write,
} from "@contain-tools/kernel";
import type { Context } from "./context.ts";

/** A step, with --verbose; `dress` adds colours last. */
export function sayStep({ verbose, label = tracer.tool }: Context, text: string, dress?: (line: string) => string): void {
  if (verbose) say(`[${label}] ${dress === undefined ? printable(text) : dress(printable(text))}\n`);
}

/** A write to a group's file: `memory.max <- 67108864`. */
export function sayWrite({ saysWrites, label = tracer.tool }: Context, file: string, value: string): void {
  if (saysWrites) say(`[${label}] ${printable(`${file} <- ${value}`)}\n`);
}

/** The tool that an error is about: the innermost link being planned or carried out. */
const owners = new WeakMap<Error, string>();

export function blame(error: unknown, tool: string): void {
  if (error instanceof Error && !owners.has(error)) owners.set(error, tool);
}

const ownerOf = (error: unknown) => (error instanceof Error ? owners.get(error) : undefined) ?? tracer.tool;

/** A remark on standard error, under the name of the tool at work. */
export function warn(text: string): void {
  say(`${tracer.tool}: ${printable(text)}\n`);
}

/** The text of a failure: under the name of the tool, with the rule and the fix on a second line. */
export function textOf({ tool, message, hint }: Pick<Failure, "tool" | "message" | "hint">): string {
  const more = hint === undefined ? "" : `${" ".repeat(tool.length + 2)}${printable(hint)}\n`;
  return `${tool}: ${printable(message)}\n${more}`;
}

/** Reports `error` on standard error under the name of the tool at work, and returns its exit status. */
export function report(error: unknown): number {
  const tool = ownerOf(error);
  if (error instanceof ToolError) {
    say(textOf({ tool, message: error.message, hint: error.hint }));
    const strange = error instanceof SyscallError && error.args[0]?.startsWith('"/proc/') ? strangeProc() : undefined;
    if (strange !== undefined) say(`${" ".repeat(tool.length + 2)}${strange.text}; ${strange.fix}\n`);
    return error.status;
  }
  if (error instanceof Error && Object.hasOwn(ERRNO, codeOf(error) ?? "")) {
    say(`${tool}: ${printable(error.message)}\n`); // from node:fs, whose message has the call, the path and the errno
    return 125;
  }
  const lines = error instanceof Error ? (error.stack ?? error.message) : String(error);
  say(
    `${tool}: this is a bug in ${tool}: ${lines
      .split("\n")
      .map((line) => printable(line))
      .join("\n")}\n`,
  );
  return 125;
}

/** What a supervisor learns about a start that failed. */
export interface Failure {
  readonly tool: string;
  readonly message: string;
  readonly hint: string | undefined;
  /** The exit status: 125, or 126 and 127 if it is about the program. */
  readonly status: number;
  /** True if the program could not be executed. */
  readonly diagnosis: Diagnosis | undefined;
}

/** Reads the first failure from the failure pipe, which somebody else may have written to. */
export function parseFailure(lines: string): Failure {
  try {
    const failure = JSON.parse(lines.split("\n", 1)[0] ?? "") as Partial<Failure> | null;
    if (typeof failure?.tool === "string" && typeof failure.message === "string") return failure as Failure;
  } catch {
    // not JSON
  }
  return {
    tool: "nsexec",
    message: "the report of the start is malformed",
    hint: undefined,
    status: 125,
    diagnosis: undefined,
  };
}

export function failureOf(error: unknown): Failure {
  return {
    tool: ownerOf(error),
    message: error instanceof Error ? error.message : String(error),
    hint: error instanceof ToolError ? error.hint : undefined,
    status: error instanceof ToolError ? error.status : 125,
    diagnosis: error instanceof ExecError ? error.diagnosis : undefined,
  };
}

/** The line that reports a failure to a supervisor. */
export function lineOf(failure: Failure): string {
  return `${JSON.stringify(failure)}\n`;
}

/** Ends this process with an explanation. */
export function fail({ failurePipe, quiet }: Context, error: unknown): never {
  const status = failurePipe !== undefined && quiet && error instanceof ToolError ? error.status : report(error);
  if (failurePipe !== undefined) {
    try {
      write(failurePipe, lineOf(failureOf(error)));
    } catch {
      // the supervisor is gone
    }
  }
  return exit(status);
}

/** clone3(2), with a child that reports what it throws. @throws SyscallError */
export function fork(context: Context, args: CloneArgs, child: (context: Context) => never): number {
  return clone3(args, () => {
    try {
      return child(context);
    } catch (error) {
      return fail(context, error);
    }
  });
}
