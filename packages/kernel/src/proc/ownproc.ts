// Whose /proc it is. A procfs numbers processes and threads as the PID namespace in which it was mounted does, and that need not be
// ours: the PID 1 that `unshare --pid --fork` makes still sees its parent's (pid_namespaces(7), "/proc and PID namespaces").
// /proc/self is always this process. A number that comes from elsewhere (getpid, fork, wait, a signal, cgroup.procs, the user)
// becomes a path here, and a number that /proc lists becomes one of ours.

import { ToolError } from "../ffi/errno.ts";
import { readIfThere } from "../file/open.ts";
import { statfs } from "../file/stat.ts";
import { closeQuietly } from "../mount/file.ts";
import { getpid, pidfdOpen } from "../process/process.ts";
import { lineValue, statusField } from "./proc.ts";

const PROC_SUPER_MAGIC = 0x9fa0; // statfs(2)

/**
 * - `ours`: its numbers are those of our PID namespace
 * - `outer`: a namespace around ours; it shows us, and what runs beside us, by other numbers
 * - `foreign`: a namespace that we are not in; it does not show us at all
 * - `none`: no procfs
 */
type ProcOwner = "ours" | "outer" | "foreign" | "none";

/** Whose numbers /proc has at this moment; a mount, a fork and a setns(2) may change it. */
export function procOwner(): ProcOwner {
  const depth = ownDepth();
  if (depth !== undefined) return depth === 0 ? "ours" : "outer";
  try {
    return statfs("/proc").type === PROC_SUPER_MAGIC ? "foreign" : "none";
  } catch {
    return "none";
  }
}

/** What to say where /proc is not ours; undefined where it is. */
export function strangeProc(): { readonly text: string; readonly fix: string } | undefined {
  const owner = procOwner();
  if (owner === "ours") return undefined;
  if (owner === "none") return { text: "/proc is not a procfs", fix: "mount -t proc proc /proc" };
  return {
    text: `/proc is that of ${owner === "outer" ? "an outer" : "another"} PID namespace: its numbers are not those of the processes here (pid_namespaces(7))`,
    fix: "give this PID namespace a /proc of its own: `unshare --pid --fork --mount-proc` and `nsexec --pid --mount-proc` do, or mount -t proc proc /proc in a mount namespace of its own",
  };
}

/** For what would show or stop other processes than it says. @throws ToolError where /proc is not ours */
export function requireOwnProc(): void {
  const strange = strangeProc();
  if (strange !== undefined) throw new ToolError(strange.text, strange.fix);
}

/** How many PID namespaces below that of /proc ours is; undefined when /proc does not show us. */
function ownDepth(): number | undefined {
  const status = readIfThere("/proc/self/status");
  if (status === undefined) return undefined;
  const depth = numbersIn(status).length - 1;
  return depth <= 0 && Number(statusField(status, "Pid")) !== getpid() ? undefined : Math.max(0, depth);
}

/** One number a namespace, from that of /proc to its own (proc_pid_status(5)); none from a kernel without PID namespaces. */
function numbersIn(status: string): string[] {
  return statusField(status, "NSpid")?.split("\t") ?? [];
}

/** A process: by our number of it, or by its entry in /proc, as that lists it ("self", "1234"). */
export type Whose = number | string;

/** Its directory; /proc/0, which is nobody's, for a number whose process has ended or is not shown. */
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

/** Our own number of a process or thread, by its `status` in /proc; undefined when it is not of our PID namespace, nor below it. */
export function ownNumber(status: string): number | undefined {
  const depth = ownDepth();
  if (depth === 0) return Number(statusField(status, "Pid"));
  const number = depth === undefined ? undefined : numbersIn(status)[depth];
  return number === undefined ? undefined : Number(number);
}

/** The children of a process's main thread, by our numbers; none when it has ended or may not be looked at. */
export function childrenOf(pid: number): number[] {
  const number = numberInProc(pid);
  const listed = (readIfThere(`/proc/${number}/task/${number}/children`) ?? "").trim().split(" ").filter(Boolean);
  if (listed.length === 0 || ownDepth() === 0) return listed.map(Number);
  return listed.flatMap((child) => ownNumber(readIfThere(`/proc/${child}/status`) ?? "") ?? []);
}
