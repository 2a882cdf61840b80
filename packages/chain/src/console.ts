// The console of a chain: a link inside makes a pseudo-terminal and sends its master to the supervisor outside, over a socket made before
// the fork. The slave becomes the program's controlling terminal and its descriptors 0, 1 and 2.
import {
  close,
  dup2,
  duplicate,
  getAttributes,
  openMaster,
  openPeer,
  sendDescriptor,
  setAttributes,
  setControllingTerminal,
  setsid,
  setTracer,
  setWindowSize,
  ToolError,
  tracer,
  windowSize,
} from "@contain-tools/kernel";
import type { Context } from "./context.ts";

const DEFAULT_SIZE = { rows: 24, columns: 80 };

/**
 * Makes a pseudo-terminal by `ptmx`, with the attributes and the size of the terminal that this process still has, and hands
 * its master over.
 *
 * @returns the slave
 * @throws ToolError if nobody outside holds the other end
 */
export function makeConsole(context: Context, ptmx: string): number {
  const { consoleSocket } = context;
  if (consoleSocket === undefined) {
    throw new ToolError(
      "--tty: nobody holds the other end of the pseudo-terminal",
      "an `nsexec --tty` before this link does: nsexec --tty --pid -- pivot --tty ROOTFS",
    );
  }
  const master = openMaster(ptmx);
  const slave = openPeer(master);
  const terminal = [0, 1, 2].find((fd) => getAttributes(fd) !== undefined);
  const attributes = terminal === undefined ? undefined : getAttributes(terminal);
  if (attributes !== undefined) setAttributes(master, attributes);
  setWindowSize(master, (terminal === undefined ? undefined : windowSize(terminal)) ?? DEFAULT_SIZE);
  sendDescriptor(consoleSocket, master);
  close(consoleSocket);
  close(master);
  context.consoleSocket = undefined;
  return slave;
}

/** Gives descriptors 0, 1 and 2 to the program; this process's own messages still go to its old standard error. */
export function replaceStdio(context: Context, input: number, output: number, errors = output): void {
  if (tracer.fd === 2) setTracer({ fd: duplicate(2, 3 + context.preserveFds) });
  dup2(input, 0);
  dup2(output, 1);
  dup2(errors, 2);
  context.launch = { ...context.launch, closed: [] };
}

/** Makes the slave the controlling terminal of a new session, and its descriptors 0, 1 and 2. @throws SyscallError EPERM */
export function enterConsole(context: Context, slave: number): void {
  setsid();
  setControllingTerminal(slave);
  replaceStdio(context, slave, slave);
  close(slave);
  context.ownTerminal = true;
}
