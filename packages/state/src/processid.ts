// Identifies a process by PID, start time and boot: PIDs are used again, and after a boot start times are too.

import {
  childrenOf,
  close,
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
  /** /proc/sys/kernel/random/boot_id (random(4)); empty if /proc has no such file. */
  readonly boot: string;
}

let boot: string | undefined;

/** The present boot. */
export function thisBoot(): string {
  boot ??= readIfThere("/proc/sys/kernel/random/boot_id")?.trimEnd() ?? "";
  return boot;
}

/** This process, or another one; undefined if it has ended. */
export function identify(pid: number): ProcessId | undefined {
  const started = fieldsOf(pid)?.[START];
  return started === undefined ? undefined : { pid, started, boot: thisBoot() };
}

/** True while exactly this process lives. A zombie does not live. */
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

/** The state letter of /proc/PID/stat; undefined if the process has ended (another one may have its PID). @throws ToolError if /proc belongs to another PID namespace */
export function stateOf({ pid, started, boot: itsBoot }: ProcessId): string | undefined {
  if (!isOwnProc) requireOwnProc();
  isOwnProc = true;
  const fields = itsBoot === thisBoot() ? fieldsOf(pid) : undefined;
  return fields?.[START] === started ? fields[0] : undefined;
}

/**
 * A pidfd of exactly this process; undefined if it has ended. The pidfd is opened before the check, so that a later process with
 * this PID cannot be mistaken for it.
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
  close(pidfd);
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

/** Milliseconds since a process of this boot started; undefined if it is of another boot. Setting the clock does not change it. */
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
