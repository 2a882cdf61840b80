// Reads the interfaces, addresses and routes of a network namespace (rtnetlink(7)).
import { failedWith } from "../ffi/errno.ts";
import { ipBytes, ipText } from "./ip.ts";
import { ask, attribute, NLM_F_DUMP, readAttributes } from "./netlink.ts";
import { type Address, AF_INET, IFA, IFF_UP, IFLA, IFLA_INFO_KIND, RTA } from "./rtnetlink.ts";

const RTM_GETLINK = 18;
const RTM_GETADDR = 22;
const RTM_GETROUTE = 26;
const RTM_GETNSID = 90;
const NETNSA_NSID = 1;
const NETNSA_FD = 3;
const RT_TABLE_MAIN = 254;

/** A network interface. */
export interface Interface {
  readonly index: number;
  readonly name: string;
  readonly mac: string;
  readonly mtu: number;
  readonly up: boolean;
  /** veth, bridge, …; undefined for loopback and for hardware. */
  readonly kind: string | undefined;
  readonly alias: string | undefined;
  /** The index of the bridge that it is a port of. */
  readonly bridge: number | undefined;
  /** Of a veth pair: the index of the other end, */
  readonly peer: number | undefined;
  /** and this namespace's number for the namespace of the other end; undefined if both are in the same. */
  readonly peerNamespace: number | undefined;
}

export function interfaces(fd: number): Interface[] {
  const body = Buffer.alloc(16);
  return ask(fd, { name: "RTM_GETLINK", type: RTM_GETLINK, flags: NLM_F_DUMP, body, args: [] }).map(readInterface);
}

function readInterface(bytes: Buffer): Interface {
  const found = readAttributes(bytes.subarray(16));
  const number = (type: number) => found.get(type)?.readInt32LE(0);
  const text = (type: number) => textOf(found.get(type));
  const info = found.get(IFLA.LINKINFO);
  return {
    index: bytes.readInt32LE(4),
    name: text(IFLA.IFNAME) ?? "",
    mac: (found.get(IFLA.ADDRESS)?.toString("hex") ?? "").replace(/..(?=.)/g, "$&:"),
    mtu: number(IFLA.MTU) ?? 0,
    up: (bytes.readUInt32LE(8) & IFF_UP) !== 0,
    kind: info === undefined ? undefined : textOf(readAttributes(info).get(IFLA_INFO_KIND)),
    alias: text(IFLA.IFALIAS),
    bridge: number(IFLA.MASTER),
    peer: number(IFLA.LINK),
    peerNamespace: number(IFLA.LINK_NETNSID),
  };
}

const textOf = (bytes: Buffer | undefined) => bytes?.toString().replace(/\0.*$/s, "");

export interface InterfaceAddress extends Address {
  readonly index: number;
}

/** The IPv4 addresses. */
export function addresses(fd: number): InterfaceAddress[] {
  const body = Buffer.alloc(8);
  body[0] = AF_INET;
  return ask(fd, { name: "RTM_GETADDR", type: RTM_GETADDR, flags: NLM_F_DUMP, body, args: ["AF_INET"] }).map((bytes) => {
    const found = readAttributes(bytes.subarray(8));
    return {
      index: bytes.readUInt32LE(4),
      ip: ipText(found.get(IFA.LOCAL) ?? found.get(IFA.ADDRESS) ?? Buffer.alloc(4)),
      prefix: bytes[1] ?? 0,
    };
  });
}

export interface Route {
  /** The network; `0.0.0.0/0` is the default route. */
  readonly to: string;
  readonly gateway: string | undefined;
  /** The interface's index. */
  readonly index: number | undefined;
}

/** The IPv4 routes of the main table. */
export function routes(fd: number): Route[] {
  const body = Buffer.alloc(12);
  body[0] = AF_INET;
  return ask(fd, { name: "RTM_GETROUTE", type: RTM_GETROUTE, flags: NLM_F_DUMP, body, args: ["AF_INET"] })
    .filter((bytes) => bytes[4] === RT_TABLE_MAIN)
    .map((bytes) => {
      const found = readAttributes(bytes.subarray(12));
      const gateway = found.get(RTA.GATEWAY);
      return {
        to: `${ipText(found.get(RTA.DST) ?? Buffer.alloc(4))}/${bytes[1] ?? 0}`,
        gateway: gateway === undefined ? undefined : ipText(gateway),
        index: found.get(RTA.OIF)?.readInt32LE(0),
      };
    });
}

/** The interface that the kernel would use for an address now, by all tables and rules; undefined if there is no route. */
export function interfaceTo(fd: number, ip: string): number | undefined {
  const head = Buffer.alloc(12);
  head[0] = AF_INET;
  head[1] = 32;
  try {
    const [bytes] = ask(fd, {
      name: "RTM_GETROUTE",
      type: RTM_GETROUTE,
      body: Buffer.concat([head, attribute(RTA.DST, ipBytes(ip))]),
      args: [`RTA_DST=${ip}`],
    });
    return bytes === undefined ? undefined : readAttributes(bytes.subarray(12)).get(RTA.OIF)?.readInt32LE(0);
  } catch (error) {
    if (failedWith(error, "ENETUNREACH", "EHOSTUNREACH", "EACCES", "EINVAL")) return undefined;
    throw error;
  }
}

/** The number that the socket's namespace has for another one, given as a descriptor; undefined if it has none. */
export function namespaceNumber(fd: number, namespace: number): number | undefined {
  const body = Buffer.concat([Buffer.alloc(4), attribute(NETNSA_FD, namespace)]);
  const [bytes] = ask(fd, { name: "RTM_GETNSID", type: RTM_GETNSID, body, args: [`NETNSA_FD=${namespace}`] });
  const number = bytes === undefined ? undefined : readAttributes(bytes.subarray(4)).get(NETNSA_NSID)?.readInt32LE(0);
  return number === undefined || number < 0 ? undefined : number;
}
