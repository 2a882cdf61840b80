// The paths of packets between a container and others, hook by hook, there and back.
import type { Answer, AnyPort, Packet } from "./match.ts";
import type { Ruleset } from "./ruleset.ts";
import { type Stop, walk } from "./walk.ts";

export type Side = "inside" | "host";

interface Step {
  readonly side: Side;
  readonly hook: "prerouting" | "input" | "forward" | "output" | "postrouting";
  readonly packet: Packet;
}

interface Trip {
  /** `a new connection from it to another network` */
  readonly what: string;
  readonly there: readonly Step[];
  readonly back: readonly Step[];
  /** Report if nothing masquerades it. */
  readonly leaves?: boolean;
}

/** Where the container is, as seen from the host. */
export interface Place {
  readonly ip: string;
  /** The bits of its network. */
  readonly prefix: number;
  /** Its interface, and the host's interface at which its packets arrive: the bridge. */
  readonly name: string;
  readonly bridge: string;
  /** The host's address on it. */
  readonly gateway: string | undefined;
  /** The host's own way out. */
  readonly uplink: string | undefined;
}

/** A client usually has a port that needs no privilege (ip(7), ip_local_port_range). */
const SOME: AnyPort = { from: 1024, to: 65535 };
const OUT = ["output", "postrouting"] as const;
const THROUGH = ["prerouting", "forward", "postrouting"] as const;
const IN = ["prerouting", "input"] as const;

/** A hook knows only the interfaces that are decided by then. */
function steps(side: Side, hooks: readonly Step["hook"][], packet: Packet): Step[] {
  return hooks.map((hook) => {
    const { iif, oif, ...rest } = packet;
    const has = { in: hook !== "output" && hook !== "postrouting", out: hook !== "prerouting" && hook !== "input" };
    return { side, hook, packet: { ...rest, ...(has.in ? { iif } : {}), ...(has.out ? { oif } : {}) } };
  });
}

/** The answer to a packet. */
const reply = ({ saddr, daddr, sport, dport, iif, oif, protocol }: Packet): Packet => ({
  ...{ saddr: daddr, daddr: saddr, sport: dport, dport: sport, iif: oif, oif: iif, protocol },
  state: "established",
});

/** To other networks: the kind of packet and its destination are not known. */
export function outward({ ip, prefix, name, bridge, uplink }: Place): Trip {
  const packet: Packet = { saddr: ip, daddr: { outside: ip, prefix }, sport: SOME, state: "new" };
  const passing: Packet = { ...packet, iif: bridge, oif: uplink };
  return {
    what: "a new connection from it to another network",
    there: [...steps("inside", OUT, { ...packet, oif: name }), ...steps("host", THROUGH, passing)],
    // The answer comes to the host's own address until conntrack has restored the container's, at prerouting.
    back: [...steps("host", ["forward", "postrouting"], reply(passing)), ...steps("inside", IN, reply({ ...packet, oif: name }))],
    leaves: true,
  };
}

/** To the host itself. */
export function toHost({ ip, name, bridge, gateway }: Place): Trip {
  const packet: Packet = { saddr: ip, daddr: gateway, sport: SOME, state: "new" };
  return {
    what: `a new connection from it to this host (${gateway})`,
    there: [...steps("inside", OUT, { ...packet, oif: name }), ...steps("host", IN, { ...packet, iif: bridge })],
    back: [...steps("host", OUT, reply({ ...packet, iif: bridge })), ...steps("inside", IN, reply({ ...packet, oif: name }))],
  };
}

/** To a neighbour on the bridge, where the kernel also passes frames through the IP rules. */
export function toNeighbour({ ip, bridge }: Place): Trip {
  const packet: Packet = { saddr: ip, sport: SOME, iif: bridge, oif: bridge, state: "new" };
  return {
    what: `a new connection from it to another container on ${bridge}`,
    there: steps("host", THROUGH, packet),
    back: steps("host", THROUGH, reply(packet)),
  };
}

export interface Port {
  readonly protocol: "tcp" | "udp";
  readonly host: number;
  readonly inside: number;
}

/** From the process on the host that forwards a published port, to the container. */
export function toPort({ ip, name, bridge, gateway }: Place, { protocol, inside }: Port): Trip {
  const packet: Packet = { saddr: gateway, daddr: ip, protocol, sport: SOME, dport: inside, state: "new" };
  return {
    what: `a packet from the host to its port ${inside}/${protocol}`,
    there: [...steps("host", OUT, { ...packet, oif: bridge }), ...steps("inside", IN, { ...packet, iif: name })],
    back: [...steps("inside", OUT, reply({ ...packet, iif: name })), ...steps("host", IN, reply({ ...packet, oif: bridge }))],
  };
}

/** From another host to a published port. */
export function fromOutside({ ip, prefix, uplink }: Place, { protocol, host }: Port): Trip {
  const packet: Packet = { saddr: { outside: ip, prefix }, iif: uplink, protocol, sport: SOME, dport: host, state: "new" };
  return {
    what: `a packet from another host to port ${host}/${protocol} of this one`,
    there: steps("host", IN, packet),
    back: steps("host", OUT, reply(packet)),
  };
}

export interface Outcome {
  readonly trip: Trip;
  /** Where it ends for certain. */
  readonly end: (Stop & { readonly side: Side; readonly back: boolean }) | undefined;
  /** Where it may end: rules that may or may not hold. */
  readonly perhaps: readonly (Stop & { readonly side: Side })[];
  readonly masqueraded: Answer;
}

/** Follows a trip, there and back, through the rules of both sides; rules that cannot be read are skipped. */
export function follow(trip: Trip, rules: Readonly<Record<Side, Ruleset | undefined>>): Outcome {
  const perhaps: (Stop & { readonly side: Side })[] = [];
  let masqueraded: Answer = false;
  let rewritten = false;
  for (const [list, back] of [
    [trip.there, false],
    [trip.back, true],
  ] as const) {
    for (const { side, hook, packet } of list) {
      const ruleset = rules[side];
      if (ruleset === undefined) continue;
      const known: Packet = rewritten
        ? { ...packet, daddr: undefined, dport: undefined, saddr: undefined, sport: undefined, oif: undefined }
        : packet;
      const walked = walk(ruleset, hook, known);
      if (side === "host" && walked.masqueraded !== false) masqueraded = masqueraded || walked.masqueraded;
      rewritten ||= walked.rewritten;
      const sure = rewritten ? undefined : walked.stops.find((stop) => stop.sure);
      const isNew = (stop: Stop) => !perhaps.some((other) => other.side === side && other.chain === stop.chain && other.rule === stop.rule);
      perhaps.push(...walked.stops.filter((stop) => stop !== sure && isNew(stop)).map((stop) => ({ ...stop, side })));
      if (sure !== undefined) return { trip, end: { ...sure, side, back }, perhaps, masqueraded };
    }
  }
  return { trip, end: undefined, perhaps, masqueraded };
}
