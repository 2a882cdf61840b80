// The options of `contain run`, by subject.
import { limitOptions } from "@contain-tools/cgset";
import { type OptionTable, withCommon } from "@contain-tools/chain";
import { insideOptions } from "@contain-tools/pivot";
import { dockerConfinement, dockerFiles, dockerLife, dockerLimits, dockerNamespaces } from "./dockeroptions.ts";
import { healthOptions } from "./healthoptions.ts";

const files = {
  bundle: {
    type: "string",
    valueHint: "DIR",
    description: "the container that DIR/config.json describes (OCI runtime-spec); PROG replaces its program",
  },
  rootfs: { type: "string", valueHint: "DIR", description: "the container's root (the host's own /, read-only)" },
  "read-only": { type: "boolean", description: "the root cannot be written to (the default)" },
  rw: { type: "boolean", description: "leave the root writable" },
  volume: {
    type: "string",
    alias: "v",
    fits: /^[^-:][^:]*:\//,
    valueHint: "SRC:DST[:ro]",
    repeat: true,
    description: "bind-mount SRC of the host on DST inside (-v without such a word is --verbose)",
  },
  device: {
    type: "string",
    valueHint: "HOST[:CONT[:rwm]]",
    repeat: true,
    description: "give the host's device node HOST, or all in the directory HOST, as CONT; r, w, m: to read, write, mknod (rwm)",
  },
  ...insideOptions,
  "inherit-env": { type: "boolean", description: "start from the caller's whole environment" },
  workdir: { type: "string", alias: "w", valueHint: "DIR", description: "working directory inside (/)" },
  ...dockerFiles,
} as const satisfies OptionTable;

const limits = {
  ...limitOptions,
  ...dockerLimits,
  "oom-score-adj": {
    type: "string",
    valueHint: "N",
    description: "-1000 to 1000: which process is killed first when memory is short; lower than now needs CAP_SYS_RESOURCE",
  },
} as const satisfies OptionTable;

const namespaces = {
  ns: {
    type: "string",
    valueHint: "LIST",
    description: "the namespaces to make: pid,uts,mnt,ipc,cgroup unless given, and net, user, time",
  },
  userns: {
    type: "string",
    valueHint: "auto",
    description: "as root: its own 65536 ids, from /etc/subuid and /etc/subgid; owners of files are shifted (idmapped mounts)",
  },
  ...dockerNamespaces,
  domainname: { type: "string", valueHint: "NAME", description: "the NIS domain name of its UTS namespace" },
  hostname: {
    type: "string",
    alias: "h",
    fits: /^[^-]/,
    valueHint: "NAME",
    description: "the container's host name (sandbox; -h without a word is --help)",
  },
  net: {
    type: "string",
    also: ["network"],
    valueHint: "none|host|veth",
    description:
      "none: a network namespace with only loopback; veth: one connected to the bridge contain0, for an ordinary user by pasta (host; none with --confine)",
  },
  ip: { type: "string", valueHint: "IP", description: "with --net veth: its address in 10.88.0.0/24 (a free one)" },
  publish: {
    type: "string",
    alias: "p",
    valueHint: "[IP:]HOST:CONT[/udp]",
    repeat: true,
    description: "with --net veth: port HOST of the host leads to port CONT of the container",
  },
  nat: { type: "boolean", description: "with --net veth: it reaches other hosts, in the name of this one (a masquerade rule by nft)" },
  "add-host": {
    type: "string",
    valueHint: "NAME:IP",
    repeat: true,
    description: "one more line in its /etc/hosts; IP may be host-gateway with --net veth",
  },
  dns: {
    type: "string",
    valueHint: "IP",
    repeat: true,
    description: "with --net veth: a name server in its /etc/resolv.conf (the host's)",
  },
} as const satisfies OptionTable;

const confinement = {
  confine: {
    type: "boolean",
    description:
      "docker's rails: its capabilities, its seccomp profile, its device list, no_new_privs, its masks over /proc and /sys, a network of its own",
  },
  "cap-add": { type: "string", valueHint: "LIST", repeat: true, description: "leave these capabilities too; implies --confine" },
  "cap-drop": { type: "string", valueHint: "LIST", repeat: true, description: "take these away too, or all; implies --confine" },
  seccomp: { type: "string", valueHint: "default|FILE|none", description: "with --confine: another profile, in docker's JSON format" },
  "device-cgroup-rule": {
    type: "string",
    valueHint: "RULE",
    repeat: true,
    description: 'with --confine: add to its device list, also for nodes that are made inside; as cgset --device: "c 10:200 rwm"',
  },
  "trace-denied": { type: "boolean", description: "with --confine: tell which call was refused, and what would allow it" },
  ...dockerConfinement,
  umask: { type: "string", valueHint: "MODE", description: "the file mode creation mask of the program, in octal: 0027" },
  "keep-keyring": { type: "boolean", description: "share the caller's session keyring, whose keys the program can then use" },
} as const satisfies OptionTable;

const life = {
  name: { type: "string", valueHint: "NAME", description: "a name, in addition to the id" },
  label: {
    type: "string",
    alias: "l",
    valueHint: "KEY[=VALUE]",
    repeat: true,
    description: "a mark, for `contain list --filter label=KEY`",
  },
  cidfile: { type: "string", valueHint: "FILE", description: "write the id into FILE, which must not exist" },
  init: { type: "boolean", description: "run pid1 as PID 1, and the program as its child" },
  tty: { type: "boolean", alias: "t", description: "give the program a pseudo-terminal of the container's own" },
  ...dockerLife,
  ...healthOptions,
  detach: { type: "boolean", alias: "d", description: "print the id and leave the container running in the background" },
  rm: { type: "boolean", description: "with --detach: forget the container when it ends, its log and verdict too" },
  restart: {
    type: "string",
    valueHint: "POLICY",
    description: "start it again when it ends: on-failure[:N] (status not 0; N times at most), always, unless-stopped (no)",
  },
  "log-size": { type: "string", valueHint: "SIZE", description: "how much of the newest output --detach keeps (64M); max for all" },
  grace: { type: "string", also: ["stop-timeout"], valueHint: "TIME", description: "from SIGTERM or SIGINT to SIGKILL (10s)" },
  "stop-signal": { type: "string", valueHint: "SIG", description: "what SIGTERM and `contain stop` send to PID 1 (TERM)" },
  json: { type: "string", valueHint: "FILE", description: "write the report of the end there, as one object" },
  record: {
    type: "string",
    valueHint: "FILE",
    description: "record what happens there, for `contain report`: memory, CPU, pids, signals, OOM kills",
  },
  "print-chain": { type: "boolean", description: "print what would be run, as a shell script, and run nothing" },
  "print-config": {
    type: "boolean",
    description: "print an equivalent config.json (OCI runtime-spec), report what it has no field for, and run nothing",
  },
  quiet: { type: "boolean", alias: "q", description: "no [contain] lines" },
} as const satisfies OptionTable;

export const runGroups = {
  "Root and files": files,
  Limits: limits,
  "Namespaces and network": namespaces,
  Confinement: confinement,
  "Life and output": life,
} as const;
export const runOptions = withCommon({ ...files, ...limits, ...namespaces, ...confinement, ...life });
export type RunOption = keyof typeof runOptions;
