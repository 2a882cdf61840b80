// The supervisor's end of a container's pseudo-terminal: our own terminal, or in the background the log, and attached terminals.
import type { Context } from "@contain-tools/chain";
import {
  acceptFrom,
  close,
  hasEnded,
  join,
  listenAt,
  namespaceId,
  POLLIN,
  peerOf,
  type Source,
  sendDescriptor,
} from "@contain-tools/kernel";
import type { Spawned } from "@contain-tools/nsexec";
import { folderOf } from "@contain-tools/state";
import { keyboard, type Relay, startRelay } from "@contain-tools/terminal";

/** The socket of `contain attach`. */
export const attachSocketOf = (id: string) => join(folderOf(id), "attach");

/** Starts to relay. @param log the output of a background supervisor, which has no keyboard @param keep sees what the program writes */
export function relayTerminal(
  context: Context,
  id: string,
  spawned: Spawned,
  log: number | undefined,
  keep?: (chunk: Uint8Array) => void,
): Relay {
  const [input, output] = log === undefined ? [keyboard(context), 1] : [undefined, log];
  const relay: Relay = startRelay(spawned, {
    input,
    output,
    keep,
    onMaster: (master) => relay.sources.push(acceptAttachments(id, relay, master)),
  });
  return relay;
}

/**
 * True for a process in our user and PID namespaces with our uid or root's: a container's root has the same uid number, and a read-only
 * mount does not prevent connecting (unix(7)). The pidfd is checked last, so that the values read were the peer's.
 */
function isFromHere(socket: number): boolean {
  const peer = peerOf(socket);
  if (peer === undefined) return false;
  const { pid, uid, pidfd } = peer;
  const isSame = (kind: string) => namespaceId(pid, kind) !== undefined && namespaceId(pid, kind) === namespaceId("self", kind);
  const isTrusted = (uid === 0 || uid === process.geteuid?.()) && isSame("user") && isSame("pid") && !hasEnded(pidfd);
  close(pidfd);
  return isTrusted;
}

/**
 * A client gets the master itself, for keys and the window size, and from then on a copy of the output, since only one process can
 * read from a master.
 */
function acceptAttachments(id: string, relay: Relay, master: number): Source {
  const listener = listenAt(attachSocketOf(id));
  return {
    fd: listener,
    wants: () => POLLIN,
    ready: () => {
      const fd = acceptFrom(listener);
      if (fd === undefined) return;
      if (isFromHere(fd) && wasSent(fd, master)) relay.addReader(fd, () => close(fd));
      else close(fd);
    },
  };
}

/** False if the client is gone. */
function wasSent(socket: number, master: number): boolean {
  try {
    sendDescriptor(socket, master);
    return true;
  } catch {
    return false;
  }
}
