// The options of nsexec. Names are those of unshare(1) and nsenter(1).
import { withCommon } from "@contain-tools/chain";

const kind = (alias: string, description: string) =>
  ({ type: "boolean", alias, optionalValue: true, valueHint: "FILE", description }) as const;

export const options = withCommon({
  mount: kind("m", "new mount namespace, or with -t that of the target; =FILE keeps it there (with -t: joins that file's)"),
  uts: kind("u", "the same for the UTS namespace (host name)"),
  ipc: kind("i", "the same for the IPC namespace"),
  net: kind("n", "the same for the network namespace; a new one has loopback, up"),
  pid: kind("p", "the same for the PID namespace; implies --fork"),
  user: kind("U", "the same for the user namespace; implies --fork"),
  cgroup: kind("C", "the same for the cgroup namespace"),
  time: kind("T", "the same for the time namespace; implies --fork"),
  join: {
    type: "string",
    valueHint: "KIND=FILE",
    repeat: true,
    description: "join the namespace of this FILE, in addition to the new ones: net=/run/netns/box, ipc=/proc/PID/ns/ipc",
  },
  "net-socket": {
    type: "string",
    alias: "N",
    valueHint: "FD",
    description: "with -t: join the network namespace of the socket that is the target's descriptor FD",
  },
  all: { type: "boolean", alias: "a", description: "all kinds except the user namespace; with -t all of the target's" },
  target: { type: "string", alias: "t", valueHint: "PID", description: "join namespaces of this process instead of making new ones" },
  fork: { type: "boolean", alias: "f", description: "run PROG in a child, and stay as its transparent parent" },
  "kill-child": {
    type: "boolean",
    optionalValue: true,
    valueHint: "SIG",
    description: "the signal the child gets when nsexec dies; KILL when it forks, `none` to let it live",
  },
  leave: {
    type: "boolean",
    description:
      "end as soon as PROG, or a `hold` before it, has started; it continues in its own session, adopted by the nearest subreaper; implies --fork",
  },
  "pid-file": { type: "string", valueHint: "FILE", description: "with --leave: a file for the PID, written atomically" },
  "console-socket": {
    type: "string",
    valueHint: "PATH",
    description: "with --leave --tty: the Unix socket whose listener gets the master of the pseudo-terminal (SCM_RIGHTS)",
  },
  foreground: {
    type: "boolean",
    description: "run PROG in its own process group, in the terminal's foreground if nsexec is; a background job of a shell stays one",
  },
  "own-group": {
    type: "boolean",
    description: "run PROG in its own process group: otherwise kill(2) with 0 reaches the caller's group, from any PID namespace",
  },
  tty: {
    type: "boolean",
    description:
      "give PROG a pseudo-terminal, which nsexec connects to its own terminal; a later `pivot --tty` makes it, otherwise nsexec; implies --fork",
  },
  "into-cgroup": { type: "string", valueHint: "PATH", description: "the child is born in this cgroup (CLONE_INTO_CGROUP); implies --fork" },
  "map-root-user": { type: "boolean", alias: "r", description: "be root inside: map the effective ids to 0; implies --user" },
  "map-current-user": { type: "boolean", alias: "c", description: "map the effective ids to themselves; implies --user" },
  "map-user": { type: "string", valueHint: "UID", description: "map the effective user id to this one inside; implies --user" },
  "map-group": { type: "string", valueHint: "GID", description: "map the effective group id to this one inside; implies --user" },
  "map-users": {
    type: "string",
    valueHint: "IN:OUT:N",
    repeat: true,
    description:
      "map N user ids from OUT outside to IN inside, or OUT,IN,N; auto: the first range of /etc/subuid to 0 and up, subids: that range to itself, all: every id to itself; implies --user",
  },
  "map-groups": {
    type: "string",
    valueHint: "IN:OUT:N",
    repeat: true,
    description: "the same for group ids and /etc/subgid",
  },
  "map-auto": { type: "boolean", description: "map the ranges of /etc/subuid and /etc/subgid from 0 on; implies --user" },
  shift: {
    type: "string",
    valueHint: "PATH",
    repeat: true,
    description: "start from a root with only these PATHs, /proc and /dev; their owners are shifted by the maps (idmapped mounts)",
  },
  "ro-shift": { type: "string", valueHint: "PATH", repeat: true, description: "the same, and nobody inside can make PATH writable" },
  unshifted: { type: "string", valueHint: "PATH", repeat: true, description: "also this PATH, with its owners unchanged" },
  lock: {
    type: "string",
    valueHint: "PATH",
    repeat: true,
    description: "make PATH and the mounts below it read-only, so that nobody in the new user namespace can make them writable",
  },
  unlocked: { type: "string", valueHint: "PATH", repeat: true, description: "except this PATH and the mounts below it" },
  setgroups: { type: "string", valueHint: "allow|deny", description: "whether setgroups(2) may be called in the new user namespace" },
  propagation: {
    type: "string",
    valueHint: "private|slave|shared|unchanged",
    description: "propagation of all mounts in a new mount namespace (private)",
  },
  "mount-proc": { type: "boolean", optionalValue: true, valueHint: "DIR", description: "mount proc on /proc or DIR; implies --mount" },
  hostname: { type: "string", valueHint: "NAME", description: "set the host name; implies --uts" },
  domainname: { type: "string", valueHint: "NAME", description: "set the NIS domain name; implies --uts" },
  wd: {
    type: "string",
    alias: "w",
    valueHint: "DIR",
    description: "change the working directory; with -t the caller's DIR, opened before the mounts change",
  },
  wdns: { type: "string", alias: "W", valueHint: "DIR", description: "the same, with -t the DIR inside" },
  "target-env": { type: "boolean", alias: "e", description: "with -t: start from the environment of the target" },
  env: { type: "string", valueHint: "NAME=VALUE", repeat: true, description: "set a variable for what runs inside" },
  "clear-env": { type: "boolean", description: "start from an empty environment" },
  root: { type: "string", alias: "R", valueHint: "DIR", description: "chroot to DIR" },
  setuid: { type: "string", alias: "S", valueHint: "UID", description: "set the user id; with -t `follow` takes the target's" },
  as: {
    type: "string",
    valueHint: "UID[:GID]",
    description: "the user of PROG: numbers, or names of /etc/passwd and /etc/group inside; sets HOME if it is not set",
  },
  setgid: {
    type: "string",
    alias: "G",
    valueHint: "GID",
    description: "set the group id, and drop supplementary groups; with -t `follow` takes the target's",
  },
  keyring: {
    type: "string",
    valueHint: "NAME",
    description: "a session keyring of this name instead of the caller's: a new one, or with -t the existing one (session-keyring(7))",
  },
  pasta: {
    type: "string",
    valueHint: "IP/BITS",
    description: "for an ordinary user: pasta(1) connects the new network namespace, whose eth0 has this address; implies --net and --fork",
  },
  publish: {
    type: "string",
    valueHint: "[IP:]HOST:CONT[/udp]",
    repeat: true,
    description: "with --pasta: port HOST outside leads to port CONT inside",
  },
  monotonic: {
    type: "string",
    valueHint: "SECONDS",
    description: "offset of CLOCK_MONOTONIC, with up to nine decimals, or negative; implies --time",
  },
  boottime: { type: "string", valueHint: "SECONDS", description: "the same for CLOCK_BOOTTIME" },
});
export type Name = keyof typeof options;
