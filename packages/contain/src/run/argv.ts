// The argv of the chain that becomes the container.
import type { Context, Options } from "@contain-tools/chain";
import { describePublished, type Published } from "@contain-tools/pasta";
import { foldersToHide } from "@contain-tools/state";
import { BRIDGE, NETWORK } from "../network/constants.ts";
import { hostNameOf } from "../network/plan.ts";
import { lockWords, shiftWords } from "../userns/plan.ts";
import type { OwnIds } from "../userns/rootless.ts";
import { railWords } from "./confinement.ts";
import { namespaceWords, readNamespaces } from "./namespaces.ts";
import type { RunOption } from "./options.ts";
import { insideWords } from "./pivotwords.ts";
import type { Leases } from "./plan.ts";
export interface Where {
  readonly id: string;
  readonly group: string | undefined;
  readonly own: OwnIds | undefined;
  readonly granted: Leases;
  /** This nsexec is the outer end of the pseudo-terminal. */
  readonly relay: boolean;
  /** veth and its options; none without --net veth. */
  readonly veth: readonly string[];
  /** nsexec's options for pasta; none unless an ordinary user has --net veth. */
  readonly pasta: readonly string[];
}

/** runc's name for a session keyring; `contain exec` finds it by this name. */
export const keyringWords = (id: string) => ["--keyring", `_ses.${id}`];

export function vethWords(id: string, ip: string): string[] {
  return ["veth", "--bridge", BRIDGE, "--address", `${ip}/${NETWORK.prefix}`, "--gateway", NETWORK.ip, "--host-name", hostNameOf(id), "--"];
}

export function pastaWords(ports: readonly Published[], ip: string): string[] {
  return ["--pasta", `${ip}/${NETWORK.prefix}`, ...ports.flatMap((wanted) => ["--publish", describePublished(wanted)])];
}

export function containerArgv(
  context: Context,
  given: Options<RunOption>,
  { id, group, own, granted, relay, pasta, veth }: Where,
): string[] {
  const namespaces = readNamespaces(given);
  const { ids, files } = granted;
  const sources = files.map(({ source }) => source);
  const mapped = ids === undefined ? undefined : shiftWords(given, ids, sources);
  const locks = ids === undefined && (own !== undefined || namespaces.wanted.has("user"));
  return [
    "nsexec",
    ...(group === undefined ? [] : ["--into-cgroup", group]),
    ...namespaceWords(given, namespaces, own?.words ?? mapped),
    ...(locks ? lockWords(given, sources) : []),
    ...pasta,
    // pid1 makes the foreground process group itself, for its child.
    ...(given.has("init") || given.has("tty") ? [] : [given.has("detach") ? "--own-group" : "--foreground"]),
    ...(relay ? ["--tty"] : []),
    ...(given.has("keep-keyring") ? [] : keyringWords(id)),
    "--",
    ...veth,
    "pivot",
    ...(namespaces.wanted.has("mount") ? ["--no-unshare"] : []),
    ...(given.has("tty") ? ["--tty"] : []),
    ...foldersToHide().flatMap((folder) => ["--hide", folder]),
    ...files.flatMap(({ source, target }) => ["--ro-bind", `${source}:${target}`]),
    ...insideWords(context, given, namespaces.hostname),
    ...[given.value("rootfs") ?? "/", "--"],
    ...railWords(given),
    ...given.rest,
  ];
}
