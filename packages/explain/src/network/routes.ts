// The routes of a container's packets: whether the host forwards them and accepts them from where they come, and its rules.
import { closeSync } from "node:fs";
import type { Finding } from "@contain-tools/chain";
import { interfaces, interfaceTo, openNetlink, readIfThere } from "@contain-tools/kernel";
import type { Lease } from "@contain-tools/state";
import { look, type Shown } from "@contain-tools/veth";
import { fact, is } from "../process/finding.ts";
import { explainFilter } from "./netfilter/findings.ts";
import type { Place, Port } from "./netfilter/trips.ts";

const RULE = "rtnetlink(7)";
const EVERYWHERE = "0.0.0.0/0";

/** @param lease of the container that owns the network; undefined for another process */
export function explainWays(shown: Shown, lease: Lease | undefined): Finding[] {
  const place = placeOf(shown);
  const out = shown.routes.some(({ to }) => to === EVERYWHERE);
  if (place === undefined) return [route(shown)];
  const stopped = out ? notForwarded(place) : [];
  return [
    route(shown),
    ...stopped,
    ...notExpected(place),
    ...explainFilter(shown.pid, { place, ports: (lease?.publish ?? []).flatMap(portOf), forwards: out && stopped.length === 0 }),
  ];
}

function route({ pid, routes }: Shown): Finding {
  const proof = fact(
    `RTM_GETROUTE of PID ${pid}`,
    routes.map(({ to, gateway, name }) => `${to}${gateway ? ` by ${gateway}` : ""} on ${name}`).join("; "),
    RULE,
  );
  const leading = routes.find(({ to }) => to === EVERYWHERE);
  if (leading !== undefined)
    return is("network-route", `packets to other networks go by ${leading.gateway ?? "nobody"} on ${leading.name ?? "?"}`, [proof]);
  const known = routes.map(({ to }) => to).join(", ") || "its own namespace";
  const text = `it has no default route: to whoever is not in ${known} connect(2) says ENETUNREACH, "no route"`;
  return is("network-no-route", text, [proof]);
}

/** undefined if neither end of a pair is here. */
function placeOf({ interfaces: ends, routes }: Shown): Place | undefined {
  const leading = routes.find(({ to }) => to === EVERYWHERE)?.name;
  const connected = ends.filter(({ host, addresses }) => host !== undefined && addresses.length > 0);
  const end = connected.find(({ name }) => name === leading) ?? connected[0];
  if (end?.host === undefined) return undefined;
  const here = look(process.pid);
  const bridge = end.host.bridge ?? end.host.name;
  const [ip = "", bits] = (end.addresses[0] ?? "").split("/");
  return {
    ip,
    prefix: Number(bits),
    name: end.name,
    bridge,
    gateway: here.interfaces.find(({ name }) => name === bridge)?.addresses.map(withoutBits)[0],
    uplink: here.routes.find(({ to }) => to === EVERYWHERE)?.name,
  };
}

const withoutBits = (address: string) => address.replace(/\/.*/, "");

const setting = (name: string) => {
  const path = `/proc/sys/net/ipv4/${name}`;
  const value = readIfThere(path)?.trim() ?? "";
  return { value, proof: fact(path, value, "ip-sysctl.rst") };
};

/** Packets are forwarded if the interface at which they arrive forwards; ip_forward sets all of them (ip-sysctl.rst). */
function notForwarded({ bridge, uplink }: Place): Finding[] {
  const off = [bridge, ...(uplink === undefined ? [] : [uplink])]
    .map((name) => setting(`conf/${name}/forwarding`))
    .filter(({ value }) => value === "0");
  if (off.length > 0) {
    const text = "this host passes none of them on, so other hosts do not answer: they time out";
    const proof = [...off, setting("ip_forward")].map((item) => item.proof);
    return [is("network-not-forwarded", text, proof, "contain run --nat")];
  }
  if (uplink !== undefined) return [];
  const proof = fact(`RTM_GETROUTE of PID ${process.pid}`, "no default route", RULE);
  return [is("network-host-no-route", 'this host has no default route either: it answers them with ENETUNREACH, "no route"', [proof])];
}

/** The reverse path filter: a packet must arrive at the interface by which an answer would leave. */
function notExpected({ ip, bridge }: Place): Finding[] {
  const fd = openNetlink();
  let out: string | undefined;
  try {
    const index = interfaceTo(fd, ip);
    out = interfaces(fd).find((link) => link.index === index)?.name;
  } finally {
    closeSync(fd);
  }
  if (out === bridge) return [];
  const way = fact(`RTM_GETROUTE to ${ip}, on this host`, out ?? "no route", RULE);
  const filters = ["conf/all/rp_filter", `conf/${bridge}/rp_filter`].map(setting);
  const lost = is(
    "network-way-back",
    `this host sends what is for ${ip} ${out === undefined ? "nowhere" : `to ${out}`}, and not to ${bridge}: it gets no answer`,
    [way],
  );
  const strictest = Math.max(...filters.map(({ value }) => Number(value)));
  if (strictest !== 1 && !(strictest === 2 && out === undefined)) return [lost];
  const text = `the reverse path filter drops its packets on ${bridge}: they do not come from where answers to ${ip} would go`;
  return [lost, is("network-rp-filter", text, [way, ...filters.map(({ proof }) => proof)], `a route to ${ip} by ${bridge}`)];
}

function portOf(text: string): Port[] {
  const [, host, inside, protocol] = /^.*:(\d+):(\d+)\/(tcp|udp)$/.exec(text) ?? [];
  return protocol === "tcp" || protocol === "udp" ? [{ protocol, host: Number(host), inside: Number(inside) }] : [];
}
