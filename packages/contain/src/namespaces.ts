// --ns, --net and --hostname: which namespaces are made, as words for nsexec.
import { NAMESPACES, type NamespaceKind, type Options, UsageError, uname } from "@contain-tools/kernel";
import type { RunOption } from "./options.ts";

type Name = NamespaceKind["name"];
const DEFAULT = "pid,uts,mnt,ipc,cgroup";

export interface NamespacePlan {
  readonly wanted: ReadonlySet<Name>;
  /** What the program sees as host name. */
  readonly hostname: string;
}

/** @throws UsageError */
export function readNamespaces(given: Options<RunOption>): NamespacePlan {
  const wanted = new Set((given.value("ns") ?? DEFAULT).split(",").map(readName));
  const net = given.value("net");
  if (net !== undefined && net !== "none" && net !== "host" && net !== "veth")
    throw new UsageError(`--net ${net}: it is none, host or veth`);
  if (net === "host" && wanted.has("net")) throw new UsageError("--net host shares the network namespace that --ns makes anew");
  if (net === "none" || net === "veth") wanted.add("net");
  const hostname = given.value("hostname");
  if (hostname !== undefined && !wanted.has("uts"))
    throw new UsageError("--hostname: without a UTS namespace it would be the host's that changes", "add uts to --ns");
  return { wanted, hostname: hostname ?? (wanted.has("uts") ? "sandbox" : uname().nodename) };
}

function readName(word: string): Name {
  const kind = NAMESPACES.find(({ name, file }) => name === word || file === word);
  if (kind === undefined)
    throw new UsageError(`--ns: ${JSON.stringify(word)} is no namespace`, `${NAMESPACES.map(({ file }) => file).join(", ")}`);
  return kind.name;
}

/**
 * nsexec's options. Where nothing else is `mapped`, root's user namespace maps all ids to themselves: capabilities end there, owners of
 * files stay.
 */
export function namespaceWords({ wanted, hostname }: NamespacePlan, mapped: readonly string[] | undefined): string[] {
  const kinds = (["pid", "uts", "mount", "ipc", "cgroup", "net", "time"] as const).filter((name) => wanted.has(name));
  const ids = "0:0:4294967294";
  return [
    ...(mapped ?? (wanted.has("user") ? ["--map-users", ids, "--map-groups", ids] : [])),
    ...kinds.flatMap((name) => (name === "mount" ? ["--mount", "--propagation", "slave"] : [`--${name}`])),
    ...(wanted.has("pid") ? [] : ["--fork"]), // a child in any case, which dies with its parent
    ...(wanted.has("uts") ? ["--hostname", hostname] : []),
  ];
}
