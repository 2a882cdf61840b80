// What a process would do with a signal, from what /proc shows now (signal(7), proc_pid_status(5)).

import { codeOf, type Fact } from "../ffi/errno.ts";
import { readdir, readlink } from "../file/directory.ts";
import { close, open, pread, readIfThere } from "../file/open.ts";
import { procDirectory } from "../proc/ownproc.ts";
import { statusField } from "../proc/proc.ts";
import { hasSignal, NR_SIGTIMEDWAIT, parseSignalMask } from "./signal.ts";

/**
 * - `handled`: it has a handler.
 * - `waits`: a thread waits for the signal in sigtimedwait(2), as most inits do.
 * - `signalfd`: the signal is blocked, and a signalfd of the process takes it.
 * - `blocked`: it stays in the queue; whether anybody takes it there cannot be seen.
 * - `ignored`, `default`: its disposition.
 * - `dropped`: PID 1 of a PID namespace without a handler: the kernel discards it (pid_namespaces(7)).
 * - `unknown`: /proc does not say whether it waits for the signal.
 */
export type Fate = "handled" | "waits" | "signalfd" | "blocked" | "ignored" | "default" | "dropped" | "unknown";

export interface Reception {
  readonly fate: Fate;
  /** For `waits` and `signalfd`: the thread, or the descriptor. */
  readonly how?: string;
  readonly proof: readonly Fact[];
}

const RULE = "signal(7)";
const INIT = 'pid_namespaces(7), "The namespace init process"';
const WAIT = "sigwaitinfo(2), proc_pid_syscall(5)";

/**
 * What a process would do with a signal that came now.
 *
 * @param status its /proc/PID/status, if read already
 * @returns undefined if it has ended
 */
export function receptionOf(pid: number, signal: number, status = readIfThere(`${procDirectory(pid)}/status`)): Reception | undefined {
  if (status === undefined) return undefined;
  const field = (name: string): Fact => {
    const value = statusField(status, name);
    return { source: `/proc/${pid}/status ${name}`, value, ...(value === undefined ? { problem: "no such field" } : {}), rule: RULE };
  };
  const [caught, ignored, blocked] = ["SigCgt", "SigIgn", "SigBlk"].map(field) as [Fact, Fact, Fact];
  const masks = [caught, ignored, blocked];
  const has = ({ value }: Fact) => hasSignal(parseSignalMask(value ?? "0"), signal);
  if (masks.some(({ value }) => value === undefined)) return { fate: "unknown", proof: masks };
  const waiting = waitsFor(pid, signal); // before a handler: do_sigtimedwait takes the signal from the queue
  if (waiting !== undefined && !(waiting.fate === "unknown" && has(caught))) return { ...waiting, proof: [...masks, ...waiting.proof] };
  if (has(caught)) return { fate: "handled", proof: [caught] };
  if (has(blocked)) {
    const found = signalfdFor(pid, signal);
    return found === undefined ? { fate: "blocked", proof: masks } : { ...found, proof: [...masks, ...found.proof] };
  }
  const level: Fact = { ...field("NSpid"), rule: INIT };
  if (/\s1$/.test(level.value ?? "")) return { fate: has(ignored) ? "ignored" : "dropped", proof: [caught, ignored, blocked, level] };
  return has(ignored) ? { fate: "ignored", proof: [ignored] } : { fate: "default", proof: [...masks, level] };
}

const MAX_THREADS = 64; // checked at most

/**
 * While a thread waits in sigtimedwait(2), the kernel shows the signals it waits for as unblocked (kernel/signal.c do_sigtimedwait), so an
 * init like tini looks as if it dropped them. The set is read from its memory.
 */
function waitsFor(pid: number, signal: number): Reception | undefined {
  let hidden: Fact | undefined;
  for (const thread of threadsOf(pid)) {
    const path = `${procDirectory(pid)}/task/${thread}/syscall`;
    const text = readIfThere(path)?.trim();
    if (!text) {
      if (!isElsewhere(`${procDirectory(pid)}/task/${thread}`))
        hidden ??= { source: path, value: undefined, problem: "EACCES", rule: WAIT };
      continue;
    }
    const [number, set] = text.split(" ");
    if (number !== `${NR_SIGTIMEDWAIT}`) continue;
    const mask = readWord(`${procDirectory(pid)}/mem`, Number(set));
    const proof: Fact[] = [
      { source: path, value: text, rule: WAIT },
      { source: `/proc/${pid}/mem ${set}`, value: mask, ...(mask === undefined ? { problem: "EIO" } : {}), rule: WAIT },
    ];
    if (mask === undefined) return { fate: "unknown", proof };
    if (hasSignal(parseSignalMask(mask), signal)) return { fate: "waits", how: `thread ${thread} waits in sigtimedwait(2)`, proof };
  }
  return hidden === undefined ? undefined : { fate: "unknown", proof: [hidden] };
}

/** If the system call may not be read: it runs, or sleeps in another function (proc_pid_wchan(5)). */
function isElsewhere(thread: string): boolean {
  if (statusField(readIfThere(`${thread}/status`) ?? "", "State")?.startsWith("R")) return true;
  const wchan = readIfThere(`${thread}/wchan`)?.trim() ?? "";
  return wchan !== "" && wchan !== "0" && !wchan.includes("sigtimedwait");
}

/** Also true for a process whose threads may not be listed. */
function threadsOf(pid: number): readonly string[] {
  try {
    return readdir(`${procDirectory(pid)}/task`).slice(0, MAX_THREADS);
  } catch {
    return [`${pid}`];
  }
}

/** Eight bytes of another process's memory as /proc shows a mask. */
function readWord(path: string, address: number): string | undefined {
  const bytes = Buffer.alloc(8);
  try {
    const fd = open(path);
    try {
      return pread(fd, bytes, address) === 8 ? bytes.readBigUInt64LE().toString(16).padStart(16, "0") : undefined;
    } finally {
      close(fd);
    }
  } catch {
    return undefined;
  }
}

function signalfdFor(pid: number, signal: number): Reception | undefined {
  const dir = `${procDirectory(pid)}/fd`;
  try {
    for (const fd of readdir(dir)) {
      if (linkOf(`${dir}/${fd}`) !== "anon_inode:[signalfd]") continue;
      const source = `/proc/${pid}/fdinfo/${fd} sigmask`;
      const mask = statusField(readIfThere(`${procDirectory(pid)}/fdinfo/${fd}`) ?? "", "sigmask");
      if (mask !== undefined && hasSignal(parseSignalMask(mask), signal))
        return { fate: "signalfd", how: `descriptor ${fd}`, proof: [{ source, value: mask, rule: "signalfd(2)" }] };
    }
  } catch (error) {
    const problem = codeOf(error) ?? String(error);
    return problem === "ENOENT" ? undefined : { fate: "unknown", proof: [{ source: dir, value: undefined, problem, rule: "signalfd(2)" }] };
  }
  return undefined;
}

function linkOf(path: string): string | undefined {
  try {
    return readlink(path);
  } catch {
    return undefined;
  }
}
