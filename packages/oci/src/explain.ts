// Errors in the words that engines look for: docker and podman turn "no such file or directory" and "executable file not found in $PATH"
// into 127, and "permission denied" into 126.
import type { Failure } from "@contain-tools/chain";
import { ToolError, UsageError } from "@contain-tools/kernel";
import { messageOf, OciError } from "./failure.ts";

/** A start that failed, as one line. @param program the program's own name */
export function textOfFailure({ tool, message, hint, status }: Failure, program: string): string {
  if (status === 127 || status === 126) return `exec: ${JSON.stringify(program)}: ${whyNot(program, status)} (${joined(message, hint)})`;
  return `${tool}: ${joined(message, hint)}`;
}

function whyNot(program: string, status: number): string {
  if (status === 126) return "permission denied";
  return program.includes("/") ? `stat ${program}: no such file or directory` : "executable file not found in $PATH";
}

const joined = (message: string, hint: string | undefined): string =>
  (hint === undefined ? message : `${message}: ${hint}`).replaceAll("\n", " ");

/** Any error as one line. */
export function textOf(error: unknown): string {
  if (error instanceof ToolError || error instanceof UsageError) return joined(error.message, error.hint);
  if (error instanceof OciError || (error instanceof Error && "code" in error)) return error.message;
  return `this is a bug in contain-oci: ${error instanceof Error ? (error.stack ?? error.message) : messageOf(error)}`.replaceAll(
    "\n",
    " ",
  );
}
