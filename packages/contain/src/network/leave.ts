// Removes a container's network: its pair, and with the last container the bridge and the rule.
import { report } from "@contain-tools/chain";
import { close, failedWith, type Interface, interfaces, openNetlink, removeLink } from "@contain-tools/kernel";
import type { Lease } from "@contain-tools/state";
import { isAlive, locked, networked, readStates, statusOf } from "@contain-tools/state";
import { macOf, OURS } from "@contain-tools/veth";
import { BRIDGE, NETWORK } from "./constants.ts";
import { isMasquerading, stopMasquerade } from "./nat.ts";

/**
 * Removes the pair, calls `forget`, which ends the lease, and then removes what is no longer needed. A container that starts in the
 * meantime waits for the lock, and makes the bridge again. Failures are reported.
 */
export function leaveNetwork({ bridge, hostName }: Lease, forget: () => void): void {
  if (bridge === undefined || hostName === undefined) {
    forget(); // pasta has ended and left nothing
    return;
  }
  attempt(() => removeInterface(hostName)); // the kernel removes it with the namespace, but some time later
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

/** Reports an error and goes on. */
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

/** Recognised by its alias, or if its maker was killed before setting that, by its address. */
function isOurs({ kind, alias, name, mac }: Interface): boolean {
  if (kind !== "bridge") return false;
  return (
    alias === OURS ||
    (alias === undefined &&
      name === BRIDGE &&
      mac ===
        macOf(NETWORK.ip)
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

/** Bridges that no container uses or is about to use. A bridge with a port of a hand-typed `veth` is not among them. */
export function orphanedBridges(): string[] {
  const used = new Set(networked().map(({ network }) => network.bridge));
  return unusedBridges().filter((name) => !used.has(name));
}

/** A bridge that we did not make, or that still has ports, stays. */
export function removeUnusedBridge(name: string): void {
  if (unusedBridges().includes(name)) removeInterface(name);
}

/** Host ends left by dead containers: another process is still in the network namespace, so the address is in use. */
export function removeDeadEnds(): void {
  for (const state of readStates()) {
    const { network, init, ended } = state;
    const isDead = ended === undefined && statusOf(state) === "dead" && !(init !== undefined && isAlive(init));
    if (isDead && network?.hostName !== undefined) removeInterface(network.hostName);
  }
}

/** Does nothing if there is none. @throws SyscallError EPERM */
export function removeInterface(name: string): void {
  const fd = openNetlink();
  try {
    const link = interfaces(fd).find((candidate) => candidate.name === name);
    if (link !== undefined) removeLink(fd, link.index);
  } catch (error) {
    if (!failedWith(error, "ENODEV")) throw error; // the kernel has just removed it
  } finally {
    close(fd);
  }
}
