// Options to the argvs of the other tools: a container as a chain that can be typed by hand.
import { cgset } from "@contain-tools/cgset";
import { type Chain, type Context, canBeReadAgain, type Options, readGiven } from "@contain-tools/chain";
import { UsageError } from "@contain-tools/kernel";
import { nsexec } from "@contain-tools/nsexec";
import { checkRootfs } from "@contain-tools/pivot";
import { freeRange } from "@contain-tools/state";
import { NETWORK } from "../network/constants.ts";
import { readHosts } from "../network/files.ts";
import { checkNft } from "../network/nat.ts";
import { likelyAddress, readNetwork } from "../network/plan.ts";
import { readUserns } from "../userns/plan.ts";
import { ownIds } from "../userns/rootless.ts";
import { containerArgv, pastaWords, vethWords } from "./argv.ts";
import { confineWords, describeNone, profileFile } from "./confinement.ts";
import { deviceList } from "./devices.ts";
import { findGroup, findHierarchyFor } from "./group.ts";
import { keptWords } from "./kept.ts";
import { readLife } from "./life.ts";
import { describeLimits, limitWords } from "./limits.ts";
import { describeNetwork, readNamespaces } from "./namespaces.ts";
import type { RunOption } from "./options.ts";
import { variablesOf } from "./pivotwords.ts";
import type { Again, Leases, RunPlan } from "./plan.ts";
import { checkHostsProgram } from "./program.ts";

/** Composes a container. Nothing is changed. @throws UsageError; ToolError if limits are asked for without cgroup v2 */
export function composeRun(given: Options<RunOption>, chain: Chain, again?: Again): RunPlan {
  if (given.rest.length === 0) throw new UsageError("missing program", "[options] [--] PROG [ARG…]");
  const life = readLife(given, again);
  const { id } = life;
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
  const hosts = readHosts(given.all("add-host"), network && NETWORK.ip);
  const userns = readUserns(given, rootless, namespaces.wanted);
  const own = rootless ? ownIds() : undefined;
  const printed = given.has("print-chain") || given.has("print-config");
  const exec = chain.settings.mode === "exec";
  if (userns && network !== undefined && (printed || exec))
    throw new UsageError(
      `--${printed ? (given.has("print-chain") ? "print-chain" : "print-config") : "chain exec"} does not go with --userns auto and --net veth`,
      "the pair is made from outside while the container waits, and no link of the chain does that",
    );
  // With --chain exec an outer nsexec makes the inner nsexec, so that it too dies with us.
  const outer = ["nsexec", "--fork", ...(tty ? ["--tty"] : []), "--"];
  const argv = (granted: Leases, relay: boolean) =>
    containerArgv(chain.context, given, {
      ...{ id, group, own, granted, relay },
      // Another user namespace may not make the host's end: run.ts does it from outside.
      veth: granted.ip === undefined || granted.ids !== undefined || network?.by !== "veth" ? [] : vethWords(id, granted.ip),
      pasta: granted.ip === undefined || network?.by !== "pasta" ? [] : pastaWords(granted.ports ?? network.publish, granted.ip),
    });
  const link = (words: readonly string[]) => chain.link(nsexec, words);
  const variables = variablesOf(chain.context, given, namespaces.hostname);
  checkHostsProgram(given, variables);
  const profile = readSeccomp(chain.context, given, printed);
  const rootfs = given.value("rootfs") ?? "/";
  let plan = (granted: Leases) => link(exec ? [...outer, ...argv(granted, false)] : argv(granted, tty));
  let run: readonly string[] | undefined;
  if (printed) {
    run = argv({ ip: network && likelyAddress(network), ids: userns ? freeRange() : undefined, files: [] }, tty);
    link(run);
  } else if (network === undefined && !userns && hosts.length === 0) {
    const container = plan({ ip: undefined, ids: undefined, files: [] }); // errors in it are reported before anything is made
    plan = () => container;
  } else checkRootfs(rootfs);
  return {
    ...life,
    argv: given.rest,
    rootfs,
    user: given.value("user"),
    env: variables.flatMap(({ name, value }) => (value === undefined ? [] : [`${name}=${value}`])),
    hierarchy,
    group,
    makeGroup: group === undefined ? undefined : makeGroup,
    removeGroup: group === undefined ? undefined : chain.link(cgset, remove),
    limits: describeLimits(given),
    container: plan,
    indirect: exec,
    network,
    userns,
    profile,
    hostname: namespaces.hostname,
    hosts,
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
    kept: life.detach ? keptWords(chain.context, given, id) : undefined,
    link,
  };
}

/** The profile of --seccomp FILE, read now. @throws UsageError */
function readSeccomp(context: Context, given: Options<RunOption>, printed: boolean): Buffer | undefined {
  const file = profileFile(given);
  if (file === undefined) return undefined;
  if (printed && !canBeReadAgain(file))
    throw new UsageError(`--seccomp ${file}: not a regular file, which a printed chain could not read again`, "give a regular file");
  return readGiven(context, "--seccomp", file, "it is default, none, or a file");
}
