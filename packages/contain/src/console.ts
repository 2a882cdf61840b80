// The supervisor's end of a container's pseudo-terminal: our own terminal, or in the background its log, and whoever attaches.
import { closeSync } from "node:fs";
import { join } from "node:path";
import { acceptFrom, listenAt, POLLIN, type Source, sendDescriptor } from "@contain-tools/kernel";
import { keyboard, type Relay, type Spawned, startRelay } from "@contain-tools/nsexec";
import { folderOf } from "./state.ts";

/** The socket of `contain attach`. */
export const attachSocketOf = (id: string) => join(folderOf(id), "attach");

/** Starts to relay. @param log what a background supervisor, which has no keyboard, has for a screen */
export function relayTerminal(id: string, spawned: Spawned, log: number | undefined): Relay {
  const [input, output] = log === undefined ? [keyboard(), 1] : [undefined, log];
  const relay: Relay = startRelay(spawned, {
    input,
    output,
    onMaster: (master) => relay.sources.push(acceptAttachments(id, relay, master)),
  });
  return relay;
}

/**
 * Who connects gets the master itself, for keys and the window's size, and from then on a copy of the output, which only one
 * process can read from a master.
 */
function acceptAttachments(id: string, relay: Relay, master: number): Source {
  const listener = listenAt(attachSocketOf(id));
  return {
    fd: listener,
    wants: () => POLLIN,
    ready: () => {
      const fd = acceptFrom(listener);
      if (fd === undefined) return;
      try {
        sendDescriptor(fd, master);
      } catch {
        closeSync(fd); // it has gone again
        return;
      }
      relay.addReader(fd, () => closeSync(fd));
    },
  };
}
