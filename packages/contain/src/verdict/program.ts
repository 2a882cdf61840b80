// The program of a container: PID 1, or the child of `pid1`.
import { printable, readIfThere, statusField } from "@contain-tools/kernel";
import type { Evidence } from "../evidence.ts";
import { cpuLimitOf } from "./field.ts";

/** Who the program is. */
export interface Program {
  readonly pid: number;
  /** Its name now (proc_pid_comm(5)). */
  readonly name: string;
  /** PID 1 is that of a PID namespace. */
  readonly isInit: boolean;
  /** "Max processes" of its /proc/PID/limits. */
  readonly maxProcesses: string | undefined;
  /** "Max cpu time" there. */
  readonly cpuLimit: Evidence;
}

export interface Watched {
  readonly pid: number;
  readonly group: string | undefined;
  /** `pid1` is PID 1, and the program its child. */
  readonly init: boolean;
  /** An nsexec stands between us and PID 1 (--chain exec). */
  readonly indirect: boolean;
}

const childrenOf = (pid: number) => (readIfThere(`/proc/${pid}/task/${pid}/children`) ?? "").trim().split(" ").filter(Boolean).map(Number);
const statusOf = (pid: number) => readIfThere(`/proc/${pid}/status`) ?? "";
export const nameOf = (pid: number) => printable(statusField(statusOf(pid), "Name") ?? "?");

/** Finds the program; undefined when it has gone already, or is not there yet. */
export function findProgram({ pid, init, indirect }: Watched): Program | undefined {
  const first = indirect ? childrenOf(pid)[0] : pid;
  const program = init && first !== undefined ? childrenOf(first)[0] : first;
  if (first === undefined || program === undefined) return undefined;
  const isInit = /\t1$/.test(statusField(statusOf(first), "NSpid") ?? "");
  const limits = readIfThere(`/proc/${program}/limits`) ?? "";
  return {
    pid: program,
    name: nameOf(program),
    isInit,
    maxProcesses: /^Max processes +(\S+)/m.exec(limits)?.[1],
    cpuLimit: cpuLimitOf(program),
  };
}
