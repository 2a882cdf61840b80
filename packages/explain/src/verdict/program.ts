// The program of a container: PID 1, or the child of `pid1`.

import type { Evidence } from "@contain-tools/chain";
import { childrenOf, printable, procDirectory, readIfThere, statusField, tryRead } from "@contain-tools/kernel";
import { cpuLimitIn } from "./field.ts";

/** Who the program is. */
export interface Program {
  readonly pid: number;
  /** Its name now (proc_pid_comm(5)). */
  readonly name: string;
  /** PID 1 is that of a PID namespace. */
  readonly isInit: boolean;
  /** Its /proc/PID/status then. */
  readonly status: string;
  /** Its /proc/PID/limits then; empty where that could not be read. */
  readonly limits: string;
  /** "Max cpu time" there. */
  readonly cpuLimit: Evidence;
}

export interface Watched {
  readonly pid: number;
  readonly group: string | undefined;
  /** `pid1` is PID 1, and the program its child. */
  readonly init: boolean;
  /** An nsexec is between us and PID 1 (--chain exec). */
  readonly indirect: boolean;
}

const statusOf = (pid: number) => readIfThere(`${procDirectory(pid)}/status`) ?? "";
const nameIn = (status: string) => printable(statusField(status, "Name") ?? "?");
export const nameOf = (pid: number) => nameIn(statusOf(pid));

/** Finds the program; undefined if it has ended already, or has not started yet. */
export function findProgram({ pid, init, indirect }: Watched): Program | undefined {
  const first = indirect ? childrenOf(pid)[0] : pid;
  const program = init && first !== undefined ? childrenOf(first)[0] : first;
  if (first === undefined || program === undefined) return undefined;
  const directory = procDirectory(first);
  const status = readIfThere(`${directory}/status`) ?? "";
  const own = program === first ? status : statusOf(program);
  const limits = tryRead(`${program === first ? directory : procDirectory(program)}/limits`);
  return {
    pid: program,
    name: nameIn(own),
    status: own,
    isInit: statusField(status, "NSpid")?.endsWith("\t1") === true,
    limits: "text" in limits ? limits.text : "",
    cpuLimit: cpuLimitIn(program, limits),
  };
}
