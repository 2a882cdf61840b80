// Options to the argvs of the other tools: a container as a chain that can be typed by hand.
import { type Plan as CgsetPlan, cgset, placeOf } from "@contain-tools/cgset";
import { type Chain, type Context, canBeReadAgain, type Link, type Options, readGiven } from "@contain-tools/chain";
import {
  close,
  findHierarchy,
  groupType,
  type Hierarchy,
  isWritable,
  open,
  parseSignal,
  parseTime,
  read,
  resolve,
  SIGTERM,
  ToolError,
  UsageError,
} from "@contain-tools/kernel";
import { type Plan as NsexecPlan, nsexec } from "@contain-tools/nsexec";
import { describePublished, type Published } from "@contain-tools/pasta";
import { checkRootfs } from "@contain-tools/pivot";
import type { IdLease } from "@contain-tools/state";
import { foldersToHide, freeRange } from "@contain-tools/state";
import { BRIDGE, NETWORK } from "../network/constants.ts";
import type { NameFile } from "../network/files.ts";
import { checkNft } from "../network/nat.ts";
import { hostNameOf, likelyAddress, type NetworkPlan, readNetwork } from "../network/plan.ts";
import { lockWords, readUserns, shiftWords } from "../userns/plan.ts";
import { type OwnIds, ownIds } from "../userns/rootless.ts";
import { checkCidfile } from "./cidfile.ts";
import { confineWords, describeNone, profileFile, railWords } from "./confinement.ts";
import { deviceList } from "./devices.ts";
import { describeLimits, limitWords } from "./limits.ts";
import { readLogSize } from "./log/output.ts";
import { checkName, readLabels } from "./names.ts";
import { describeNetwork, namespaceWords, readNamespaces } from "./namespaces.ts";
import type { RunOption } from "./options.ts";
import { insideWords, variablesOf } from "./pivotwords.ts";

export interface RunPlan {
  readonly id: string;
  readonly name: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly cidfile: string | undefined;
  readonly argv: readonly string[];
  readonly rootfs: string;
  /** As --user says it. */
  readonly user: string | undefined;
  /** The program's environment, NAME=VALUE. */
  readonly env: readonly string[];
  /** The directory of its cgroup; undefined if none can be made and no limits were asked for. */
  readonly group: string | undefined;
  readonly hierarchy: Hierarchy | undefined;
  readonly stopSignal: number;
  /** Milliseconds. */
  readonly grace: number;
  /** Where to write the report of the end. */
  readonly json: string | undefined;
  /** Where to record what happens. */
  readonly record: string | undefined;
  /** cgset, making the group. */
  readonly makeGroup: Link<CgsetPlan> | undefined;
  readonly removeGroup: Link<CgsetPlan> | undefined;
  /** `memory=64M pids=64`, for the log. */
  readonly limits: string;
  /** Plans the chain with the granted leases. Call it once. */
  readonly container: (granted: Granted) => Link<NsexecPlan>;
  /** The container's first process is a grandchild of ours. */
  readonly indirect: boolean;
  /** With --net veth. */
  readonly network: NetworkPlan | undefined;
  /** With --userns auto. */
  readonly userns: boolean;
  /** The profile of --seccomp FILE, as it was read. */
  readonly profile: Buffer | undefined;
  readonly hostname: string;
  /** The root, or a layer over it, can be written to. */
  readonly writable: boolean;
  /** The chain as argvs, with --print-chain. */
  readonly argvs: { readonly make: readonly string[]; readonly run: readonly string[]; readonly remove: readonly string[] } | undefined;
  /** For an ordinary user. */
  readonly own: OwnIds | undefined;
  /** confine and its options, for `contain exec` too. */
  readonly confine: readonly string[];
  /** Remarks on its confinement, if it may be weaker than expected. */
  readonly remarks: readonly string[];
  /** `pid1` is PID 1, and the program its child. */
  readonly init: boolean;
  readonly tty: boolean;
  readonly detach: boolean;
  /** Forget a detached container when it ends. */
  readonly remove: boolean;
  /** Bytes of its log; undefined for no bound. */
  readonly logSize: number | undefined;
  readonly quiet: boolean;
}

/** The leases of a container. */
export interface Granted {
  readonly ip: string | undefined;
  readonly ids: IdLease | undefined;
  /** Files of ours, by their paths inside. */
  readonly files: readonly NameFile[];
  /** The ports that pasta passes on, if not all of --publish. */
  readonly ports?: readonly Published[];
}

const GRACE = 10_000; // milliseconds

/** Composes a container. Nothing is changed. @throws UsageError; ToolError if limits are asked for without cgroup v2 */
export function composeRun(given: Options<RunOption>, chain: Chain): RunPlan {
  if (given.rest.length === 0) throw new UsageError("missing program", "contain run [options] [--] PROG [ARG…]");
  const id = makeId();
  const name = `contain-${id}`;
  const limits = limitWords(given);
  const hierarchy = findHierarchyFor(limits.length > 0);
  const group = hierarchy === undefined ? undefined : findGroup(name, hierarchy, limits.length > 0);
  const rootless = process.geteuid?.() !== 0;
  const devices = deviceList(given, rootless, group);
  const settings = [...limits, ...devices.words];
  const make = ["cgset", "--name", name, ...(settings.length > 0 ? settings : ["--make"])];
  const remove = ["cgset", "--name", name, "--kill", "--rm"];
  const makeGroup = chain.link(cgset, make);
  const tty = given.has("tty");
  const network = readNetwork(given, rootless);
  if (network?.nat && network.by === "veth") checkNft();
  const namespaces = readNamespaces(given);
  const userns = readUserns(given, rootless, namespaces.wanted);
  const own = rootless ? ownIds() : undefined;
  const printed = given.has("print-chain");
  const exec = chain.settings.mode === "exec";
  if (userns && network !== undefined && (printed || exec))
    throw new UsageError(
      `--${printed ? "print-chain" : "chain exec"} does not go with --userns auto and --net veth`,
      "the pair is made from outside while the container waits, and no link of the chain does that",
    );
  // With --chain exec an outer nsexec makes the inner nsexec, so that it too dies with us.
  const outer = ["nsexec", "--fork", ...(tty ? ["--tty"] : []), "--"];
  const argv = (granted: Granted, relay: boolean) =>
    containerArgv(chain.context, given, {
      ...{ id, group, own, granted, relay },
      // Another user namespace may not make the host's end: run.ts does it from outside.
      veth: granted.ip === undefined || granted.ids !== undefined || network?.by !== "veth" ? [] : vethWords(id, granted.ip),
      pasta: granted.ip === undefined || network?.by !== "pasta" ? [] : pastaWords(granted.ports ?? network.publish, granted.ip),
    });
  const link = (words: readonly string[]) => chain.link(nsexec, words);
  const profile = readSeccomp(chain.context, given, printed);
  const rootfs = given.value("rootfs") ?? "/";
  let plan = (granted: Granted) => link(exec ? [...outer, ...argv(granted, false)] : argv(granted, tty));
  let run: readonly string[] | undefined;
  if (printed) {
    run = argv({ ip: network && likelyAddress(network), ids: userns ? freeRange() : undefined, files: [] }, tty);
    link(run);
  } else if (network === undefined && !userns) {
    const container = plan({ ip: undefined, ids: undefined, files: [] }); // errors in it are reported before anything is made
    plan = () => container;
  } else checkRootfs(rootfs);
  const stopSignal = given.value("stop-signal");
  const grace = given.value("grace");
  return {
    id,
    name: given.value("name") === undefined ? undefined : checkName("--name", given.value("name") ?? ""),
    labels: readLabels(given.all("label")),
    cidfile: checkCidfile(given.value("cidfile")),
    argv: given.rest,
    rootfs,
    user: given.value("user"),
    env: variablesOf(chain.context, given, namespaces.hostname).flatMap(({ name, value }) =>
      value === undefined ? [] : [`${name}=${value}`],
    ),
    hierarchy,
    group,
    stopSignal: stopSignal === undefined ? SIGTERM : parseSignal(stopSignal),
    grace: grace === undefined ? GRACE : parseTime("--grace", grace),
    json: given.value("json") === undefined ? undefined : resolve(given.value("json") ?? ""),
    record: given.value("record") === undefined ? undefined : resolve(given.value("record") ?? ""),
    makeGroup: group === undefined ? undefined : makeGroup,
    removeGroup: group === undefined ? undefined : chain.link(cgset, remove),
    limits: describeLimits(given),
    container: plan,
    indirect: exec,
    network,
    userns,
    profile,
    hostname: namespaces.hostname,
    writable: given.has("rw") || given.has("overlay"),
    argvs: run && { make: group === undefined ? [] : make, run, remove: group === undefined ? [] : remove },
    own,
    confine: confineWords(given),
    remarks: [
      describeNone(given, { rootless, ids: userns, ownUserNamespace: namespaces.wanted.has("user") }),
      describeNetwork(given, namespaces),
      devices.missing,
    ].flatMap((text) => text ?? []),
    init: given.has("init"),
    tty,
    detach: given.has("detach"),
    remove: given.has("rm"),
    logSize: readLogSize(given.value("log-size"), given.has("detach")),
    quiet: given.has("quiet"),
  };
}

/** TERM is the only variable of the caller's that describes the container's surroundings: the terminal. */
export function callersTerm({ env }: Context): string {
  return `TERM=${env["TERM"] ?? "xterm"}`;
}

/** The profile of --seccomp FILE, read now. @throws UsageError */
function readSeccomp(context: Context, given: Options<RunOption>, printed: boolean): Buffer | undefined {
  const file = profileFile(given);
  if (file === undefined) return undefined;
  if (printed && !canBeReadAgain(file))
    throw new UsageError(`--seccomp ${file}: not a regular file, which a printed chain could not read again`, "give a regular file");
  return readGiven(context, "--seccomp", file, "it is default, none, or a file");
}

interface Where {
  readonly id: string;
  readonly group: string | undefined;
  readonly own: OwnIds | undefined;
  readonly granted: Granted;
  /** This nsexec is the outer end of the pseudo-terminal. */
  readonly relay: boolean;
  /** veth and its options; none without --net veth. */
  readonly veth: readonly string[];
  /** nsexec's options for pasta; none unless an ordinary user has --net veth. */
  readonly pasta: readonly string[];
}

/** runc's name for it, by which `contain exec` finds it. */
export const keyringWords = (id: string) => ["--keyring", `_ses.${id}`];

function vethWords(id: string, ip: string): string[] {
  return ["veth", "--bridge", BRIDGE, "--address", `${ip}/${NETWORK.prefix}`, "--gateway", NETWORK.ip, "--host-name", hostNameOf(id), "--"];
}

function pastaWords(ports: readonly Published[], ip: string): string[] {
  return ["--pasta", `${ip}/${NETWORK.prefix}`, ...ports.flatMap((wanted) => ["--publish", describePublished(wanted)])];
}

function containerArgv(context: Context, given: Options<RunOption>, { id, group, own, granted, relay, pasta, veth }: Where): string[] {
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

export function checkVariable(text: string): string {
  if (!/^[^=]+=/.test(text)) throw new UsageError(`--env ${text}: must be NAME=VALUE`);
  return text;
}

/** Missing cgroup v2 is fatal only if limits were asked for. */
function findHierarchyFor(limits: boolean): Hierarchy | undefined {
  try {
    return findHierarchy();
  } catch (error) {
    if (limits || !(error instanceof ToolError)) throw error;
    return undefined;
  }
}

/** The directory of the group. Without limits it is undefined if the parent is not writable or cannot have child groups. */
function findGroup(name: string, hierarchy: Hierarchy, needed: boolean): string | undefined {
  const dir = placeOf(name, undefined, hierarchy);
  const parent = dir.slice(0, dir.lastIndexOf("/"));
  return needed || (isWritable(parent) && groupType(parent) === "domain") ? dir : undefined;
}

/** Twelve hexadecimal digits, as docker's short ids. */
function makeId(): string {
  const bytes = Buffer.alloc(6);
  const fd = open("/dev/urandom");
  read(fd, bytes);
  close(fd);
  return bytes.toString("hex");
}
