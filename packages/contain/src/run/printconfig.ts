// --print-config: the container as the config.json of an OCI bundle. What writes that file is a parameter, so that other commands do not load it.
import type { Plan as CgsetPlan } from "@contain-tools/cgset";
import { type Chain, type Context, type Link, type Options, warn } from "@contain-tools/chain";
import { print } from "@contain-tools/explain";
import { exit, resolve, UsageError } from "@contain-tools/kernel";
import type { Plan as NsexecPlan } from "@contain-tools/nsexec";
import { composeRun } from "./compose.ts";
import { inOurWords } from "./dockerwords.ts";
import type { RunOption } from "./options.ts";

export interface Wanted {
  readonly context: Context;
  readonly container: Link<NsexecPlan>;
  readonly group: CgsetPlan | undefined;
  readonly args: readonly string[];
  /** As confine has it: default, or a file; undefined for none. */
  readonly seccomp: string | undefined;
  readonly annotations: Readonly<Record<string, string>>;
}

/** @throws UsageError, ToolError */
export type ToConfig = (wanted: Wanted) => { readonly text: string; readonly remarks: readonly string[] };

const SUPERVISOR = "contain run supervises, and config.json does not";
const NETWORK = "config.json only names the network namespace; an engine, or a hook, connects it";

/** Options without a field, and why. All others have one, or do not describe the container. */
export const NO_FIELD: Partial<Readonly<Record<RunOption, string>>> = {
  ...{ publish: NETWORK, ip: NETWORK, nat: NETWORK, dns: NETWORK },
  "add-host": "write a hosts file, and mount it on /etc/hosts",
  init: "PROG is PID 1; mount an init into the root, and write it before process.args",
  "trace-denied": "what seccomp refuses is not told",
  "keep-keyring": "contain-oci run --no-new-keyring",
  "preserve-fds": "contain-oci run --preserve-fds N",
  name: "the id is a word of the runtime's command line",
  cidfile: "the id is a word of the runtime's command line",
  ...{ detach: SUPERVISOR, rm: SUPERVISOR, restart: SUPERVISOR, "log-size": SUPERVISOR, grace: SUPERVISOR, "stop-signal": SUPERVISOR },
  ...{ json: SUPERVISOR, record: SUPERVISOR, "health-cmd": SUPERVISOR, "health-interval": SUPERVISOR, "health-timeout": SUPERVISOR },
  ...{ "health-retries": SUPERVISOR, "health-start-period": SUPERVISOR },
};

/** Nothing is changed. @throws UsageError; ToolError if limits are asked for without cgroup v2 */
export function printConfig(typed: Options<RunOption>, chain: Chain, toConfig: ToConfig): () => never {
  const other = (["bundle", "print-chain"] as const).find((name) => typed.has(name));
  if (other !== undefined) throw new UsageError(`--print-config and --${other} exclude each other`);
  const given = inOurWords(typed);
  const plan = composeRun(given, chain);
  const container = plan.link(plan.argvs?.run ?? []) as Link<NsexecPlan>;
  const profile = given.has("confine") ? (given.value("seccomp") ?? "default") : "none";
  const config = toConfig({
    context: chain.context,
    container,
    group: plan.makeGroup?.plan,
    args: plan.argv,
    seccomp: profile === "none" ? undefined : profile === "default" ? profile : resolve(profile),
    annotations: plan.labels,
  });
  const names = [...new Set(given.given.map(({ name }) => name))];
  const remarks = names.flatMap((name) => (NO_FIELD[name] === undefined ? [] : [`--${name}: no field: ${NO_FIELD[name]}`]));
  if (plan.network !== undefined) remarks.push(`--net veth: no field: ${NETWORK}`);
  return () => {
    for (const remark of [...remarks, ...config.remarks]) warn(remark);
    print(config.text);
    return exit(0);
  };
}
