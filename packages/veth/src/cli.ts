// Words to plan: which network namespace, which bridge, which address.

import { type Chain, type Given, type Next, type OptionSpec, type Options, withCommon } from "@contain-tools/chain";
import {
  type Address,
  ipNumber,
  ipOfNumber,
  networkOf,
  parseAddress,
  parseIp,
  processExists,
  quote,
  UsageError,
} from "@contain-tools/kernel";

export const options = withCommon({
  bridge: { type: "string", valueHint: "NAME", description: "the bridge on the host, made if missing (contain0)" },
  address: { type: "string", valueHint: "IP/BITS", description: "the IPv4 address inside, with its network: 10.88.0.7/24" },
  gateway: { type: "string", valueHint: "IP", description: "the gateway of the default route: the bridge (the network's first address)" },
  name: { type: "string", valueHint: "NAME", description: "the interface inside (eth0)" },
  "host-name": { type: "string", valueHint: "NAME", description: "its other end on the host (contain-PID)" },
  show: { type: "boolean", description: "show PID's interfaces, their other ends, addresses and routes; change nothing" },
  json: { type: "boolean", description: "with --show: as one object" },
});
type Name = keyof typeof options;

/** A pair to make. */
export interface Pair {
  readonly bridge: string;
  readonly address: Address;
  readonly gateway: string;
  readonly name: string;
  /** The default is contain-PID. */
  readonly hostName: string | undefined;
}

export interface Plan {
  /** The process in the network namespace; undefined: this process's own, with the other end in its parent's. */
  readonly pid: number | undefined;
  /** undefined to show. */
  readonly pair: Pair | undefined;
  readonly json: boolean;
  readonly next: Next | undefined;
}

/** Reads veth's words. Options may also follow a PID. Nothing is changed. @throws UsageError */
export function readPlan(before: Options<Name>, chain: Chain): Plan {
  const [first, ...words] = before.rest;
  const isPid = !before.ended && first !== undefined && /^\d+$/.test(first);
  const behind = isPid ? chain.more(options as Readonly<Record<Name, OptionSpec>>, words) : undefined;
  const given: readonly Given<Name>[] = [...before.given, ...(behind?.given ?? [])];
  const last = (name: Name) => given.findLast((option) => option.name === name)?.value;
  const has = (name: Name) => given.some((option) => option.name === name);
  if (first === undefined && !has("show"))
    throw new UsageError(
      "missing PID or program",
      "veth PID --address 10.88.0.7/24, or nsexec --net -- veth --address 10.88.0.7/24 -- PROG",
    );
  if (behind !== undefined && behind.rest.length > 0)
    throw new UsageError(
      `unexpected argument: ${behind.rest[0]}`,
      "only options may follow a PID; a program with a number as its name goes after --",
    );
  const pid = isPid ? Number(first) : undefined;
  if (pid !== undefined && !processExists(pid)) throw new UsageError(`no such process: ${first}`, "PIDs are those of this PID namespace");
  if (has("json") && !has("show")) throw new UsageError("--json needs --show");
  if (!has("show")) return { pid, pair: readPair(last), json: false, next: isPid ? undefined : chain.next(before.rest) };
  const changing = (["bridge", "address", "gateway", "name", "host-name"] as const).find(has);
  if (changing !== undefined) throw new UsageError(`--show does not go with --${changing}`);
  if (pid === undefined) throw new UsageError("--show: missing PID", "veth --show PID");
  return { pid, pair: undefined, json: has("json"), next: undefined };
}

function readPair(value: (name: Name) => string | undefined): Pair {
  const text = value("address");
  if (text === undefined)
    throw new UsageError(
      "which address?",
      "--address 10.88.0.7/24, an address that is free on the bridge; `contain run --net veth` chooses one",
    );
  const address = parseAddress("--address", text);
  const network = networkOf(address.ip, address.prefix);
  const gateway = parseIp("--gateway", value("gateway") ?? ipOfNumber(ipNumber(network) + 1));
  if (gateway === address.ip)
    throw new UsageError(
      `--address ${text}: the gateway has this address`,
      "the network's first address is the bridge's, unless --gateway says another",
    );
  if (networkOf(gateway, address.prefix) !== network)
    throw new UsageError(`--gateway ${gateway}: not in the network ${network}/${address.prefix}`, "a gateway must be reachable directly");
  parseAddress("--gateway", `${gateway}/${address.prefix}`);
  const hostName = value("host-name");
  return {
    bridge: readName("--bridge", value("bridge") ?? "contain0"),
    address,
    gateway,
    name: readName("--name", value("name") ?? "eth0"),
    hostName: hostName === undefined ? undefined : readName("--host-name", hostName),
  };
}

/** As in dev_valid_name of net/core/dev.c; also without %, which would make the kernel choose a number. */
function readName(option: string, name: string): string {
  if (/^[^\s/:%\p{Cc}]{1,15}$/u.test(name) && Buffer.byteLength(name) < 16 && name !== "." && name !== "..") return name;
  throw new UsageError(
    `${option} ${quote(name)}: not a valid interface name`,
    "at most 15 bytes (IFNAMSIZ), without a space, a slash, a colon or a percent sign",
  );
}
