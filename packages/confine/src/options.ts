// The options of confine.
import { withCommon } from "@contain-tools/chain";

const set = (name: string) =>
  ({
    type: "string",
    valueHint: "LIST",
    description: `PROG's ${name} set, exactly; sets that are not given stay (capabilities(7))`,
  }) as const;

export const options = withCommon({
  caps: { type: "string", valueHint: "LIST", description: "PROG's capabilities, for any user: ambient too, and no others" },
  keep: { type: "string", valueHint: "LIST", description: "the capabilities that root keeps; `default` means docker's fourteen" },
  drop: { type: "string", valueHint: "LIST", description: "the capabilities to take away" },
  bounding: set("bounding"),
  permitted: set("permitted"),
  effective: set("effective"),
  inheritable: set("inheritable"),
  ambient: set("ambient"),
  "ignore-unknown-caps": { type: "boolean", description: "warn about an unknown capability instead of refusing it" },
  "no-new-privs": { type: "boolean", description: "set-user-ID programs and capabilities of files give nothing" },
  "allow-new-privs": {
    type: "boolean",
    description:
      "with --seccomp: leave no_new_privs as it is; the filter is loaded with CAP_SYS_ADMIN, which is required, before the capabilities are dropped",
  },
  user: {
    type: "string",
    alias: "u",
    valueHint: "UID[:GID]",
    description: "the user of PROG: numbers, or names of /etc/passwd and /etc/group",
  },
  groups: { type: "string", valueHint: "GID,…", description: "with --user: the supplementary groups of PROG, exactly; none" },
  umask: { type: "string", valueHint: "MODE", description: "the file mode creation mask, in octal (umask(2))" },
  ulimit: { type: "string", valueHint: "NAME=SOFT[:HARD]", repeat: true, description: "a resource limit of PROG (getrlimit(2))" },
  rlimit: {
    type: "string",
    valueHint: "RLIMIT_NAME=SOFT:HARD",
    repeat: true,
    description: "the same by the kernel's name, each at most once; unlimited",
  },
  "oom-score-adj": {
    type: "string",
    valueHint: "N",
    description: "-1000 to 1000: which process is killed first when memory is short (proc_pid_oom_score_adj(5))",
  },
  personality: { type: "string", valueHint: "LINUX|LINUX32", description: "the execution domain (personality(2))" },
  scheduler: {
    type: "string",
    valueHint: "POLICY[:KEY=N,…]",
    description:
      "SCHED_BATCH:nice=5, SCHED_FIFO:priority=10, SCHED_DEADLINE:runtime=…,deadline=…,period=… in ns; flags=A+B (sched_setattr(2))",
  },
  "io-priority": {
    type: "string",
    valueHint: "CLASS[:N]",
    description: "IOPRIO_CLASS_BE:4, IOPRIO_CLASS_IDLE, IOPRIO_CLASS_RT:0 (ioprio_set(2))",
  },
  affinity: { type: "string", valueHint: "CPUS", description: "the CPUs that PROG may run on: 0-3,5 (sched_setaffinity(2))" },
  "memory-policy": {
    type: "string",
    valueHint: "MODE[:NODES[:FLAGS]]",
    description: "where pages are allocated: MPOL_BIND:0-1, MPOL_INTERLEAVE:0,2:MPOL_F_STATIC_NODES (set_mempolicy(2))",
  },
  apparmor: { type: "string", valueHint: "PROFILE", description: "the AppArmor profile of PROG" },
  "selinux-label": { type: "string", valueHint: "LABEL", description: "the SELinux context of PROG" },
  seccomp: {
    type: "string",
    valueHint: "default|FILE|none",
    description:
      "the system calls that PROG may make: docker's default profile, or a FILE.json in docker's or the OCI format; sets no_new_privs unless --allow-new-privs",
  },
  "listener-state": {
    type: "string",
    valueHint: "FILE",
    description: "with a --seccomp that has SCMP_ACT_NOTIFY: the container's state in JSON, for the agent at its listenerPath",
  },
  landlock: {
    type: "string",
    valueHint: "PATH[:ro|rw]",
    repeat: true,
    description: "only files below these paths, `ro` (the default) to read and execute; sets no_new_privs",
  },
  "trace-denied": { type: "boolean", description: "report each refused call, the program, and what would allow it" },
});
export type Name = keyof typeof options;
