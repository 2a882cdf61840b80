// --net veth and its options: words to a plan.

import type { Context, Options } from "@contain-tools/chain";
import { networkOf, parseIp, ToolError, UsageError } from "@contain-tools/kernel";
import { checkPasta, describePublished, type Published, readPublished } from "@contain-tools/pasta";
import type { Lease } from "@contain-tools/state";
import { addressHolder, freeAddress } from "@contain-tools/state";
import { connect } from "@contain-tools/veth";
import type { RunOption } from "../run/options.ts";
import { BRIDGE, NETWORK, SOME_IP } from "./constants.ts";

export interface NetworkPlan {
  /** veth for root; pasta for an ordinary user: each container then has a network to itself. */
  readonly by: "veth" | "pasta";
  /** As --ip says it. */
  readonly ip: string | undefined;
  readonly publish: readonly Published[];
  readonly nat: boolean;
  readonly dns: readonly string[];
}

const WITH_VETH = ["ip", "publish", "nat", "dns"] as const;

/** undefined without --net veth. Nothing is changed. @throws UsageError; ToolError if this host cannot do it */
export function readNetwork(given: Options<RunOption>, rootless: boolean): NetworkPlan | undefined {
  if (given.value("net") !== "veth") {
    const extra = WITH_VETH.find((name) => given.has(name));
    if (extra !== undefined) throw new UsageError(`--${extra} needs --net veth`, "it has no meaning with another network");
    return undefined;
  }
  if (rootless) checkPasta();
  if (!rootless && (given.value("ns") ?? "").split(",").includes("user") && !given.has("userns"))
    throw new ToolError(
      "--net veth does not go with a user namespace yet",
      "the pair is made from inside, where root of another user namespace has no CAP_NET_ADMIN over the host's network (user_namespaces(7)): --userns auto",
    );
  const ip = given.value("ip");
  if (ip !== undefined) checkIp(ip);
  if (ip !== undefined && !rootless) checkHolder(ip);
  return {
    by: rootless ? "pasta" : "veth",
    ip,
    publish: readPublished(given.all("publish")),
    nat: given.has("nat"),
    dns: given.all("dns").map((text) => parseIp("--dns", text)),
  };
}

function checkIp(text: string): void {
  const ip = parseIp("--ip", text);
  const network = networkOf(NETWORK.ip, NETWORK.prefix);
  const last = Number(ip.split(".").at(-1));
  if (networkOf(ip, NETWORK.prefix) !== network || last === 0 || last === 255 || ip === NETWORK.ip)
    throw new UsageError(
      `--ip ${ip}: not a valid address for a container`,
      `one of ${network}/${NETWORK.prefix}, except the first, the last, and ${NETWORK.ip}, the bridge's`,
    );
}

function checkHolder(ip: string): void {
  const holder = addressHolder(ip);
  if (holder !== undefined) throw new UsageError(`address already in use: --ip ${ip}, by container ${holder}`);
}

/** The address it would get now; it is assigned when the state is made. */
export const likelyAddress = ({ ip, by }: NetworkPlan): string => ip ?? (by === "pasta" ? SOME_IP : freeAddress(NETWORK));

/** Gives a container an address; the lock must be held. @throws UsageError, ToolError if none is free */
export function takeLease(id: string, plan: NetworkPlan): Lease {
  const veth = plan.by === "veth";
  if (plan.ip !== undefined && veth) checkHolder(plan.ip);
  return {
    bridge: veth ? BRIDGE : undefined,
    ip: likelyAddress(plan),
    prefix: NETWORK.prefix,
    gateway: NETWORK.ip,
    hostName: veth ? hostNameOf(id) : undefined,
    publish: plan.publish.map(describePublished),
    nat: veth && plan.nat,
  };
}

/** Connects a container from outside, as a `veth` in its chain does, since its user namespace may not do it from inside. */
export function connectFromOutside(context: Context, pid: number, { bridge, ip, prefix, gateway, hostName }: Lease): void {
  if (bridge !== undefined) connect(context, pid, { bridge, address: { ip, prefix }, gateway, name: "eth0", hostName });
}

/** The name of the host's end, at most 15 bytes (IFNAMSIZ). */
export const hostNameOf = (id: string) => `contain-${id.slice(0, 7)}`;
