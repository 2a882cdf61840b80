// Whether a condition of a rule holds for a packet that is known only in part: yes, no, or undefined for "it depends".
import { ipNumber, isIPv4, networkOf } from "@contain-tools/kernel";
import { field, isList, type Json } from "./ruleset.ts";

export type Answer = boolean | undefined;

/** Any address outside a network. */
interface Elsewhere {
  readonly outside: string;
  readonly prefix: number;
}

/** Any port of a range, for a client that does not choose one. */
export interface AnyPort {
  readonly from: number;
  readonly to: number;
}
type Port = number | AnyPort;

/** Unknown fields are undefined. The packet is IPv4. */
export interface Packet {
  readonly iif?: string | undefined;
  readonly oif?: string | undefined;
  readonly saddr?: string | Elsewhere | undefined;
  readonly daddr?: string | Elsewhere | undefined;
  readonly protocol?: "tcp" | "udp" | undefined;
  readonly sport?: Port | undefined;
  readonly dport?: Port | undefined;
  readonly state: "new" | "established";
}

/** Elements of a named set. */
type SetOf = (name: string) => readonly Json[] | undefined;

export function matches(match: Json, packet: Packet, setOf: SetOf): Answer {
  const value = read(field(match, "left"), packet);
  if (value === NEVER) return false;
  const right = field(match, "right");
  if (value === undefined || right === undefined) return undefined;
  const op = field(match, "op");
  const weaken = (answer: Answer) => (packet.protocol === undefined && isTransport(field(match, "left")) && answer ? undefined : answer);
  if (op === "==" || op === "in") return weaken(contains(right, value, setOf));
  if (op === "!=") return weaken(not(contains(right, value, setOf)));
  if (typeof value === "object") return undefined;
  const [a, b] = [order(value), order(right)];
  if (a === undefined || b === undefined) return undefined;
  return op === "<" ? a < b : op === ">" ? a > b : op === "<=" ? a <= b : op === ">=" ? a >= b : undefined;
}

export const not = (answer: Answer): Answer => (answer === undefined ? undefined : !answer);

/** All of them. */
export function both(a: Answer, b: Answer): Answer {
  return a === false || b === false ? false : a === true && b === true ? true : undefined;
}

/** A port of a protocol: not every packet has one. */
export const isTransport = (left: Json | undefined) => ["tcp", "udp", "th"].includes(String(field(field(left, "payload"), "protocol")));

const NEVER = Symbol("no packet of this kind has it");
type Known = string | Port | Elsewhere;

/** The part of the packet to compare. */
export function read(left: Json | undefined, packet: Packet): Known | typeof NEVER | undefined {
  const meta = field(field(left, "meta"), "key");
  if (meta !== undefined) return readMeta(String(meta), packet);
  const state = field(field(left, "ct"), "key");
  if (state !== undefined) return state === "state" ? packet.state : undefined;
  const payload = field(left, "payload");
  const [protocol, name] = [field(payload, "protocol"), field(payload, "field")];
  if (protocol === "ip") {
    if (name === "saddr" || name === "daddr") return packet[name];
    return name === "protocol" ? packet.protocol : undefined;
  }
  if (protocol === "tcp" || protocol === "udp" || protocol === "th") {
    if (packet.protocol !== undefined && protocol !== "th" && protocol !== packet.protocol) return NEVER;
    return name === "sport" || name === "dport" ? packet[name] : undefined;
  }
  const others = ["icmp", "sctp", "dccp", "udplite", "esp", "ah", "comp"];
  if (protocol === "ip6" || protocol === "icmpv6") return NEVER;
  return packet.protocol !== undefined && others.includes(String(protocol)) ? NEVER : undefined;
}

function readMeta(key: string, { iif, oif, protocol }: Packet): Known | undefined {
  const values: Readonly<Record<string, Known | undefined>> = {
    iif,
    iifname: iif,
    oif,
    oifname: oif,
    l4proto: protocol,
    nfproto: "ipv4",
    protocol: "ip",
  };
  return values[key];
}

/** Whether a value matches the right side: a value, a list, a set, a range, a prefix, a name with a star. */
export function contains(right: Json, value: Known, setOf: SetOf): Answer {
  const list = isList(right) ? right : (field(right, "set") ?? named(right, setOf));
  if (isList(list)) return list.map((item) => contains(item, value, setOf)).reduce(either, false);
  if (list !== undefined) return contains(list, value, setOf);
  const element = field(field(right, "elem"), "val");
  if (element !== undefined) return contains(element, value, setOf);
  const range = field(right, "range");
  if (isList(range)) {
    if (typeof value === "object" && "outside" in value)
      return range.every((end) => typeof end === "string" && isIPv4(end) && isInside(end, value)) ? false : undefined;
    if (typeof value === "object") return inSpan(value, Number(range[0]), Number(range[1]));
    const [from, to, it] = [order(range[0]), order(range[1]), order(value)];
    return from === undefined || to === undefined || it === undefined ? undefined : from <= it && it <= to;
  }
  const prefix = field(right, "prefix");
  if (prefix !== undefined) {
    const [addr, len] = [field(prefix, "addr"), field(prefix, "len")];
    if (typeof addr !== "string" || typeof len !== "number" || !isIPv4(addr)) return undefined;
    if (typeof value === "object" && "outside" in value) return len >= value.prefix && isInside(addr, value) ? false : undefined;
    if (!isIPv4(String(value))) return undefined;
    return networkOf(String(value), len) === networkOf(addr, len);
  }
  if (typeof value === "object" && "outside" in value)
    return typeof right === "string" && isIPv4(right) && isInside(right, value) ? false : undefined;
  if (typeof value === "object") return typeof right === "number" ? inSpan(value, right, right) : undefined;
  if (typeof right === "number") return typeof value === "number" ? right === value : undefined;
  if (typeof right !== "string" || right.startsWith("@")) return undefined;
  if (typeof value === "number") return /^\d+$/.test(right) ? Number(right) === value : undefined;
  return right.endsWith("*") ? value.startsWith(right.slice(0, -1)) : right === value;
}

const isInside = (ip: string, { outside, prefix }: Elsewhere) => networkOf(ip, prefix) === networkOf(outside, prefix);

function inSpan({ from, to }: AnyPort, low: number, high: number): Answer {
  return low <= from && to <= high ? true : high < from || to < low ? false : undefined;
}

function named(right: Json, setOf: SetOf): readonly Json[] | undefined {
  return typeof right === "string" && right.startsWith("@") ? setOf(right.slice(1)) : undefined;
}

function either(a: Answer, b: Answer): Answer {
  return a === true || b === true ? true : a === undefined || b === undefined ? undefined : false;
}

/** Compares ports and addresses by order. */
function order(value: Json | undefined): number | undefined {
  if (typeof value === "number") return value;
  return typeof value === "string" && isIPv4(value) ? ipNumber(value) : undefined;
}
