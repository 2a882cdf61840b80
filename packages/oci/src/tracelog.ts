// The trace of a container's start: in the engine's log with the annotation contain.trace, or in the file CONTAIN_OCI_LOG.
import { openSync } from "node:fs";
import type { Context } from "@contain-tools/chain";
import { close, duplicate, setTracer } from "@contain-tools/kernel";
import { codeOf, OciError } from "./failure.ts";
import { type Log, lineOf } from "./log.ts";

/** This annotation asks for it; only our caller chooses the file. */
const ANNOTATION = "contain.trace";

/** Appends every system call of the links planned from here on. @throws OciError if it cannot be opened */
export function traceTo(context: Context, log: Log, annotations: Readonly<Record<string, string>> | undefined): void {
  const { CONTAIN_OCI_LOG: own } = process.env;
  const asked = annotations?.[ANNOTATION] ?? "";
  if (!own && (asked === "" || asked === "0" || asked === "false")) return;
  const file = own || log.file;
  const fd = file === undefined ? 2 : openLog(file);
  const kept = duplicate(fd, 3 + context.preserveFds); // below are the caller's
  if (fd !== 2) close(fd);
  context.env = { ...context.env, CONTAIN_TRACE: "1" }; // the program's environment comes from the configuration
  setTracer({ log: { fd: kept, line: (text) => (own || file === undefined ? `${text}\n` : lineOf(log.format, "debug", text)) } });
}

function openLog(file: string): number {
  try {
    return openSync(file, "a", 0o600);
  } catch (error) {
    throw new OciError(`the trace cannot be written to ${file}: ${codeOf(error) ?? error}`);
  }
}
