// --leave: once PROG was started it stays alone, as a child of whoever adopts our children (PR_SET_CHILD_SUBREAPER, or init).
import type { Context } from "@contain-tools/chain";
import {
  basename,
  codeOf,
  dirname,
  endSignal,
  endsByDefault,
  hasSignal,
  join,
  kill,
  O_CREAT,
  O_EXCL,
  O_WRONLY,
  POLLIN,
  procDirectory,
  readIfThere,
  rename,
  SIGKILL,
  type Source,
  statFields,
  ToolError,
  unlink,
  waitForSignalOr,
  waitpid,
  writeFile,
} from "@contain-tools/kernel";
import type { Leave } from "../leave.ts";
import type { Spawned } from "./child.ts";

/**
 * Waits until the child of `spawn` has reached PROG, or a `hold` before it, and writes the PID file.
 *
 * @returns undefined if the child is to be left behind; otherwise the wait status of a child that ended early and has reported why
 * @throws ToolError if the PID file cannot be written; the child is killed then
 */
export function waitUntilStarted(
  { launch }: Context,
  { pid, report, failed }: Spawned,
  { pidFile }: Pick<Leave, "pidFile">,
): number | undefined {
  let told = false;
  const source: Source = {
    fd: report,
    wants: () => (told ? undefined : POLLIN),
    ready: () => {
      told = true;
    },
  };
  while (!told) {
    const info = waitForSignalOr([source], undefined, () => told);
    // A signal that ends us also ends a child that was not started yet.
    if (info !== undefined && endsByDefault(info.signal) && !hasSignal(launch.ignored, info.signal)) return endOf(pid, info.signal);
  }
  if (failed() !== undefined || diedBefore(pid)) return endOf(pid);
  if (pidFile !== undefined) writePidFile(pidFile, pid);
  return undefined;
}

/** The wait status of the child. With `signal`, kills it by SIGKILL and reports `signal` instead, which the child might have ignored. */
function endOf(pid: number, signal?: number): number {
  if (signal !== undefined) kill(pid, SIGKILL);
  const status = waitpid(pid, 0)?.status ?? 0;
  return signal !== undefined && endSignal(status) === SIGKILL ? signal : status;
}

const FLAGS = 9; // fields of proc_pid_stat(5), and their bits in linux/sched.h:
const PF_EXITING = 0x4;
const PF_FORKNOEXEC = 0x40;

/**
 * True for a child that is ending and has neither reported an error nor executed anything: a signal has ended it, as when out of memory.
 */
function diedBefore(pid: number): boolean {
  const flags = Number(statFields(readIfThere(`${procDirectory(pid)}/stat`) ?? "")[FLAGS - 3] ?? 0);
  return (flags & PF_EXITING) !== 0 && (flags & PF_FORKNOEXEC) !== 0;
}

/** A reader finds nothing, or the whole number. */
function writePidFile(path: string, pid: number): void {
  const draft = join(dirname(path), `.${basename(path)}.${pid}`);
  try {
    unlinkQuietly(draft); // of one that was killed
    writeFile(draft, `${pid}`, 0o666, O_WRONLY | O_CREAT | O_EXCL);
    rename(draft, path);
  } catch (error) {
    kill(pid, SIGKILL);
    waitpid(pid, 0);
    unlinkQuietly(draft);
    throw new ToolError(`--pid-file ${path}: cannot be written: ${codeOf(error)}`, undefined, 125, { cause: error });
  }
}

function unlinkQuietly(path: string): void {
  try {
    unlink(path);
  } catch {
    // it was not made
  }
}
