// SCMP_ACT_NOTIFY: another process, at a Unix socket, answers for calls of PROG (seccomp_unotify(2)). It gets the listener, and the
// container process state of the OCI runtime specification (config-linux.md, "The Container Process State").
import { type Context, readGiven } from "@contain-tools/chain";
import { connectTo, getpid, SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, sendMessage, ToolError, UsageError } from "@contain-tools/kernel";
import { installListening } from "./watcher.ts";

export interface Listener {
  /** Connected while planning: after pivot_root(2) the path means another file. */
  readonly socket: number;
  readonly path: string;
  readonly metadata: string;
  /** The container's state, as hooks get it. */
  readonly state: Readonly<Record<string, unknown>>;
}

/** @param file of --listener-state: the container's state as JSON. @throws UsageError if nobody listens */
export function connectListener(
  context: Context,
  { path, metadata }: { readonly path: string; readonly metadata: string },
  file: string | undefined,
): Listener {
  const state = readState(context, file);
  try {
    return { socket: connectTo(path), path, metadata, state };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(`listenerPath ${path}: nobody listens there: ${why}`, "start the agent that answers SCMP_ACT_NOTIFY first", 125, {
      cause: error,
    });
  }
}

function readState(context: Context, file: string | undefined): Record<string, unknown> {
  if (file === undefined) return { ociVersion: "1.0.2", id: "", status: "creating", bundle: "" };
  try {
    const state: unknown = JSON.parse(readGiven(context, "--listener-state", file).toString());
    if (typeof state === "object" && state !== null && !Array.isArray(state)) return state as Record<string, unknown>;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new UsageError(`--listener-state ${file}: it is not a JSON object`);
}

/** Installs the filter and sends its listener. @throws ToolError if it was not received */
export function installForListener(context: Context, program: Buffer, flags: number, { socket, path, metadata, state }: Listener): void {
  const pid = context.hostPid ?? getpid();
  const text = JSON.stringify({ ociVersion: state["ociVersion"], fds: ["seccompFd"], pid, metadata, state: { pid, ...state } });
  if (!installListening(context, program, flags, (listener) => sendMessage(socket, text, listener)))
    throw new ToolError(`listenerPath ${path}: the listener could not be sent`, "the agent there has closed the connection");
}

/** That flag is only for a filter with a listener (EINVAL). */
export const flagsFor = (flags: number, listener: unknown) =>
  listener === undefined ? flags & ~SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV : flags;
