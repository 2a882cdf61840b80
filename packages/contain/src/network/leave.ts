// The end of a container's network: its pair, and with the last container the bridge and the rule.
import { report } from "@contain-tools/chain";
import { close, failedWith, type Interface, interfaces, openNetlink, removeLink } from "@contain-tools/kernel";
import type { Lease } from "@contain-tools/state";
import { isAlive, locked, networked, readStates, statusOf } from "@contain-tools/state";
import { bridgeMac, OURS } from "@contain-tools/veth";
import { BRIDGE, NETWORK } from "./constants.ts";
import { isMasquerading, stopMasquerade } from "./nat.ts";

/**
 * Removes the pair, then calls `forget`, which ends the lease, and what nobody needs after that. Whoever starts meanwhile waits
 * for the lock, and makes the bridge again. What cannot be removed is told.
 */
export function leaveNetwork({ bridge, hostName }: Lease, forget: () => void): void {
  if (bridge === undefined || hostName === undefined) {
    forget(); // pasta has ended, and nothing of it is left
    return;
  }
  attempt(() => removeInterface(hostName)); // the kernel takes it with the namespace, but some time later
  let forgotten = false;
  attempt(() =>
    locked(() => {
      forget();
      forgotten = true;
      const others = networked();
      if (!others.some(({ network }) => network.bridge === bridge)) attempt(() => removeUnusedBridge(bridge));
      if (!others.some(({ network }) => network.nat) && isMasquerading()) attempt(stopMasquerade);
    }),
  );
  if (!forgotten) forget();
}

/** What cannot be done is told, and does not keep the rest from being done. */
function attempt(act: () => void): void {
  try {
    act();
  } catch (error) {
    report(error);
  }
}

/** Bridges that we made and that have no port. */
function unusedBridges(): string[] {
  const all = listInterfaces();
  return all.filter((link) => isOurs(link) && !all.some(({ bridge }) => bridge === link.index)).map(({ name }) => name);
}

/** By its alias; whoever was killed before it had one is known by the address that the bridge was made with. */
function isOurs({ kind, alias, name, mac }: Interface): boolean {
  if (kind !== "bridge") return false;
  return (
    alias === OURS ||
    (alias === undefined &&
      name === BRIDGE &&
      mac ===
        bridgeMac(NETWORK.ip)
          .toString("hex")
          .replace(/..(?=.)/g, "$&:"))
  );
}

function listInterfaces() {
  const fd = openNetlink();
  try {
    return interfaces(fd);
  } finally {
    close(fd);
  }
}

/** Those that no container is about to use; undoes nothing of a `veth` that is typed by hand and has connected something. */
export function orphanedBridges(): string[] {
  const used = new Set(networked().map(({ network }) => network.bridge));
  return unusedBridges().filter((name) => !used.has(name));
}

/** A bridge that somebody else made, or that still has ports, stays. */
export function removeUnusedBridge(name: string): void {
  if (unusedBridges().includes(name)) removeInterface(name);
}

/** The ends that dead containers left on the host: somebody else is in the network namespace still, and keeps the address in use. */
export function removeDeadEnds(): void {
  for (const state of readStates()) {
    const { network, init, ended } = state;
    const isDead = ended === undefined && statusOf(state) === "dead" && !(init !== undefined && isAlive(init));
    if (isDead && network?.hostName !== undefined) removeInterface(network.hostName);
  }
}

/** Nothing happens when it is not there. @throws SyscallError EPERM */
export function removeInterface(name: string): void {
  const fd = openNetlink();
  try {
    const link = interfaces(fd).find((candidate) => candidate.name === name);
    if (link !== undefined) removeLink(fd, link.index);
  } catch (error) {
    if (!failedWith(error, "ENODEV")) throw error; // the kernel was faster
  } finally {
    close(fd);
  }
}
