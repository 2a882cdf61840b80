// --net veth and what belongs to it: words to a plan.

import type { Context, Options } from "@contain-tools/chain";
import { networkOf, parseIp, ToolError, UsageError } from "@contain-tools/kernel";
import { checkPasta, describePublished, type Published, readPublished } from "@contain-tools/pasta";
import type { Lease } from "@contain-tools/state";
import { addressHolder, freeAddress } from "@contain-tools/state";
import { connect } from "@contain-tools/veth";
import type { RunOption } from "../run/options.ts";
import { BRIDGE, NETWORK, SOME_IP } from "./constants.ts";

export interface NetworkPlan {
  /** veth for root; pasta for an ordinary user, where each container has a network to itself. */
  readonly by: "veth" | "pasta";
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
      `one of ${network}/${NETWORK.prefix}, but for the first, the last, and ${NETWORK.ip}, which is the bridge's`,
    );
}

function checkHolder(ip: string): void {
  const holder = addressHolder(ip);
  if (holder !== undefined) throw new UsageError(`--ip ${ip}: container ${holder} has that address`);
}

/** The address that it would get now; who gets it is decided when the state is made. */
export const likelyAddress = ({ ip, by }: NetworkPlan): string => ip ?? (by === "pasta" ? SOME_IP : freeAddress(NETWORK));

/** Gives a container an address; the lock must be held. @throws UsageError, ToolError when it cannot be had */
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

/** Connects a container whose user namespace cannot do it from inside: what a `veth` in its chain does. */
export function connectFromOutside(context: Context, pid: number, { bridge, ip, prefix, gateway, hostName }: Lease): void {
  if (bridge !== undefined) connect(context, pid, { bridge, address: { ip, prefix }, gateway, name: "eth0", hostName });
}

/** The name that the end on the host has: 15 bytes are what there is room for. */
export const hostNameOf = (id: string) => `contain-${id.slice(0, 7)}`;
