// The end of a container's network: its pair, and with the last container the bridge and the rule.
import { closeSync } from "node:fs";
import { failedWith, interfaces, openNetlink, removeLink, report } from "@contain-tools/kernel";
import { OURS } from "@contain-tools/veth";
import { locked } from "../names.ts";
import type { Lease } from "./lease.ts";
import { isMasquerading, stopMasquerade } from "./nat.ts";
import { networked } from "./pool.ts";

/**
 * Removes the pair, then calls `forget`, which ends the lease, and what nobody needs after that. Whoever starts meanwhile waits
 * for the lock, and makes the bridge again. What cannot be removed is told.
 */
export function leaveNetwork({ bridge, hostName }: Lease, forget: () => void): void {
  let forgotten = false;
  try {
    removeInterface(hostName); // the kernel takes it with the namespace, but some time later
    locked(() => {
      forget();
      forgotten = true;
      const others = networked();
      if (!others.some(({ network }) => network.bridge === bridge)) removeUnusedBridge(bridge);
      if (!others.some(({ network }) => network.nat) && isMasquerading()) stopMasquerade();
    });
  } catch (error) {
    report(error);
    if (!forgotten) forget();
  }
}

/** Bridges that we made and that have no port. */
function unusedBridges(): string[] {
  const all = listInterfaces();
  return all
    .filter(({ kind, alias, index }) => kind === "bridge" && alias === OURS && !all.some(({ bridge }) => bridge === index))
    .map(({ name }) => name);
}

function listInterfaces() {
  const fd = openNetlink();
  try {
    return interfaces(fd);
  } finally {
    closeSync(fd);
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

function removeInterface(name: string): void {
  const fd = openNetlink();
  try {
    const link = interfaces(fd).find((candidate) => candidate.name === name);
    if (link !== undefined) removeLink(fd, link.index);
  } catch (error) {
    if (!failedWith(error, "ENODEV")) throw error; // the kernel was faster
  } finally {
    closeSync(fd);
  }
}
