// rtnetlink(7): creates and changes network interfaces, addresses and routes. links.ts reads them.
import { ipBytes } from "./ip.ts";
import { ask, attribute, NLM_F_CREATE, NLM_F_EXCL } from "./netlink.ts";

const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_NEWADDR = 20;
const RTM_NEWROUTE = 24;
export const IFLA = {
  ADDRESS: 1,
  IFNAME: 3,
  MTU: 4,
  LINK: 5,
  MASTER: 10,
  LINKINFO: 18,
  IFALIAS: 20,
  NET_NS_FD: 28,
  LINK_NETNSID: 37,
} as const;
export const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const VETH_INFO_PEER = 1;
export const IFA = { ADDRESS: 1, LOCAL: 2 } as const;
export const RTA = { DST: 1, OIF: 4, GATEWAY: 5 } as const;
export const AF_INET = 2;
export const IFF_UP = 1;
const RT_TABLE_MAIN = 254;
const RTPROT_BOOT = 3;
const RTN_UNICAST = 1;

/** An IPv4 address and the length of its network prefix: 10.88.0.7/24. */
export interface Address {
  readonly ip: string;
  readonly prefix: number;
}

/** struct ifinfomsg */
function ifinfo(index = 0, up = false): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeInt32LE(index, 4);
  bytes.writeUInt32LE(up ? IFF_UP : 0, 8);
  bytes.writeUInt32LE(up ? IFF_UP : 0, 12); // ifi_change: which flags to change
  return bytes;
}

/** Makes a bridge, down, with a MAC address that does not change with its ports. @throws SyscallError EEXIST, EPERM, EOPNOTSUPP */
export function addBridge(fd: number, name: string, { alias, mac }: { readonly alias: string; readonly mac: Uint8Array }): void {
  const info = attribute(IFLA.LINKINFO, [attribute(IFLA_INFO_KIND, "bridge")]);
  ask(fd, {
    name: "RTM_NEWLINK",
    type: RTM_NEWLINK,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    body: Buffer.concat([ifinfo(), attribute(IFLA.IFNAME, name), attribute(IFLA.ADDRESS, mac), info]),
    args: [`IFLA_IFNAME="${name}"`, 'IFLA_INFO_KIND="bridge"'],
  });
  // The kernel ignores an alias in the request that creates the interface.
  ask(fd, {
    name: "RTM_NEWLINK",
    type: RTM_NEWLINK,
    body: Buffer.concat([ifinfo(), attribute(IFLA.IFNAME, name), attribute(IFLA.IFALIAS, Buffer.from(alias))]),
    args: [`IFLA_IFNAME="${name}"`, `IFLA_IFALIAS="${alias}"`],
  });
}

export interface Pair {
  /** The end in the socket's namespace; it becomes a port of a bridge. */
  readonly name: string;
  readonly bridge: number;
  /** The other end, its MAC address, and a descriptor of its network namespace. */
  readonly peer: string;
  readonly mac: Uint8Array;
  readonly namespace: number;
}

/** Makes a veth(4) pair in one call; both ends are down. @throws SyscallError EEXIST for a name in use, EPERM, EOPNOTSUPP */
export function addVeth(fd: number, { name, bridge, peer, mac, namespace }: Pair): void {
  const end = [attribute(IFLA.IFNAME, peer), attribute(IFLA.ADDRESS, mac), attribute(IFLA.NET_NS_FD, namespace)];
  const other = attribute(VETH_INFO_PEER, [ifinfo(), ...end]);
  const info = attribute(IFLA.LINKINFO, [attribute(IFLA_INFO_KIND, "veth"), attribute(IFLA_INFO_DATA, [other])]);
  ask(fd, {
    name: "RTM_NEWLINK",
    type: RTM_NEWLINK,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    body: Buffer.concat([ifinfo(), attribute(IFLA.IFNAME, name), attribute(IFLA.MASTER, bridge), info]),
    args: [
      `IFLA_IFNAME="${name}"`,
      `IFLA_MASTER=${bridge}`,
      'IFLA_INFO_KIND="veth"',
      `VETH_INFO_PEER={"${peer}", IFLA_NET_NS_FD=${namespace}}`,
    ],
  });
}

/** Brings an interface up. @throws SyscallError ENODEV, EPERM */
export function setUp(fd: number, index: number): void {
  ask(fd, { name: "RTM_NEWLINK", type: RTM_NEWLINK, body: ifinfo(index, true), args: [`ifi_index=${index}`, "ifi_flags=IFF_UP"] });
}

/** Removes an interface; of a veth pair both ends go. @throws SyscallError ENODEV, EPERM */
export function removeLink(fd: number, index: number): void {
  ask(fd, { name: "RTM_DELLINK", type: RTM_DELLINK, body: ifinfo(index), args: [`ifi_index=${index}`] });
}

/** Gives an interface an address; the kernel adds the route to its network when it is up. @throws SyscallError EEXIST, ENODEV, EPERM */
export function addAddress(fd: number, index: number, { ip, prefix }: Address): void {
  const head = Buffer.alloc(8); // struct ifaddrmsg
  head[0] = AF_INET;
  head[1] = prefix;
  head.writeUInt32LE(index, 4);
  ask(fd, {
    name: "RTM_NEWADDR",
    type: RTM_NEWADDR,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    body: Buffer.concat([head, attribute(IFA.LOCAL, ipBytes(ip)), attribute(IFA.ADDRESS, ipBytes(ip))]),
    args: [`ifa_index=${index}`, `IFA_LOCAL=${ip}/${prefix}`],
  });
}

/** Adds the default route. @throws SyscallError EEXIST, ENETUNREACH if the gateway is in no network of the interface */
export function addDefaultRoute(fd: number, index: number, gateway: string): void {
  const head = Buffer.alloc(12); // struct rtmsg
  head[0] = AF_INET;
  head[4] = RT_TABLE_MAIN;
  head[5] = RTPROT_BOOT;
  head[7] = RTN_UNICAST;
  ask(fd, {
    name: "RTM_NEWROUTE",
    type: RTM_NEWROUTE,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    body: Buffer.concat([head, attribute(RTA.GATEWAY, ipBytes(gateway)), attribute(RTA.OIF, index)]),
    args: [`RTA_OIF=${index}`, `RTA_GATEWAY=${gateway}`, "default"],
  });
}
