// veth --show: both ends of each interface, as the kernel reports them on both sides.
import {
  addresses,
  close,
  type Interface,
  interfaces,
  namespaceId,
  namespaceNumber,
  openNetlink,
  openNetlinkOf,
  printable,
  type Route,
  routes,
} from "@contain-tools/kernel";
import { openNamespace } from "./steps.ts";

export interface Shown {
  readonly pid: number;
  readonly namespace: string;
  /** True for the caller's own namespace. */
  readonly own: boolean;
  readonly interfaces: readonly End[];
  readonly routes: readonly (Omit<Route, "index"> & { readonly name: string | undefined })[];
}

export interface End {
  readonly name: string;
  readonly up: boolean;
  readonly mac: string;
  readonly addresses: readonly string[];
  readonly kind: string | undefined;
  /** The other end of a veth pair, if it is in the caller's namespace. */
  readonly host: { readonly name: string; readonly up: boolean; readonly bridge: string | undefined } | undefined;
}

/** @throws ToolError, SyscallError EPERM, for another user's namespace */
export function look(pid: number): Shown {
  const namespace = openNamespace(pid);
  const there = openNetlinkOf(pid);
  const here = openNetlink();
  try {
    const outer = interfaces(here);
    const theirNumber = namespaceNumber(here, namespace);
    const inner = interfaces(there);
    const given = addresses(there);
    return {
      pid,
      namespace: namespaceId(pid, "net") ?? "?",
      own: namespaceId(pid, "net") === namespaceId("self", "net"),
      interfaces: inner.map((link) => ({
        name: link.name,
        up: link.up,
        mac: link.mac,
        kind: link.kind,
        addresses: given.filter(({ index }) => index === link.index).map(({ ip, prefix }) => `${ip}/${prefix}`),
        host: otherEnd(link, outer, theirNumber),
      })),
      routes: routes(there).map(({ to, gateway, index }) => ({ to, gateway, name: inner.find((link) => link.index === index)?.name })),
    };
  } finally {
    for (const fd of [here, there, namespace]) close(fd);
  }
}

/** Both ends must name each other: the same indexes exist in every namespace. */
function otherEnd(link: Interface, outer: readonly Interface[], theirNumber: number | undefined): End["host"] {
  if (link.kind !== "veth" || theirNumber === undefined) return undefined;
  const end = outer.find(({ index, peer, peerNamespace }) => index === link.peer && peer === link.index && peerNamespace === theirNumber);
  if (end === undefined) return undefined;
  return { name: end.name, up: end.up, bridge: outer.find(({ index }) => index === end.bridge)?.name };
}

/** Lines for a person. */
export function describe({ pid, namespace, own, interfaces: ends, routes: ways }: Shown): string {
  const lines = [
    `PID ${pid} is in ${namespace}${own ? ", the network namespace of this process" : ""}`,
    ...ends.flatMap(({ name, up, addresses: given, kind, host }) => [
      `${name}${kind === undefined ? "" : ` (${kind})`}: ${[up ? "up" : "down", ...given].join(", ")}`,
      ...(kind === "veth" && !own ? [`  other end: ${describeHost(host)}`] : []),
    ]),
    ...ways.map(
      ({ to, gateway, name }) => `${to === "0.0.0.0/0" ? "default" : to}${gateway === undefined ? "" : ` by ${gateway}`} on ${name ?? "?"}`,
    ),
  ];
  if (ways.length === 0) lines.push("no route: it reaches only itself");
  return lines.map((line) => `${printable(line)}\n`).join("");
}

function describeHost(host: End["host"]): string {
  if (host === undefined) return "cannot tell: not in this network namespace; `veth --show` in another one may see it";
  const { name, up, bridge } = host;
  return `${name} (${up ? "up" : "down"}${bridge === undefined ? ", on no bridge" : `, on ${bridge}`})`;
}
