// Every field of config.json (runtime-spec 1.3, its JSON schema), with its type and treatment. `[]` is an array, `{}` a map. A field that
// is not here is unknown to the specification, and is logged.

/** What a value must be. "any" is a map or a list that a tool of the chain reads. */
export type FieldType = "string" | "boolean" | "integer" | "unsigned" | "any";

/**
 * done: a tool does it. noop: accepted, but without meaning here. refused: a container that asks for it is not made; an empty value (null,
 * false, 0, "", an empty list or map) asks for nothing.
 */
type Treatment = "done" | "noop" | "refused";

export interface Field {
  readonly type: FieldType;
  readonly what: Treatment;
  /** done: the words that do it. Otherwise the reason. */
  readonly why: string;
}

const V1 = "a field of cgroup v1, which has no counterpart on v2";
const OTHER = "a field of another platform";

/** One line per group of fields: names, type, treatment, and words or reason. */
const LINES: readonly (readonly [names: string, type: FieldType, what: Treatment, why: string])[] = [
  ["ociVersion", "string", "done", "any 1.x"],
  ["root.path", "string", "done", "pivot ROOTFS"],
  ["root.readonly", "boolean", "done", "pivot without --rw"],
  ["hostname", "string", "done", "nsexec --hostname"],
  ["domainname", "string", "done", "nsexec --domainname"],
  ["annotations{}", "string", "done", "kept in the state, given to hooks"],
  ["mounts[].destination mounts[].type mounts[].source mounts[].options[]", "string", "done", "pivot --mount"],
  [
    "mounts[].uidMappings[] mounts[].gidMappings[]",
    "any",
    "refused",
    "mounts with id maps of their own are not made, since mounts are made inside of the user namespace; linux.uidMappings are",
  ],
  ["process.terminal", "boolean", "done", "pivot --tty, --console-socket"],
  ["process.consoleSize.height process.consoleSize.width", "unsigned", "noop", "the holder of the terminal sets its size"],
  ["process.cwd", "string", "done", "pivot --cwd"],
  ["process.args[]", "string", "done", "PROG"],
  ["process.env[]", "string", "done", "pivot --clear-env --env"],
  ["process.commandLine process.user.username", "string", "noop", "for Windows"],
  ["process.user.uid process.user.gid", "unsigned", "done", "confine --user"],
  ["process.user.umask", "unsigned", "done", "confine --umask"],
  ["process.user.additionalGids[]", "unsigned", "done", "confine --groups"],
  ["process.capabilities.bounding[]", "string", "done", "confine --bounding"],
  ["process.capabilities.effective[]", "string", "done", "confine --effective"],
  ["process.capabilities.permitted[]", "string", "done", "confine --permitted"],
  ["process.capabilities.inheritable[]", "string", "done", "confine --inheritable"],
  ["process.capabilities.ambient[]", "string", "done", "confine --ambient, for those that are permitted and inheritable too"],
  ["process.rlimits[].type", "string", "done", "confine --rlimit"],
  ["process.rlimits[].soft process.rlimits[].hard", "unsigned", "done", "confine --rlimit"],
  ["process.noNewPrivileges", "boolean", "done", "confine --no-new-privs"],
  ["process.oomScoreAdj", "integer", "done", "confine --oom-score-adj"],
  ["process.apparmorProfile", "string", "done", "confine --apparmor"],
  ["process.selinuxLabel", "string", "done", "confine --selinux-label"],
  ["process.scheduler.policy process.scheduler.flags[]", "string", "done", "confine --scheduler"],
  ["process.scheduler.nice process.scheduler.priority", "integer", "done", "confine --scheduler"],
  ["process.scheduler.runtime process.scheduler.deadline process.scheduler.period", "unsigned", "done", "confine --scheduler"],
  ["process.ioPriority.class", "string", "done", "confine --io-priority"],
  ["process.ioPriority.priority", "integer", "done", "confine --io-priority"],
  ["process.execCPUAffinity.initial process.execCPUAffinity.final", "string", "done", "exec: confine --affinity"],
  ["hooks.prestart[].path hooks.prestart[].args[] hooks.prestart[].env[]", "string", "done", "run by create, in the runtime's namespaces"],
  [
    "hooks.createRuntime[].path hooks.createRuntime[].args[] hooks.createRuntime[].env[]",
    "string",
    "done",
    "run by create, after prestart",
  ],
  ["hooks.createContainer[].path hooks.createContainer[].args[] hooks.createContainer[].env[]", "string", "done", "pivot --hook"],
  ["hooks.startContainer[].path hooks.startContainer[].args[] hooks.startContainer[].env[]", "string", "done", "hold --hook"],
  ["hooks.poststart[].path hooks.poststart[].args[] hooks.poststart[].env[]", "string", "done", "run by start"],
  ["hooks.poststop[].path hooks.poststop[].args[] hooks.poststop[].env[]", "string", "done", "run by delete"],
  ["hooks.prestart[].timeout hooks.createRuntime[].timeout hooks.createContainer[].timeout", "unsigned", "done", "seconds"],
  ["hooks.startContainer[].timeout hooks.poststart[].timeout hooks.poststop[].timeout", "unsigned", "done", "seconds"],
  ["linux.namespaces[].type linux.namespaces[].path", "string", "done", "nsexec --pid …, --join"],
  ["linux.uidMappings[].containerID linux.uidMappings[].hostID linux.uidMappings[].size", "unsigned", "done", "nsexec --map-users"],
  ["linux.gidMappings[].containerID linux.gidMappings[].hostID linux.gidMappings[].size", "unsigned", "done", "nsexec --map-groups"],
  ["linux.timeOffsets{}.secs", "integer", "done", "nsexec --monotonic, --boottime"],
  ["linux.timeOffsets{}.nanosecs", "unsigned", "done", "nsexec --monotonic, --boottime"],
  ["linux.devices[].type linux.devices[].path", "string", "done", "pivot --device"],
  ["linux.devices[].major linux.devices[].minor", "integer", "done", "pivot --device"],
  ["linux.devices[].fileMode linux.devices[].uid linux.devices[].gid", "unsigned", "done", "pivot --device"],
  ["linux.netDevices{}", "any", "refused", "network devices are not moved into a container; `ip link set … netns` does it"],
  ["linux.cgroupsPath", "string", "done", "cgset --path"],
  ["linux.resources.devices[].allow", "boolean", "done", "cgset --device"],
  ["linux.resources.devices[].type linux.resources.devices[].access", "string", "done", "cgset --device"],
  ["linux.resources.devices[].major linux.resources.devices[].minor", "integer", "done", "cgset --device"],
  ["linux.resources.memory.limit linux.resources.memory.reservation", "integer", "done", "cgset --set memory.max, memory.low"],
  ["linux.resources.memory.swap", "integer", "done", "cgset --set memory.swap.max, without the memory"],
  ["linux.resources.memory.checkBeforeUpdate", "boolean", "done", "update: refused when the limit is below memory.current"],
  ["linux.resources.memory.kernel linux.resources.memory.kernelTCP", "integer", "noop", V1],
  ["linux.resources.memory.swappiness", "unsigned", "noop", V1],
  ["linux.resources.memory.disableOOMKiller linux.resources.memory.useHierarchy", "boolean", "noop", V1],
  ["linux.resources.disableOOMKiller", "boolean", "noop", V1],
  ["linux.resources.oomScoreAdj", "integer", "noop", "process.oomScoreAdj has replaced it"],
  ["linux.resources.cpu.shares", "unsigned", "done", "cgset --set cpu.weight"],
  ["linux.resources.cpu.quota", "integer", "done", "cgset --set cpu.max"],
  ["linux.resources.cpu.period", "unsigned", "done", "cgset --set cpu.max"],
  ["linux.resources.cpu.burst", "unsigned", "done", "cgset --set cpu.max.burst"],
  ["linux.resources.cpu.idle", "integer", "done", "cgset --set cpu.idle"],
  ["linux.resources.cpu.cpus linux.resources.cpu.mems", "string", "done", "cgset --set cpuset.cpus, cpuset.mems"],
  ["linux.resources.cpu.realtimeRuntime", "integer", "refused", V1],
  ["linux.resources.cpu.realtimePeriod", "unsigned", "refused", V1],
  ["linux.resources.pids.limit", "integer", "done", "cgset --set pids.max"],
  ["linux.resources.blockIO.weight", "unsigned", "done", "cgset --set io.bfq.weight, io.weight"],
  ["linux.resources.blockIO.leafWeight linux.resources.blockIO.weightDevice[].leafWeight", "unsigned", "refused", V1],
  [
    "linux.resources.blockIO.weightDevice[].major linux.resources.blockIO.weightDevice[].minor linux.resources.blockIO.weightDevice[].weight",
    "integer",
    "done",
    "cgset --set io.bfq.weight, io.weight",
  ],
  ...["throttleReadBpsDevice", "throttleWriteBpsDevice", "throttleReadIOPSDevice", "throttleWriteIOPSDevice"].map(
    (name) =>
      [
        ["major", "minor", "rate"].map((key) => `linux.resources.blockIO.${name}[].${key}`).join(" "),
        "unsigned",
        "done",
        "cgset --set io.max",
      ] as const,
  ),
  ["linux.resources.hugepageLimits[].pageSize", "string", "done", "cgset --set hugetlb.SIZE.max"],
  ["linux.resources.hugepageLimits[].limit", "unsigned", "done", "cgset --set hugetlb.SIZE.max"],
  ["linux.resources.rdma{}.hcaHandles linux.resources.rdma{}.hcaObjects", "unsigned", "done", "cgset --set rdma.max"],
  ["linux.resources.network.classID", "unsigned", "refused", V1],
  ["linux.resources.network.priorities[]", "any", "refused", V1],
  ["linux.resources.unified{}", "string", "done", "cgset --set"],
  ["linux.rootfsPropagation", "string", "done", "pivot --root-propagation"],
  ["linux.maskedPaths[]", "string", "done", "pivot --mask-path"],
  ["linux.readonlyPaths[]", "string", "done", "pivot --ro-path"],
  ["linux.sysctl{}", "string", "done", "pivot --sysctl"],
  ["linux.mountLabel", "string", "refused", "SELinux contexts of mounts are not set"],
  ["linux.seccomp.defaultAction linux.seccomp.architectures[] linux.seccomp.flags[]", "string", "done", "confine --seccomp"],
  ["linux.seccomp.defaultErrnoRet", "unsigned", "done", "confine --seccomp"],
  ["linux.seccomp.syscalls[]", "any", "done", "confine --seccomp"],
  ["linux.seccomp.listenerPath linux.seccomp.listenerMetadata", "string", "done", "confine --seccomp"],
  ["linux.personality.domain linux.personality.flags[]", "string", "done", "confine --personality"],
  ["linux.memoryPolicy.mode linux.memoryPolicy.nodes linux.memoryPolicy.flags[]", "string", "done", "confine --memory-policy"],
  [
    "linux.intelRdt.closID linux.intelRdt.l3CacheSchema linux.intelRdt.memBwSchema linux.intelRdt.schemata[]",
    "string",
    "refused",
    "resctrl(7) is not set up",
  ],
  ["linux.intelRdt.enableCMT linux.intelRdt.enableMBM linux.intelRdt.enableMonitoring", "boolean", "refused", "resctrl(7) is not set up"],
  ["solaris windows vm zos freebsd", "any", "noop", OTHER],
];

/** By its path: `process.user.additionalGids[]`. */
export const FIELDS: ReadonlyMap<string, Field> = byPath();

function byPath(): Map<string, Field> {
  const fields = new Map<string, Field>();
  for (const [names, type, what, why] of LINES) for (const name of names.split(" ")) fields.set(name, { type, what, why });
  return fields;
}

const NAMES = ` ${LINES.map(([names]) => names).join(" ")}`;

/** True for a path on the way to a field: `mounts`, `mounts[]`, `mounts[].`; not for the field itself. */
export function leadsOn(path: string): boolean {
  if (path.includes(" ")) return false;
  const from = ` ${path}`;
  return /[\]}.]$/.test(path) ? NAMES.includes(from) : ["[]", "{}", "."].some((sign) => NAMES.includes(`${from}${sign}`));
}
