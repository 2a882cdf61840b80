// The eight namespaces: one row ties together the name, the clone flag and the file in /proc/PID/ns (namespaces(7)).

import { codeOf } from "../ffi/errno.ts";
import { declare } from "../ffi/libc.ts";
import { flags, quote, sys } from "../ffi/trace.ts";
import { readlink } from "../file/directory.ts";
import { close, O_NONBLOCK, open, readText } from "../file/open.ts";
import { writeKernelFile } from "../mount/file.ts";
import { procDirectory, type Whose } from "../proc/ownproc.ts";
import {
  CLONE_FLAGS,
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWTIME,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
} from "./cloneflags.ts";

export interface NamespaceKind {
  /** The option name of unshare(1). */
  readonly name: "mount" | "uts" | "ipc" | "net" | "pid" | "user" | "cgroup" | "time";
  readonly flag: number;
  /** The file in /proc/PID/ns. */
  readonly file: string;
  /** The file of the namespace that children will be in, if that is another one. */
  readonly forChildren?: string;
}

export const NAMESPACES: readonly NamespaceKind[] = [
  { name: "user", flag: CLONE_NEWUSER, file: "user" },
  { name: "pid", flag: CLONE_NEWPID, file: "pid", forChildren: "pid_for_children" },
  { name: "uts", flag: CLONE_NEWUTS, file: "uts" },
  { name: "mount", flag: CLONE_NEWNS, file: "mnt" },
  { name: "ipc", flag: CLONE_NEWIPC, file: "ipc" },
  { name: "net", flag: CLONE_NEWNET, file: "net" },
  { name: "cgroup", flag: CLONE_NEWCGROUP, file: "cgroup" },
  { name: "time", flag: CLONE_NEWTIME, file: "time", forChildren: "time_for_children" },
];

const CLONE_FS = 0x200;
const unshareC = declare("unshare");
const setnsC = declare("setns");
const sethostnameC = declare("sethostname");

/** unshare(2): new namespaces for the calling thread; for CLONE_NEWPID and CLONE_NEWTIME, for its children. */
export function unshare(bits: number): void {
  sys("unshare", () => [flags({ ...CLONE_FLAGS, CLONE_FS }, bits)], unshareC(bits));
}

/** unshare(CLONE_FS): gives this thread its own root and working directory, which setns(2) into a mount namespace requires. */
export function unshareFs(): void {
  unshare(CLONE_FS);
}

/** setns(2) on a pidfd (several kinds at once, since Linux 5.8) or on a descriptor of a file in /proc/PID/ns. */
export function setns(fd: number, bits: number, what: string): void {
  sys("setns", () => [`${fd}<${what}>`, flags(CLONE_FLAGS, bits)], setnsC(fd, bits));
}

/** sethostname(2). */
export function sethostname(name: string): void {
  sys("sethostname", () => [quote(name), `${Buffer.byteLength(name)}`], sethostnameC(name, Buffer.byteLength(name)));
}

const setdomainnameC = declare("setdomainname");

/** setdomainname(2): the NIS domain name. */
export function setdomainname(name: string): void {
  sys("setdomainname", () => [quote(name), `${Buffer.byteLength(name)}`], setdomainnameC(name, Buffer.byteLength(name)));
}

const NS_GET_NSTYPE = 0xb703; // _IO(0xb7, 3)
const ioctlC = declare("ioctl");

/**
 * The CLONE_NEW* flag of a namespace, given as a file of /proc/PID/ns or a bind mount of one (ioctl_nsfs(2)); undefined for another file.
 */
export function namespaceTypeOf(path: string): number | undefined {
  const fd = open(path, O_NONBLOCK); // it may be a FIFO
  const type = ioctlC(fd, NS_GET_NSTYPE);
  close(fd);
  return type === -1 ? undefined : type;
}

/** The identity of a namespace, `mnt:[4026531841]`; undefined if /proc does not show it (another user's process, no such kind). */
export function namespaceId(process: Whose, file: string): string | undefined {
  try {
    return readlink(`${procDirectory(process)}/ns/${file}`);
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return undefined;
  }
}

/** A line of uid_map or gid_map: `count` ids from `inner` inside are `outer` and up outside (user_namespaces(7)). */
export interface IdRange {
  readonly inner: number;
  readonly outer: number;
  readonly count: number;
}

/** Writes /proc/PID/uid_map or gid_map; the kernel accepts it once, in one write. @throws SyscallError EPERM, EINVAL */
export function writeIdMap(process: Whose, file: "uid_map" | "gid_map", ranges: readonly IdRange[]): void {
  writeKernelFile(`${procDirectory(process)}/${file}`, ranges.map(({ inner, outer, count }) => `${inner} ${outer} ${count}\n`).join(""));
}

/** Writes /proc/PID/setgroups, before gid_map: without privilege the kernel refuses that map while setgroups is allowed. */
export function writeSetgroups(process: Whose, value: "allow" | "deny"): void {
  writeKernelFile(`${procDirectory(process)}/setgroups`, value);
}

/** The ranges of a /proc/PID/uid_map or gid_map. */
export function readIdMap(process: Whose, file: "uid_map" | "gid_map"): IdRange[] {
  const text = readText(`${procDirectory(process)}/${file}`);
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => {
      const [inner = 0, outer = 0, count = 0] = line.split(" ").filter(Boolean).map(Number);
      return { inner, outer, count };
    });
}

/** True if `id` of this user namespace is mapped outside it. */
export function isMapped(ranges: readonly IdRange[], id: number): boolean {
  return ranges.some(({ inner, count }) => id >= inner && id < inner + count);
}
