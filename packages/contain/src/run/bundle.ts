// --bundle: a container that the config.json of an OCI bundle describes. The reader of that file is a parameter, so that other commands do
// not load it.
import { cgset } from "@contain-tools/cgset";
import type { Bundle, Chain, Options } from "@contain-tools/chain";
import { resolve, UsageError } from "@contain-tools/kernel";
import { nsexec } from "@contain-tools/nsexec";
import { checkRootfs } from "@contain-tools/pivot";
import { foldersToHide } from "@contain-tools/state";
import { keyringWords } from "./argv.ts";
import { findGroup, findHierarchyFor } from "./group.ts";
import { healthOptions } from "./healthoptions.ts";
import { keptWords } from "./kept.ts";
import { readLife } from "./life.ts";
import type { RunOption } from "./options.ts";
import type { Again, RunPlan } from "./plan.ts";

/** @param dir absolute @throws UsageError that names the field */
export type ReadBundle = (dir: string) => Bundle;

/** Options that do not describe what is in config.json. */
const BESIDE: readonly (RunOption | "root")[] = [
  ...(["bundle", "name", "label", "cidfile", "detach", "rm", "log-size", "grace", "stop-signal", "json", "record", "quiet"] as const),
  ...(Object.keys(healthOptions) as (keyof typeof healthOptions)[]),
  ...(["print-chain", "keep-keyring", "root", "trace", "chain", "verbose", "preserve-fds", "interactive"] as const),
];

/** Composes a container. Nothing is changed. @throws UsageError; ToolError if limits are asked for without cgroup v2 */
export function composeBundle(given: Options<RunOption>, chain: Chain, readBundle: ReadBundle, again?: Again): RunPlan {
  const other = given.given.find(({ name }) => !BESIDE.includes(name));
  if (other !== undefined) throw new UsageError(`--${other.name} does not go with --bundle`, "config.json says what the container is");
  const bundle = readBundle(resolve(given.value("bundle") ?? ""));
  checkRootfs(bundle.rootfs);
  const life = readLife(given, again);
  const hierarchy = findHierarchyFor(bundle.limits.length > 0);
  const name = `contain-${life.id}`;
  const group = hierarchy === undefined ? undefined : findGroup(name, hierarchy, bundle.limits.length > 0);
  const make = ["cgset", "--name", name, ...(bundle.limits.length > 0 ? bundle.limits : ["--make"])];
  const remove = ["cgset", "--name", name, "--kill", "--rm"];
  const args = given.rest.length > 0 ? given.rest : bundle.args;
  const { terminal } = bundle;
  const indirect = chain.settings.mode === "exec";
  const run = [
    ...["nsexec", "--fork", ...(group === undefined ? [] : ["--into-cgroup", group]), ...bundle.namespaces, "--propagation", "unchanged"],
    ...(terminal ? (indirect ? [] : ["--tty"]) : [given.has("detach") ? "--own-group" : "--foreground"]),
    ...(given.has("keep-keyring") ? [] : keyringWords(life.id)),
    ...["--", "pivot", ...foldersToHide().flatMap((folder) => ["--hide", folder]), ...bundle.root],
    ...["--", "confine", ...bundle.confine, "--", ...args],
  ];
  // As in compose.ts: with --chain exec an outer nsexec makes the inner nsexec, so that it too dies with us.
  const outer = indirect ? ["nsexec", "--fork", ...(terminal ? ["--tty"] : []), "--"] : [];
  const container = chain.link(nsexec, [...outer, ...run]);
  return {
    ...life,
    argv: args,
    rootfs: bundle.rootfs,
    user: undefined,
    env: bundle.env,
    hierarchy,
    group,
    makeGroup: group === undefined ? undefined : chain.link(cgset, make),
    removeGroup: group === undefined ? undefined : chain.link(cgset, remove),
    limits: bundle.limits.flatMap((word, at) => (bundle.limits[at - 1] === "--set" ? [`set=${word}`] : [])).join(" "),
    container: () => container,
    indirect,
    network: undefined,
    hosts: [],
    userns: false,
    profile: bundle.profile === undefined ? undefined : Buffer.from(bundle.profile),
    hostname: bundle.hostname ?? "",
    writable: bundle.writable,
    argvs: given.has("print-chain") ? { make: group === undefined ? [] : make, run, remove: group === undefined ? [] : remove } : undefined,
    own: undefined,
    confine: ["confine", ...bundle.confine, "--"],
    remarks: bundle.remarks,
    init: false,
    tty: terminal,
    kept: life.detach ? keptWords(chain.context, given, life.id) : undefined,
    link: (words) => chain.link(nsexec, words),
  };
}
