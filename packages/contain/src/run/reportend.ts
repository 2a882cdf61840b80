// The last lines of a run, and the same as one object.
import type { Finding } from "@contain-tools/chain";
import { type Context, sayStep, warn } from "@contain-tools/chain";
import { describeStatus, describeUsage, formatTime, type Outcome, printed, type Usage } from "@contain-tools/explain";
import { codeOf, shellStatus, writeFile } from "@contain-tools/kernel";
import type { RunPlan } from "./plan.ts";

export interface End {
  readonly status: number;
  readonly reason: string;
  readonly verdict: readonly Finding[];
  /** The program did run. */
  readonly started: boolean;
  readonly outcome: Outcome;
  readonly milliseconds: number;
}

export interface Ending {
  readonly outcome: Outcome;
  readonly usage: Usage | undefined;
  /** The tool that failed before the program was started. */
  readonly failed: string | undefined;
  readonly verdict: readonly Finding[];
  readonly milliseconds: number;
}

/** Says how the container ended and what it used, and writes the file of --json. */
export function reportEnd(context: Context, { id, json, argv }: RunPlan, { outcome, usage, failed, verdict, milliseconds }: Ending): End {
  const status = shellStatus(outcome.status);
  const reason = failed === undefined ? describeStatus(outcome.status) : `${failed} failed (exit status ${status})`;
  sayStep(context, failed === undefined ? `container exited: ${reason}` : `container did not start: ${reason}`);
  const used = usage === undefined ? undefined : describeUsage(usage);
  if (failed === undefined) sayStep(context, `it ran ${formatTime(milliseconds)}${used === undefined ? "" : `; ${used}`}`);
  const started = failed === undefined;
  if (json !== undefined) writeJson(json, { id, argv, started, status, reason, verdict, milliseconds, usage });
  return { status, reason, verdict, started, outcome, milliseconds };
}

/** The program's status takes precedence over a failure to write the file. */
function writeJson(path: string, report: unknown): void {
  const text = `${JSON.stringify(report)}\n`;
  try {
    if (path === "-") printed(text);
    else writeFile(path, text);
  } catch (error) {
    warn(`--json ${path}: could not be written: ${codeOf(error) ?? String(error)}`);
  }
}
