// A program's user, capabilities, limits and filter, as words of confine: for the container's first process and for exec.
import { OciError } from "../failure.ts";
import { CAPABILITY_SETS, type Linux, type Process, type Scheduler } from "../spec/spec.ts";

/** The parts of linux.* that apply to every process. */
export interface Rails extends Pick<Linux, "personality" | "memoryPolicy"> {
  /** The file with linux.seccomp. */
  readonly seccomp: string | undefined;
  /** The file with the state for the agent at its listenerPath. */
  readonly listener: string | undefined;
}

/** @param affinity the CPUs of a process that exec starts */
export function processWords(process: Process, { seccomp, listener, personality, memoryPolicy }: Rails, affinity?: string): string[] {
  const { user = {}, capabilities = {}, rlimits = [], oomScoreAdj, ioPriority, scheduler } = process;
  return [
    "--ignore-unknown-caps",
    ...CAPABILITY_SETS.flatMap((set) => [`--${set}`, list(set === "ambient" ? possibleAmbient(process) : capabilities[set])]),
    ...["--groups", list(user.additionalGids)],
    ...(user.umask === undefined ? [] : ["--umask", user.umask.toString(8).padStart(4, "0")]),
    ...["--user", `${user.uid ?? 0}:${user.gid ?? 0}`],
    ...rlimitWords(rlimits),
    ...(oomScoreAdj === undefined ? [] : ["--oom-score-adj", `${oomScoreAdj}`]),
    ...(personality === undefined ? [] : ["--personality", [personality.domain, ...(personality.flags ?? [])].join(",")]),
    ...(scheduler === undefined ? [] : ["--scheduler", schedulerWord(scheduler)]),
    ...(ioPriority === undefined ? [] : ["--io-priority", `${ioPriority.class}:${ioPriority.priority ?? 0}`]),
    ...(memoryPolicy === undefined ? [] : ["--memory-policy", policyWord(memoryPolicy)]),
    ...(affinity ? ["--affinity", affinity.replaceAll(" ", "")] : []),
    ...(seccomp === undefined ? [] : ["--seccomp", seccomp]),
    ...(listener === undefined ? [] : ["--listener-state", listener]),
    ...(process.noNewPrivileges ? ["--no-new-privs"] : seccomp === undefined ? [] : ["--allow-new-privs"]),
    ...(process.apparmorProfile ? ["--apparmor", process.apparmorProfile] : []),
    ...(process.selinuxLabel ? ["--selinux-label", process.selinuxLabel] : []),
  ];
}

/** The kernel raises in the ambient set only what is permitted and inheritable too (capabilities(7)); buildah asks for more. */
export function possibleAmbient({ capabilities = {} }: Process): readonly string[] {
  const { ambient = [], permitted = [], inheritable = [] } = capabilities;
  return ambient.filter((name) => permitted.includes(name) && inheritable.includes(name));
}

const list = (names: readonly (string | number)[] | undefined): string =>
  names === undefined || names.length === 0 ? "none" : names.join(",");

function rlimitWords(rlimits: NonNullable<Process["rlimits"]>): string[] {
  const seen = new Set<string>();
  return rlimits.flatMap(({ type, soft, hard }) => {
    if (seen.has(type)) throw new OciError(`process.rlimits: ${type} is given twice`);
    seen.add(type);
    return ["--rlimit", `${type}=${limit(soft)}:${limit(hard)}`];
  });
}

/** RLIM_INFINITY is 2^64-1, which JSON.parse rounds to 2^64. */
const limit = (value: number): string => (value >= 2 ** 64 ? "unlimited" : `${BigInt(value)}`);

function schedulerWord({ policy, flags = [], ...numbers }: Scheduler): string {
  const fields = Object.entries(numbers).map(([key, value]) => `${key}=${value}`);
  return `${policy}:${[...fields, ...(flags.length > 0 ? [`flags=${flags.join("+")}`] : [])].join(",")}`.replace(/:$/, "");
}

function policyWord({ mode, nodes, flags = [] }: NonNullable<Linux["memoryPolicy"]>): string {
  return [mode, nodes, ...(flags.length > 0 ? [flags.join(",")] : [])].join(":");
}
