// A process that cannot be mistaken for a later one with its PID: PIDs are used again, and after a boot start times too.

import { closeSync } from "node:fs";
import {
  childrenOf,
  failedWith,
  pidfdOpen,
  procDirectory,
  readIfThere,
  requireOwnProc,
  statFields,
  statusField,
} from "@contain-tools/kernel";

export interface ProcessId {
  readonly pid: number;
  /** Clock ticks after boot: field 22 of /proc/PID/stat (proc_pid_stat(5)). */
  readonly started: string;
  /** The boot: /proc/sys/kernel/random/boot_id (random(4)); empty where /proc has no such file. */
  readonly boot: string;
}

let boot: string | undefined;

/** The boot that we live in. */
export function thisBoot(): string {
  boot ??= readIfThere("/proc/sys/kernel/random/boot_id")?.trimEnd() ?? "";
  return boot;
}

/** This process, or another one; undefined when it has ended. */
export function identify(pid: number): ProcessId | undefined {
  const started = fieldsOf(pid)?.[START];
  return started === undefined ? undefined : { pid, started, boot: thisBoot() };
}

/** True while exactly this process lives; a zombie has ended. */
export function isAlive(process: ProcessId): boolean {
  const state = stateOf(process);
  return state !== undefined && state !== "Z" && state !== "X";
}

/** True while exactly this process is stopped, by SIGSTOP, by a key or by a tracer. */
export function isStopped(process: ProcessId): boolean {
  const state = stateOf(process);
  return state === "T" || state === "t";
}

let isOwnProc = false;

/** The letter of /proc/PID/stat; undefined when the process is gone, and another one may have its PID. @throws ToolError where /proc is another PID namespace's */
export function stateOf({ pid, started, boot: itsBoot }: ProcessId): string | undefined {
  if (!isOwnProc) requireOwnProc();
  isOwnProc = true;
  const fields = itsBoot === thisBoot() ? fieldsOf(pid) : undefined;
  return fields?.[START] === started ? fields[0] : undefined;
}

/**
 * A pidfd of exactly this process; undefined when it has ended. The descriptor comes first: what is then seen to be the process stays
 * it, whoever gets the PID later.
 */
export function openProcess(process: ProcessId): number | undefined {
  let pidfd: number;
  try {
    pidfd = pidfdOpen(process.pid);
  } catch (error) {
    if (failedWith(error, "ESRCH")) return undefined;
    throw error;
  }
  if (isAlive(process)) return pidfd;
  closeSync(pidfd);
  return undefined;
}

/** The child of a process that is PID 1 of a PID namespace (NSpid, proc_pid_status(5)). */
export function childThatIsInit(parent: ProcessId): ProcessId | undefined {
  const isInit = (child: number) => statusField(readIfThere(`${procDirectory(child)}/status`) ?? "", "NSpid")?.endsWith("\t1");
  const init = childrenOf(parent.pid).find(isInit);
  const found = init === undefined ? undefined : identify(init);
  return isAlive(parent) ? found : undefined;
}

const TICKS = 100; // in a second: USER_HZ, the same on every architecture that we run on (time(7), "The software clock, HZ, and jiffies")

/** Milliseconds since a process of this boot was started; undefined when it is of another. No step of the clock changes it. */
export function ageOf({ started, boot: itsBoot }: ProcessId): number | undefined {
  const uptime = Number.parseFloat(readIfThere("/proc/uptime") ?? "");
  const age = (uptime - Number(started) / TICKS) * 1000;
  return itsBoot === thisBoot() && age >= 0 ? age : undefined; // negative: written in another time namespace
}

const START = 19;

function fieldsOf(pid: number): string[] | undefined {
  const stat = readIfThere(`${procDirectory(pid)}/stat`);
  return stat === undefined ? undefined : statFields(stat);
}
