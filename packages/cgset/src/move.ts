// Moves processes into the group and out again.
import { report, warn } from "@contain-tools/chain";
import {
  exists,
  failedWith,
  getpid,
  groupProcesses,
  groupType,
  isFrozen,
  makeGroup,
  notDelegated,
  procDirectory,
  readIfThere,
  removeGroup,
  statusField,
  ToolError,
  writeKernelFile,
} from "@contain-tools/kernel";

/** Moves a process: cgroup.procs. */
export function moveInto(dir: string, pid: number): void {
  if (pid === getpid() && isFrozen(dir))
    throw new ToolError(
      `${dir}: the group is frozen`,
      "this process would stop there before it becomes the program: cgset --name NAME --thaw",
    );
  try {
    writeKernelFile(`${dir}/cgroup.procs`, `${pid}`);
  } catch (error) {
    if (failedWith(error, "ESRCH")) throw new ToolError(`PID ${pid} has ended`, undefined, 125, { cause: error });
    if (failedWith(error, "EACCES", "EPERM")) throw notDelegated(dir, error);
    if (failedWith(error, "EOPNOTSUPP"))
      throw new ToolError(
        error.message,
        `its cgroup.type is \`${groupType(dir)}\`: a group in a threaded subtree takes no processes unless it is made threaded (cgroup-v2.rst, "Threads"). Choose one whose parents are of type \`domain\``,
        125,
        { cause: error },
      );
    if (failedWith(error, "EBUSY"))
      throw new ToolError(
        error.message,
        'controllers are enabled for the children of this group, and processes live only in leaves (cgroups(7), "no internal processes"): choose a group below it',
        125,
        { cause: error },
      );
    if (failedWith(error, "EINVAL") && isKernelThread(pid))
      throw new ToolError(`PID ${pid} is a kernel thread and stays in the root group`, undefined, 125, { cause: error });
    throw error;
  }
}

/** Returns this process to its old group, and removes a group that was made for a program that did not start. */
export function leave(dir: string, from: string, restore: () => void): void {
  try {
    if (groupProcesses(dir).includes(getpid())) moveInto(from, getpid());
    removeGroup(dir, 0);
    restore();
    warn(`group ${dir} is removed again: the program did not start`);
  } catch (error) {
    report(error); // the first failure is reported too
  }
}

function isKernelThread(pid: number): boolean {
  const directory = procDirectory(pid);
  return statusField(readIfThere(`${directory}/status`) ?? "", "Kthread") === "1" || readIfThere(`${directory}/cmdline`) === "";
}

export const LEAF = "contain-callers";

/**
 * Processes may be only in leaves. If the parent holds nobody but us, as in a scope of systemd-run, we move to our own leaf below it before
 * controllers are enabled there. Returns a function that moves us back.
 */
export function leaveForLeaf(dir: string, controllers: readonly string[]): () => void {
  const nothing = () => {};
  if (controllers.length === 0 || !exists(`${dir}/cgroup.type`)) return nothing;
  const processes = groupProcesses(dir);
  if (processes.length !== 1 || processes[0] !== getpid()) return nothing;
  const leaf = `${dir}/${LEAF}`;
  const made = makeGroup(leaf);
  const back = () => {
    try {
      moveInto(dir, getpid());
      if (made) removeGroup(leaf, 0);
    } catch {
      // somebody else needs its parent's controllers by now: we stay in the leaf
    }
  };
  try {
    moveInto(leaf, getpid());
  } catch (error) {
    if (made) removeGroup(leaf, 0);
    throw error;
  }
  return back;
}
