// The process to explain, and the others around it.
import { readFileSync } from "node:fs";
import type { Evidence } from "@contain-tools/chain";
import { exists, parseSignalMask, type SignalSet, statusField, ToolError } from "@contain-tools/kernel";
import { fact, look } from "./finding.ts";
import { type Process, readNamespaces, readProcess, readProcesses } from "./processes.ts";

export interface Subject extends Process {
  /** /proc/PID/status, as first read. */
  readonly status: string;
  /** All processes, including itself. */
  readonly processes: readonly Process[];
  /** Its PIDs, from ours to the innermost (NSpid); the last one is 1 for an init. */
  readonly nested: readonly number[];
  /** PID 1 of its PID namespace, perhaps itself; undefined if it is not visible. */
  readonly init: Process | undefined;
  /** True in the PID namespace of this /proc. */
  readonly hosts: boolean | undefined;
  /** The namespaces that count as the host's. */
  readonly host: Process;
}

/** @throws ToolError if there is no such process */
export function readSubject(pid: number): Subject {
  const processes = readProcesses();
  const own = processes.find((process) => process.pid === pid) ?? readProcess(pid);
  const status = own && statusOf(pid);
  if (own === undefined || status === undefined) {
    if (exists(`/proc/${pid}`))
      throw new ToolError(
        `process ${pid} cannot be looked at: its stat and status cannot be read`,
        "root can, where /proc is mounted with hidepid (proc(5))",
      );
    throw new ToolError(`there is no process ${pid}`, "it has ended, or /proc does not show it (hidepid, another PID namespace): proc(5)");
  }
  const nested = (statusField(status, "NSpid") ?? `${pid}`).trim().split(/\s+/).map(Number);
  const host = findHost(processes);
  const hosts = own.kernelThread || nested.length === 1 ? true : own.namespaces["pid"] === undefined ? undefined : false;
  return { ...own, status, processes, nested, hosts, host, init: findInit(own, nested, processes) };
}

/**
 * PID 1 of this /proc stands for the host. If it may not be read, kthreadd does, which has the machine's first namespaces; in a container
 * without both, our own namespaces do.
 */
function findHost(processes: readonly Process[]): Process {
  const readable = (pid: number) => processes.find((process) => process.pid === pid && process.namespaces["mnt"] !== undefined);
  const first = readable(1);
  if (first !== undefined) return first;
  const kthreadd = processes.find(({ pid, kernelThread }) => pid === 2 && kernelThread);
  const other = kthreadd && { ...kthreadd, ...readNamespaces(2, false) };
  const self = readProcess(process.pid);
  if (other?.namespaces["mnt"] !== undefined) return other;
  if (self === undefined) throw new ToolError("/proc does not show this process", "mount a /proc of this PID namespace");
  return self;
}

/** `the host's` if that is known, otherwise our own. */
export function hostName({ pid }: Process): { readonly whose: string; readonly proof: string } {
  if (pid <= 2) return { whose: "the host's", proof: `PID ${pid}` };
  return { whose: "the same as this command's", proof: "this command" };
}

/** /proc/PID/status; undefined if the process has ended. */
function statusOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/status`, "utf8");
  } catch {
    return undefined;
  }
}

/** The first process of a PID namespace is its init, and lives as long as any other in it (pid_namespaces(7)). */
function findInit(own: Process, nested: readonly number[], processes: readonly Process[]): Process | undefined {
  if (nested.at(-1) === 1) return own;
  const id = own.namespaces["pid"];
  if (id === undefined) return undefined;
  const members = processes.filter(({ namespaces }) => namespaces["pid"] === id);
  members.sort((a, b) => Number(a.started) - Number(b.started) || a.pid - b.pid);
  return members.slice(0, 20).find(({ pid }) => {
    const pidsThere = statusField(statusOf(pid) ?? "", "NSpid")
      ?.trim()
      .split(/\s+/);
    return pidsThere?.length === nested.length && pidsThere.at(-1) === "1";
  });
}

/** A field of /proc/PID/status as evidence. */
export function statusEvidence({ pid, status }: Pick<Subject, "pid" | "status">, name: string, rule = "proc_pid_status(5)"): Evidence {
  const value = statusField(status, name);
  const source = `/proc/${pid}/status ${name}`;
  return value === undefined ? { source, value, problem: "no such field", rule } : fact(source, value, rule);
}

/** The state letter of /proc/PID/stat as evidence. */
export function stateEvidence({ pid, state }: Pick<Process, "pid" | "state">, rule = "proc_pid_stat(5)"): Evidence {
  return fact(`/proc/${pid}/stat state`, state, rule);
}

/** A file of the process. */
export function lookAt({ pid }: Pick<Process, "pid">, file: string, rule: string): Evidence {
  return look(`/proc/${pid}/${file}`, rule);
}

/** A mask of /proc/PID/status; undefined if there is none. */
export function maskOf({ status }: Pick<Subject, "status">, name: string): SignalSet | undefined {
  const hex = new RegExp(`^${name}:\\s*([0-9a-f]{16})$`, "m").exec(status)?.[1];
  return hex === undefined ? undefined : parseSignalMask(hex);
}
