// The console of a chain: a link that is inside makes a pseudo-terminal and hands its master to the supervisor outside, over a
// socket that was made before the fork. The slave becomes the program's controlling terminal and its descriptors 0, 1 and 2.
import {
  close,
  consoleSocket,
  dup2,
  duplicate,
  getAttributes,
  messages,
  openMaster,
  openPeer,
  sendDescriptor,
  setAttributes,
  setControllingTerminal,
  setsid,
  setWindowSize,
  ToolError,
  windowSize,
} from "@contain-tools/kernel";
import { payload } from "./payload.ts";

const DEFAULT_SIZE = { rows: 24, columns: 80 };

/**
 * Makes a pseudo-terminal by `ptmx`, with the attributes and the size of the terminal that this process still has, and hands
 * its master over.
 *
 * @returns the slave
 * @throws ToolError when nobody outside holds the other end
 */
export function makeConsole(ptmx: string): number {
  if (consoleSocket.fd === -1) {
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
  sendDescriptor(consoleSocket.fd, master);
  close(consoleSocket.fd);
  close(master);
  consoleSocket.fd = -1;
  return slave;
}

/** Gives descriptors 0, 1 and 2 to the program that comes; what this process still has to say goes to where its errors went. */
export function replaceStdio(input: number, output: number, errors = output): void {
  if (messages.fd === 2) messages.fd = duplicate(2, 3 + payload.preserveFds);
  dup2(input, 0);
  dup2(output, 1);
  dup2(errors, 2);
  payload.launch = { ...payload.launch, closed: [] };
}

/** Makes the slave the controlling terminal of a new session, and its descriptors 0, 1 and 2. @throws SyscallError EPERM */
export function enterConsole(slave: number): void {
  setsid();
  setControllingTerminal(slave);
  replaceStdio(slave, slave);
  close(slave);
  payload.ownTerminal = true;
}
