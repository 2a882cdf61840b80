// Which rule drops the packets of a container, or that none does, with the rule as nft shows it.

import type { Evidence, Finding } from "@contain-tools/chain";
import { readIfThere } from "@contain-tools/kernel";
import { cannotTell, fact, is } from "../../process/finding.ts";
import { type Ruleset, readRuleset } from "./ruleset.ts";
import { follow, fromOutside, type Outcome, outward, type Place, type Port, type Side, toHost, toNeighbour, toPort } from "./trips.ts";
import type { Stop } from "./walk.ts";

const BRIDGE_CALLS = "/proc/sys/net/bridge/bridge-nf-call-iptables";
const WHERE: Readonly<Record<Side, string>> = { inside: "in its network namespace", host: "on this host" };

export interface Wanted {
  readonly place: Place;
  readonly ports: readonly Port[];
  /** This host forwards packets. */
  readonly forwards: boolean;
}

/** @param pid of a process in the network namespace */
export function explainFilter(pid: number, { place, ports, forwards }: Wanted): Finding[] {
  const read: Readonly<Record<Side, Ruleset | string>> = { inside: readRuleset(pid), host: readRuleset() };
  const rules = { inside: usable(read.inside), host: usable(read.host) };
  const trips = [
    ...(forwards && place.uplink !== undefined ? [outward(place)] : []),
    ...(place.gateway === undefined ? [] : [toHost(place)]),
    ...(readIfThere(BRIDGE_CALLS)?.trim() === "1" ? [toNeighbour(place)] : []),
    ...ports.flatMap((port) => [toPort(place, port), ...(place.uplink === undefined ? [] : [fromOutside(place, port)])]),
  ];
  const outcomes = trips.map((trip) => follow(trip, rules));
  const unknown = (["inside", "host"] as const).flatMap((side) => [
    ...unread(side, read[side]),
    ...legacy(side, pid),
    ...lower(side, rules[side]),
  ]);
  const free = outcomes.filter(({ end, perhaps }) => end === undefined && perhaps.length === 0);
  return [
    ...outcomes.flatMap(tell),
    ...outcomes.flatMap((outcome) => notMasqueraded(outcome, place, rules.host)),
    ...(free.length === 0 || unknown.length > 0 ? [] : [passed(free, rules)]),
    ...unknown,
  ];
}

const usable = (rules: Ruleset | string) => (typeof rules === "string" ? undefined : rules);

function tell({ trip, end, perhaps }: Outcome): Finding[] {
  const shown = perhaps.slice(0, 4).map(evidenceOf);
  if (end !== undefined) {
    const { side, kind, back, rule, chain } = end;
    const which = back ? `the answer to ${trip.what}` : trip.what;
    const told = kind === "reject" && !back ? "who connects is told so (ECONNREFUSED, EHOSTUNREACH)" : "it times out (ETIMEDOUT)";
    const by = perhaps.length > 0 ? ", at the latest" : "";
    const place = `${ruleName(end)} of the chain ${chain.name} (table ${chain.family} ${chain.table}) ${WHERE[side]}`;
    const fix =
      rule === undefined
        ? `a rule of that chain that accepts it: nft add rule ${nameOf(end)} …`
        : `if it is not meant so: nft delete rule ${nameOf(end)} handle ${rule.handle}`;
    const text = `${which} is ${kind === "reject" ? "rejected" : "dropped"}${by} by ${place}: ${told}`;
    return [is("network-dropped", text, [evidenceOf(end), ...shown], fix)];
  }
  if (perhaps.length === 0) return [];
  const names = perhaps.slice(0, 3).map((stop) => `${ruleName(stop)} of ${nameOf(stop)} ${WHERE[stop.side]}`);
  const would = "the rule's counter would tell, if it has one and grows";
  return [
    cannotTell(
      "network-perhaps-dropped",
      `whether ${trip.what} is dropped: it depends on more than is known of it, at ${names.join(", ")}`,
      shown,
      would,
    ),
  ];
}

const nameOf = ({ chain }: Stop) => `${chain.family} ${chain.table} ${chain.name}`;
const ruleName = ({ rule }: Stop) => (rule === undefined ? "the policy" : `the rule \`${rule.text}\``);

function evidenceOf(stop: Stop & { readonly side: Side }): Evidence {
  const { rule, chain, side } = stop;
  const source = `nft -a list ruleset ${WHERE[side]}, ${nameOf(stop)}`;
  const value =
    rule === undefined ? `hook ${chain.hook} priority ${chain.priority}; policy ${chain.policy}` : `${rule.text} # handle ${rule.handle}`;
  return fact(source, value, "nft(8)");
}

/** Without masquerading the packets leave, but nobody outside knows the way back. */
function notMasqueraded({ trip, end, masqueraded }: Outcome, { ip, uplink }: Place, rules: Ruleset | undefined): Finding[] {
  if (!trip.leaves || end !== undefined || masqueraded !== false || rules === undefined) return [];
  const proof = fact(`nft -a list ruleset ${WHERE.host}`, `no masquerade and no snat for ${ip} on ${uplink}`, "nft(8), NAT STATEMENTS");
  return [
    is(
      "network-not-masqueraded",
      `its packets leave this host with the address ${ip}: others answer only if they have a route to it`,
      [proof],
      "contain run --nat",
    ),
  ];
}

function passed(outcomes: readonly Outcome[], rules: Readonly<Record<Side, Ruleset | undefined>>): Finding {
  const proof = (["inside", "host"] as const).map((side) => {
    const chains = rules[side]?.chains.filter(({ hook }) => hook !== undefined) ?? [];
    const value = chains.map(({ family, table, name }) => `${family} ${table} ${name}`).join(", ") || "no chain at a hook";
    return fact(`nft -a list ruleset ${WHERE[side]}`, value, "nft(8)");
  });
  const what = outcomes.map(({ trip }) => trip.what).join(", ");
  return is("network-not-dropped", `no rule of nf_tables drops: ${what}. What tc(8), XDP or another host drops is not seen here`, proof);
}

function unread(side: Side, rules: Ruleset | string): Finding[] {
  if (typeof rules !== "string") return [];
  const proof: Evidence = { source: `nft list ruleset ${WHERE[side]}`, value: undefined, problem: rules, rule: "nft(8)" };
  return [
    cannotTell(
      "network-filtered",
      `whether a rule drops its packets ${WHERE[side]}`,
      [proof],
      "`nft list ruleset` by the host's root would tell",
    ),
  ];
}

/** Tables of iptables-legacy, which nft does not list. */
function legacy(side: Side, pid: number): Finding[] {
  const path = `/proc/${side === "host" ? "self" : pid}/net/ip_tables_names`;
  let tables: string | undefined;
  try {
    tables = readIfThere(path)?.trim();
  } catch {
    return []; // for an ordinary user; nft reports that too
  }
  if (!tables) return [];
  const proof = fact(path, tables, "iptables(8)");
  const what = `whether a rule of iptables-legacy drops its packets ${WHERE[side]}: nft does not list these tables`;
  return [cannotTell("network-legacy-rules", what, [proof], "`iptables-legacy-save -c` would tell")];
}

/** Rules below IP: for frames on the bridge and on the devices. */
function lower(side: Side, rules: Ruleset | undefined): Finding[] {
  const chains = rules?.chains.filter(
    ({ family, hook, policy, rules: list }) =>
      hook !== undefined &&
      (family === "bridge" || family === "netdev" || hook === "ingress" || hook === "egress") &&
      (policy === "drop" || /"(drop|reject|jump|goto|vmap)"/.test(JSON.stringify(list.map(({ expr }) => expr)))),
  );
  if (chains === undefined || chains.length === 0) return [];
  const proof = chains.map((chain) => evidenceOf({ chain, rule: chain.rules[0], kind: "drop", sure: false, side }));
  const names = chains.map(({ family, table, name }) => `${family} ${table} ${name}`).join(", ");
  return [
    cannotTell(
      "network-lower-rules",
      `whether frames are dropped ${WHERE[side]} before IP sees them, by ${names}`,
      proof,
      "their counters would tell",
    ),
  ];
}
