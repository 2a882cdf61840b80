// The options of pivot.
import { type OptionSpec, withCommon } from "@contain-tools/chain";

/** What the program finds inside; `contain run` has these options too, and passes them on unchanged. */
export const insideOptions = {
  env: {
    type: "string",
    alias: "e",
    valueHint: "NAME[=VALUE]",
    repeat: true,
    description: "set a variable for the program; without a value the caller's, if there is one",
  },
  "env-file": { type: "string", valueHint: "FILE", repeat: true, description: "the same for each line of FILE, NAME=VALUE or NAME" },
  user: {
    type: "string",
    alias: "u",
    valueHint: "UID[:GID]",
    description: "the program's user: numbers, or names of the root's own /etc/passwd and /etc/group",
  },
  ulimit: {
    type: "string",
    valueHint: "NAME=SOFT[:HARD]",
    repeat: true,
    description: "a resource limit of the program: nofile=1024:4096, core=-1, stack, nproc, … (getrlimit(2))",
  },
  sysctl: {
    type: "string",
    valueHint: "KEY=VALUE",
    repeat: true,
    description: "set a kernel parameter of a new namespace, never the host's: net.*, fs.mqueue.*, kernel.shm*, kernel.msg*, kernel.sem",
  },
  tmpfs: {
    type: "string",
    valueHint: "DST[:SIZE]",
    repeat: true,
    description: "mount a tmpfs on DST inside; a SIZE of max means no limit; also DST:size=10m,mode=1777,noexec,… (tmpfs(5))",
  },
  mount: {
    type: "string",
    valueHint: "type=TYPE,…",
    repeat: true,
    description:
      "the same in docker's words: type=bind,source=SRC,target=DST[,readonly][,bind-propagation=rslave], type=tmpfs,target=DST; or any file system, with the options of mount(8): type=TYPE,source=SRC,target=DST[,nosuid][,size=1M]…",
  },
  overlay: {
    type: "boolean",
    optionalValue: true,
    valueHint: "DIR",
    description: "a writable layer over the read-only root, thrown away at the end; =DIR keeps it in DIR/upper",
  },
  "overlay-lower": {
    type: "string",
    valueHint: "DIR",
    repeat: true,
    description: "stack DIR over the root, read-only; the first one is the lowest, as in an image",
  },
} as const satisfies Readonly<Record<string, OptionSpec>>;

export const options = withCommon({
  rw: { type: "boolean", description: "leave the root writable; otherwise it and every mount below it are read-only" },
  "no-default-mounts": {
    type: "boolean",
    description:
      "mount only what is given, make missing directories and files in the root, --cwd too, and make only the root read-only, last; --mount takes the words of fstab(5)",
  },
  "no-proc": { type: "boolean", description: "do not mount /proc" },
  "no-dev": { type: "boolean", description: "do not make a /dev" },
  sys: { type: "boolean", description: "mount /sys, read-only" },
  nodev: {
    type: "boolean",
    description:
      "no device node of the root, of its layers or of a volume can be opened, nor one that is made inside; those of the new /dev can",
  },
  device: {
    type: "string",
    valueHint: "HOST[:CONT]",
    repeat: true,
    description:
      "the host's device node HOST, or all in the directory HOST, as CONT inside; or PATH:TYPE:MAJOR:MINOR:MODE:UID:GID, a node that is made (TYPE c, b, u, or p for a FIFO)",
  },
  "dev-links": { type: "boolean", description: "make /dev/fd, stdin, stdout, stderr and ptmx, where --no-dev leaves /dev to others" },
  mask: { type: "boolean", description: "hide and protect the same files of /proc and /sys as docker, such as /proc/kcore and /proc/sys" },
  "mask-path": { type: "string", valueHint: "PATH", repeat: true, description: "hide this PATH inside, if it exists" },
  "ro-path": { type: "string", valueHint: "PATH", repeat: true, description: "make this PATH inside read-only, if it exists" },
  "root-propagation": {
    type: "string",
    valueHint: "[r]private|[r]slave|[r]shared|[r]unbindable",
    description: "the propagation of the new root, with r of all below it (private; mount_namespaces(7))",
  },
  hide: {
    type: "string",
    valueHint: "DIR",
    repeat: true,
    description:
      "cover DIR of the host by an empty read-only tmpfs wherever it is visible inside, except in a --bind of DIR itself or with shared propagation",
  },
  bind: { type: "string", valueHint: "SRC:DST", repeat: true, description: "bind-mount SRC of the host on DST inside" },
  "ro-bind": { type: "string", valueHint: "SRC:DST", repeat: true, description: "the same, read-only" },
  tty: {
    type: "boolean",
    description: "give PROG a pseudo-terminal of the new /dev/pts, also as /dev/console; an `nsexec --tty` before it holds the other end",
  },
  cwd: { type: "string", valueHint: "DIR", description: "working directory inside (/)" },
  ...insideOptions,
  hook: {
    type: "string",
    valueHint: "createContainer=FILE",
    description: "before the root changes, run the hooks in this JSON file; it is what contain-oci passes on (OCI runtime-spec)",
  },
  "clear-env": { type: "boolean", description: "start from an empty environment" },
  "no-unshare": { type: "boolean", description: "use the caller's mount namespace, made for this purpose" },
});
export type Name = keyof typeof options;
