// The destination of a published port: the container's address, or for an ordinary user pasta, since only pasta is inside.
import { close, freePorts } from "@contain-tools/kernel";
import type { Published } from "@contain-tools/pasta";
import type { Forwarded } from "./forward.ts";
import type { NetworkPlan } from "./plan.ts";

export interface Relays {
  /** What the supervisor itself passes on. */
  readonly forwarded: readonly Forwarded[];
  /** What pasta does. */
  readonly pasta: readonly Published[];
}

/**
 * TCP goes through a port of the host's loopback to pasta: from other addresses the pasta of Debian 12 passes a connection on only after
 * the client has sent something, so a server that speaks first would stay silent. pasta receives datagrams itself.
 *
 * @param fds of `listenFor`, in the order of --publish; unneeded ones are closed
 */
export function relaysOf({ by, publish }: NetworkPlan, ip: string, fds: readonly number[]): Relays {
  const wanted = publish.map((published, i) => ({ ...published, fd: fds[i] ?? -1 }));
  if (by === "veth") return { forwarded: wanted.map(({ fd, port, protocol }) => ({ fd, protocol, to: { ip, port } })), pasta: [] };
  const tcp = wanted.filter(({ protocol }) => protocol === "tcp");
  const udp = wanted.filter(({ protocol }) => protocol === "udp");
  for (const { fd } of udp) close(fd);
  const hosts = freePorts(tcp.length).map((port) => ({ ip: "127.0.0.1", port }));
  const relayed = tcp.map((published, i) => ({ ...published, host: hosts[i] ?? published.host }));
  return { forwarded: relayed.map(({ fd, protocol, host }) => ({ fd, protocol, to: host })), pasta: [...relayed, ...udp] };
}
