// Plan to kernel calls: the bridge, the pair, the address and the routes.
import { type Context, sayStep } from "@contain-tools/chain";
import {
  type Address,
  addAddress,
  addBridge,
  addDefaultRoute,
  addresses,
  addVeth,
  closeQuietly,
  codeOf,
  failedWith,
  type Interface,
  interfaces,
  namespaceId,
  open,
  openNetlink,
  procDirectory,
  readIfThere,
  removeLink,
  setUp,
  statFields,
  ToolError,
  UsageError,
  type Whose,
} from "@contain-tools/kernel";
import type { Pair } from "./cli.ts";

/** The alias of bridges that we made: gc removes only those. */
export const OURS = "contain";

/** Connects the network namespace of a process, or our own with that of our parent. @throws SyscallError, ToolError; no pair is left behind */
export function connect(context: Context, pid: number | undefined, pair: Pair): void {
  const host = pid === undefined ? parentOf() : "self";
  const inside = openNamespace(pid ?? "self", context.inside);
  const outside = host === "self" ? undefined : openNamespace(host, context.inside);
  if (namespaceId(host, "net") === namespaceId(pid ?? "self", "net")) {
    throw new UsageError(
      pid === undefined
        ? "this process is in the network namespace of its parent"
        : `PID ${pid} is in the network namespace of this process`,
      "a pair needs two namespaces: make a new one first, with nsexec --net",
    );
  }
  const there = openNetlink(inside);
  const here = openNetlink(outside);
  try {
    wire(context, { here, there, inside }, pair, pair.hostName ?? `contain-${pid ?? ownPid()}`);
  } finally {
    for (const fd of [there, here, inside, ...(outside === undefined ? [] : [outside])]) closeQuietly(fd);
  }
}

interface Sides {
  /** Sockets to both namespaces, and a descriptor of the one inside. */
  readonly here: number;
  readonly there: number;
  readonly inside: number;
}

function wire(context: Context, { here, there, inside }: Sides, { bridge, address, gateway, name }: Pair, hostName: string): void {
  const gate = { ip: gateway, prefix: address.prefix };
  const port = ensureBridge(context, here, bridge, gate);
  sayStep(context, `connecting ${name} (${address.ip}/${address.prefix}) to ${bridge} by ${hostName}`);
  addVeth(here, { name: hostName, bridge: port, peer: name, mac: macOf(address.ip), namespace: inside });
  const outer = find(here, hostName);
  try {
    const inner = find(there, name);
    const lo = interfaces(there).find((link) => link.name === "lo");
    if (lo !== undefined && !lo.up) setUp(there, lo.index);
    setUp(there, inner.index);
    addAddress(there, inner.index, address);
    addDefaultRoute(there, inner.index, gateway);
    // The end on the host goes up last: the bridge would admit a port with its other end down only after the kernel's link watch
    // runs again, up to a second later (net/core/link_watch.c).
    setUp(here, outer.index);
  } catch (error) {
    removeLink(here, outer.index);
    throw error;
  }
}

/**
 * A MAC address that is locally administered and has an IP address in it. A neighbour that has noted it (arp(7)) reaches the next container
 * with this IP address, too; another MAC address would be asked for half a minute later.
 */
export const macOf = (ip: string) => Buffer.from([2, 0x42, ...ip.split(".").map(Number)]);

/** Finds a bridge, or makes it with the gateway's address; an existing address stays. Returns its index. */
function ensureBridge(context: Context, fd: number, name: string, gateway: Address): number {
  try {
    addBridge(fd, name, { alias: OURS, mac: macOf(gateway.ip) });
    sayStep(context, `made the bridge ${name} (${gateway.ip}/${gateway.prefix})`);
  } catch (error) {
    if (!failedWith(error, "EEXIST")) throw error;
  }
  const bridge = find(fd, name);
  if (bridge.kind !== "bridge")
    throw new ToolError(`--bridge ${name}: this interface is not a bridge`, "choose another name; a missing bridge is made");
  if (!addresses(fd).some(({ index }) => index === bridge.index)) {
    try {
      addAddress(fd, bridge.index, gateway);
    } catch (error) {
      if (!failedWith(error, "EEXIST")) throw error; // another container has just made it
    }
  }
  if (!bridge.up) setUp(fd, bridge.index);
  return bridge.index;
}

function find(fd: number, name: string): Interface {
  const link = interfaces(fd).find((candidate) => candidate.name === name);
  if (link === undefined) throw new ToolError(`${name}: the interface is gone`, "another process has just removed it");
  return link;
}

/** A descriptor of a network namespace. @param behind where this process is now, if it has moved @throws ToolError */
export function openNamespace(process: Whose, behind?: string): number {
  const path = `${procDirectory(process)}/ns/net`;
  try {
    return open(path);
  } catch (error) {
    throw new ToolError(
      `${path}: ${codeOf(error)}`,
      behind === undefined
        ? "an ended process has no namespaces; those of another user's process need permission to trace it (ptrace(2))"
        : "after a pivot the host's /proc is gone: put veth before it",
      125,
      { cause: error },
    );
  }
}

/** Our parent's PID in /proc: getppid(2) is 0 in a new PID namespace. */
function parentOf(): string {
  return statFields(readIfThere("/proc/self/stat") ?? "")[1] ?? "0";
}

function ownPid(): number {
  return Number(readIfThere("/proc/self/stat")?.split(" ")[0] ?? 0);
}
