// Options of docker and podman that dockerwords.ts turns into others of ours.
import type { OptionTable } from "@contain-tools/chain";

export const dockerFiles = {
  entrypoint: { type: "string", valueHint: "PROG", description: "the program; the words after the options are its arguments" },
  "shm-size": { type: "string", valueHint: "SIZE", description: "the size of /dev/shm" },
} as const satisfies OptionTable;
export const dockerLimits = {
  "memory-swap": {
    type: "string",
    valueHint: "SIZE",
    description: "memory and swap together, with --memory: memory.swap.max is the difference; -1 is no limit",
  },
  "memory-reservation": { type: "string", valueHint: "SIZE", description: "memory.low: below it the group is reclaimed last" },
  "cpu-shares": { type: "string", valueHint: "N", description: "cpu.weight from 2 to 262144 shares, of which 1024 are docker's default" },
  "cpu-quota": { type: "string", valueHint: "µs", description: "cpu.max: the quota of each period; -1 is no limit" },
  "cpu-period": { type: "string", valueHint: "µs", description: "cpu.max: the period of --cpu-quota (100000)" },
  "cpuset-mems": { type: "string", valueHint: "NODES", description: "cpuset.mems: 0-1" },
} as const satisfies OptionTable;
export const dockerNamespaces = {
  pid: { type: "string", valueHint: "host|private", description: "host: the host's PID namespace" },
  ipc: { type: "string", valueHint: "host|private", description: "host: the host's IPC namespace" },
  uts: { type: "string", valueHint: "host|private", description: "host: the host's UTS namespace" },
  cgroupns: { type: "string", valueHint: "host|private", description: "host: the host's cgroup namespace" },
} as const satisfies OptionTable;
export const dockerConfinement = {
  "group-add": { type: "string", valueHint: "GID", repeat: true, description: "one more group of the program: as --user UID[:GID]+GID" },
  "security-opt": {
    type: "string",
    valueHint: "OPT",
    repeat: true,
    description: "no-new-privileges, or seccomp=FILE|unconfined, which implies --confine",
  },
  privileged: {
    type: "boolean",
    description: "accepted: without --confine nothing is taken away from root, --rw leaves the root writable",
  },
} as const satisfies OptionTable;
export const dockerLife = {
  interactive: { type: "boolean", alias: "i", description: "accepted: the program always has the caller's standard input" },
} as const satisfies OptionTable;
export const dockerOptions = { ...dockerFiles, ...dockerLimits, ...dockerNamespaces, ...dockerConfinement, ...dockerLife };
