// --ns, --net and --hostname: the new namespaces, as words for nsexec.

import type { Options } from "@contain-tools/chain";
import { NAMESPACES, type NamespaceKind, UsageError, uname } from "@contain-tools/kernel";
import type { RunOption } from "./options.ts";

type Name = NamespaceKind["name"];
/** The default of --ns. */
export const DEFAULT_NAMESPACES = "pid,uts,mnt,ipc,cgroup";

interface NamespacePlan {
  readonly wanted: ReadonlySet<Name>;
  /** The host name inside. */
  readonly hostname: string;
}

/** @throws UsageError */
export function readNamespaces(given: Options<RunOption>): NamespacePlan {
  const wanted = new Set((given.value("ns") ?? DEFAULT_NAMESPACES).split(",").map(readName));
  const net = given.value("net") ?? (isClosedOff(given) ? "none" : undefined);
  if (net !== undefined && net !== "none" && net !== "host" && net !== "veth")
    throw new UsageError(
      `--net ${net}: must be none, host or veth`,
      /^(container|ns):/.test(net)
        ? "to join another container's: nsexec --target $(contain inspect -f '{{.State.Pid}}' ID) --net -- contain run --net host …"
        : "veth connects it to the bridge contain0, the one network there is",
    );
  if (net === "host" && wanted.has("net")) throw new UsageError("--net host excludes --ns net");
  if (net === "none" || net === "veth") wanted.add("net");
  const hostname = given.value("hostname");
  if (hostname !== undefined && !wanted.has("uts"))
    throw new UsageError("--hostname: without a UTS namespace it would change the host's name", "add uts to --ns");
  if (given.has("domainname") && !wanted.has("uts"))
    throw new UsageError("--domainname: without a UTS namespace it would be the host's that changes", "add uts to --ns");
  return { wanted, hostname: hostname ?? (wanted.has("uts") ? "sandbox" : uname().nodename) };
}

/** --ns also decides about the network. */
const isClosedOff = (given: Options<RunOption>) => given.has("confine") && !given.has("ns") && !given.has("net");

/** The remark on the network with --confine. No file mode protects the host's abstract sockets. */
export function describeNetwork(given: Options<RunOption>, { wanted }: NamespacePlan): string | undefined {
  if (!given.has("confine")) return undefined;
  if (!wanted.has("net"))
    return "network: the host's, abstract sockets of its services included (unix(7)). --net none or veth separates it.";
  return isClosedOff(given) ? "network: its own, with only loopback. --net veth connects it, --net host shares the host's." : undefined;
}

function readName(word: string): Name {
  const kind = NAMESPACES.find(({ name, file }) => name === word || file === word);
  if (kind === undefined)
    throw new UsageError(`--ns: ${JSON.stringify(word)} is not a namespace`, `${NAMESPACES.map(({ file }) => file).join(", ")}`);
  return kind.name;
}

/**
 * nsexec's options. Where nothing else is `mapped`, root's user namespace maps all ids to themselves: capabilities end there, owners of
 * files stay.
 */
export function namespaceWords(
  given: Options<RunOption>,
  { wanted, hostname }: NamespacePlan,
  mapped: readonly string[] | undefined,
): string[] {
  const kinds = (["pid", "uts", "mount", "ipc", "cgroup", "net", "time"] as const).filter((name) => wanted.has(name));
  const ids = "0:0:4294967294";
  const domainname = given.value("domainname");
  const mount = ["--mount", "--propagation", "unchanged"]; // pivot makes them slaves
  return [
    ...(mapped ?? (wanted.has("user") ? ["--map-users", ids, "--map-groups", ids] : [])),
    ...kinds.flatMap((name) => (name === "mount" ? mount : [`--${name}`])),
    ...(wanted.has("pid") ? [] : ["--fork"]), // always a child, which dies with its parent
    ...(wanted.has("uts") ? ["--hostname", hostname] : []),
    ...(domainname === undefined ? [] : ["--domainname", domainname]),
  ];
}
