// --net veth and what belongs to it: words to a plan.
import {
  type Endpoint,
  networkOf,
  type Options,
  type Protocol,
  parseCount,
  parseIp,
  quote,
  ToolError,
  UsageError,
} from "@contain-tools/kernel";
import { connect } from "@contain-tools/veth";
import type { RunOption } from "../options.ts";
import type { Lease } from "./lease.ts";
import { addressHolder, freeAddress } from "./pool.ts";

export const BRIDGE = "contain0";
export const NETWORK = { ip: "10.88.0.1", prefix: 24 } as const;

export interface Published {
  readonly host: Endpoint;
  readonly port: number;
  readonly protocol: Protocol;
}

export interface NetworkPlan {
  /** As --ip says it. */
  readonly ip: string | undefined;
  readonly publish: readonly Published[];
  readonly nat: boolean;
  readonly dns: readonly string[];
}

const WITH_VETH = ["ip", "publish", "nat", "dns"] as const;

/** undefined without --net veth. Nothing is changed. @throws UsageError; ToolError when it cannot be had here */
export function readNetwork(given: Options<RunOption>, rootless: boolean): NetworkPlan | undefined {
  if (given.value("net") !== "veth") {
    const extra = WITH_VETH.find((name) => given.has(name));
    if (extra !== undefined) throw new UsageError(`--${extra} is for --net veth`, "with another network there is nothing for it to do");
    return undefined;
  }
  if (rootless)
    throw new ToolError(
      "--net veth: an ordinary user cannot connect a network namespace to the host's",
      "a port on the host's bridge needs CAP_NET_ADMIN in the host's network namespace (network_namespaces(7)): run as root, or --net none",
    );
  if ((given.value("ns") ?? "").split(",").includes("user") && !given.has("userns"))
    throw new ToolError(
      "--net veth does not go with a user namespace yet",
      "the pair is made from inside, where root of another user namespace has no CAP_NET_ADMIN over the host's network (user_namespaces(7)): --userns auto",
    );
  const ip = given.value("ip");
  return {
    ip: ip === undefined ? undefined : checkIp(ip),
    publish: checkTwice(given.all("publish").map(readPublished)),
    nat: given.has("nat"),
    dns: given.all("dns").map((text) => parseIp("--dns", text)),
  };
}

function checkIp(text: string): string {
  const ip = parseIp("--ip", text);
  const network = networkOf(NETWORK.ip, NETWORK.prefix);
  const last = Number(ip.split(".").at(-1));
  if (networkOf(ip, NETWORK.prefix) !== network || last === 0 || last === 255 || ip === NETWORK.ip)
    throw new UsageError(
      `--ip ${ip}: it is no address for a container`,
      `one of ${network}/${NETWORK.prefix}, but for the first, the last, and ${NETWORK.ip}, which is the bridge's`,
    );
  const holder = addressHolder(ip);
  if (holder !== undefined) throw new UsageError(`--ip ${ip}: container ${holder} has that address`);
  return ip;
}

/** The address that it would get now; who gets it is decided when the state is made. */
export const likelyAddress = (plan: NetworkPlan): string => plan.ip ?? freeAddress(NETWORK);

function readPublished(text: string): Published {
  const wrong = () => new UsageError(`--publish ${quote(text)}: it is [IP:]HOST:CONT[/udp]`, "8080:80, 127.0.0.1:8080:80, 5353:53/udp");
  const [ports = "", protocol = "tcp", more] = text.split("/");
  if (more !== undefined || (protocol !== "tcp" && protocol !== "udp")) throw wrong();
  const words = ports.split(":");
  const [container, host, ip = "0.0.0.0", extra] = words.reverse();
  if (container === undefined || host === undefined || extra !== undefined) throw wrong();
  const port = (word: string) => parseCount(`--publish ${text}`, word, 1, 65535);
  return { host: { ip: parseIp("--publish", ip), port: port(host) }, port: port(container), protocol };
}

function checkTwice(list: readonly Published[]): readonly Published[] {
  const texts = list.map(({ host, protocol }) => `${host.ip}:${host.port}/${protocol}`);
  const twice = texts.find((text, i) => texts.indexOf(text) !== i);
  if (twice !== undefined) throw new UsageError(`--publish: ${twice} is given twice`, "one port of the host leads to one of the container");
  return list;
}

/** Gives a container an address; the lock must be held. @throws UsageError, ToolError when it cannot be had */
export function takeLease(id: string, plan: NetworkPlan): Lease {
  if (plan.ip !== undefined) checkIp(plan.ip);
  return {
    bridge: BRIDGE,
    ip: likelyAddress(plan),
    prefix: NETWORK.prefix,
    gateway: NETWORK.ip,
    hostName: hostNameOf(id),
    publish: plan.publish.map(describePublished),
    nat: plan.nat,
  };
}

/** Connects a container whose user namespace cannot do it from inside: what a `veth` in its chain does. */
export function connectFromOutside(pid: number, { bridge, ip, prefix, gateway, hostName }: Lease): void {
  connect(pid, { bridge, address: { ip, prefix }, gateway, name: "eth0", hostName });
}

/** The name that the end on the host has: 15 bytes are what there is room for. */
export const hostNameOf = (id: string) => `contain-${id.slice(0, 7)}`;

/** `0.0.0.0:8080:80/tcp` */
export const describePublished = ({ host, port, protocol }: Published) => `${host.ip}:${host.port}:${port}/${protocol}`;
