// Which PID namespace /proc belongs to. A procfs numbers processes as the PID namespace in which it was mounted, which need not be ours:
// PID 1 of `unshare --pid --fork` still sees its parent's (pid_namespaces(7), "/proc and PID namespaces"). Only /proc/self is always right.
// Here a number from elsewhere (getpid, fork, wait, a signal, cgroup.procs, the user) becomes a path in /proc, and a number listed in /proc
// becomes one of ours.

import { ToolError } from "../ffi/errno.ts";
import { readIfThere } from "../file/open.ts";
import { statfs } from "../file/stat.ts";
import { closeQuietly } from "../mount/file.ts";
import { getpid, pidfdOpen } from "../process/process.ts";
import { lineValue, statusField } from "./proc.ts";

const PROC_SUPER_MAGIC = 0x9fa0; // statfs(2)

/**
 * - `ours`: it uses the numbers of our PID namespace
 * - `outer`: of an ancestor of our namespace; it shows us and our neighbours under other numbers
 * - `foreign`: of a namespace that we are not in; it does not show us at all
 * - `none`: no procfs
 */
type ProcOwner = "ours" | "outer" | "foreign" | "none";

/** Whose numbers /proc has now; a mount, a fork and a setns(2) may change that. */
export function procOwner(): ProcOwner {
  const depth = ownDepth();
  if (depth !== undefined) return depth === 0 ? "ours" : "outer";
  try {
    return statfs("/proc").type === PROC_SUPER_MAGIC ? "foreign" : "none";
  } catch {
    return "none";
  }
}

/** What to say if /proc is not ours; undefined if it is. */
export function strangeProc(): { readonly text: string; readonly fix: string } | undefined {
  const owner = procOwner();
  if (owner === "ours") return undefined;
  if (owner === "none") return { text: "/proc is not a procfs", fix: "mount -t proc proc /proc" };
  return {
    text: `/proc is that of ${owner === "outer" ? "an outer" : "another"} PID namespace: its numbers are not those of the processes here (pid_namespaces(7))`,
    fix: "give this PID namespace a /proc of its own: `unshare --pid --fork --mount-proc` and `nsexec --pid --mount-proc` do, or mount -t proc proc /proc in a mount namespace of its own",
  };
}

/** For commands that would otherwise show or stop the wrong processes. @throws ToolError if /proc is not ours */
export function requireOwnProc(): void {
  const strange = strangeProc();
  if (strange !== undefined) throw new ToolError(strange.text, strange.fix);
}

/** How many PID namespaces ours is below that of /proc; undefined if /proc does not show us. */
function ownDepth(): number | undefined {
  const status = readIfThere("/proc/self/status");
  if (status === undefined) return undefined;
  const depth = numbersIn(status).length - 1;
  return depth <= 0 && Number(statusField(status, "Pid")) !== getpid() ? undefined : Math.max(0, depth);
}

/** One number per namespace, from that of /proc down to its own (proc_pid_status(5)); none from a kernel without PID namespaces. */
function numbersIn(status: string): string[] {
  return statusField(status, "NSpid")?.split("\t") ?? [];
}

/** A process: our number for it, or the name of its entry in /proc ("self", "1234"). */
export type Whose = number | string;

/** Its directory; /proc/0, which never exists, if the process has ended or is not shown. */
export function procDirectory(process: Whose): string {
  if (typeof process === "string") return `/proc/${process}`;
  return process === getpid() ? "/proc/self" : `/proc/${numberInProc(process) ?? 0}`;
}

/** A pidfd's fdinfo has the number that /proc uses (pidfd_open(2)). */
function numberInProc(pid: number): number | undefined {
  if (ownDepth() === 0) return pid;
  let fd: number;
  try {
    fd = pidfdOpen(pid);
  } catch {
    return undefined;
  }
  try {
    const number = Number(lineValue(readIfThere(`/proc/self/fdinfo/${fd}`) ?? "", "Pid:") ?? 0);
    return number > 0 ? number : undefined;
  } finally {
    closeQuietly(fd);
  }
}

/** Our own number for a process or thread, from its `status` in /proc; undefined if it is not in our PID namespace, nor below it. */
export function ownNumber(status: string): number | undefined {
  const depth = ownDepth();
  if (depth === 0) return Number(statusField(status, "Pid"));
  const number = depth === undefined ? undefined : numbersIn(status)[depth];
  return number === undefined ? undefined : Number(number);
}

/** The children of a process's main thread, by our numbers; none if it has ended or cannot be read. */
export function childrenOf(pid: number): number[] {
  const number = numberInProc(pid);
  const listed = (readIfThere(`/proc/${number}/task/${number}/children`) ?? "").trim().split(" ").filter(Boolean);
  if (listed.length === 0 || ownDepth() === 0) return listed.map(Number);
  return listed.flatMap((child) => ownNumber(readIfThere(`/proc/${child}/status`) ?? "") ?? []);
}
