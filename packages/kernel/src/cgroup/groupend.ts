// The end of a group: kill its processes, wait for them, remove the directory.

import { failedWith, ToolError } from "../ffi/errno.ts";
import { printable } from "../ffi/printable.ts";
import { rmdir, subdirectories } from "../file/directory.ts";
import { close, open } from "../file/open.ts";
import { exists } from "../file/stat.ts";
import { writeKernelFile } from "../mount/file.ts";
import { monotonic } from "../process/clock.ts";
import { pollOnce } from "../process/poll.ts";
import { kill } from "../process/sending.ts";
import { SIGKILL } from "../process/signal.ts";
import { commandOf } from "../security/seccomp.ts";
import { cgroupField, groupProcesses } from "./cgroup.ts";

/** Kills every process in a group and below it: by cgroup.kill (Linux 5.14), otherwise frozen first so that no fork outruns the signals. */
export function killGroup(dir: string): void {
  if (exists(`${dir}/cgroup.kill`)) {
    writeKernelFile(`${dir}/cgroup.kill`, "1");
    return;
  }
  writeKernelFile(`${dir}/cgroup.freeze`, "1");
  try {
    for (const group of [dir, ...descendants(dir)]) for (const pid of groupProcesses(group)) if (pid > 0) kill(pid, SIGKILL); // kill(2) with 0 means our own process group
  } finally {
    writeKernelFile(`${dir}/cgroup.freeze`, "0"); // a frozen process takes even SIGKILL only when thawed
  }
}

/** The groups below `dir`, deepest first. */
function descendants(dir: string): string[] {
  return childGroups(dir).flatMap((name) => [...descendants(`${dir}/${name}`), `${dir}/${name}`]);
}

/** The names of the groups in `dir`. One that cannot be listed may still be empty: rmdir(2) decides. */
export function childGroups(dir: string): string[] {
  try {
    return subdirectories(dir);
  } catch {
    return [];
  }
}

const POLLPRI = 2;

/** Waits until a group and those below it have no processes (`populated 0` in cgroup.events), or are gone. False after the timeout. */
export function waitUntilEmpty(dir: string, milliseconds: number): boolean {
  return waitForField(dir, "cgroup.events", "populated", 0, milliseconds) || !exists(dir);
}

/** Waits until a field of a group's flat keyed file has a value. False after the timeout, or if the group is gone. */
export function waitForField(dir: string, file: string, key: string, value: number, milliseconds: number): boolean {
  const deadline = monotonic() + milliseconds;
  let fd: number;
  try {
    fd = open(`${dir}/${file}`);
  } catch {
    return false;
  }
  try {
    for (;;) {
      const now = cgroupField(dir, file, key);
      if (now === value || now === undefined) return now === value;
      const left = deadline - monotonic();
      if (left <= 0) return false;
      pollOnce(fd, POLLPRI, Math.min(left, 50)); // the kernel notifies; the short wait covers a change before the poll
    }
  } finally {
    close(fd);
  }
}

/**
 * Removes a group and those below it, once all are empty; until then none is removed.
 *
 * @throws ToolError when processes are still in it after `milliseconds`, with their PIDs
 */
export function removeGroup(dir: string, milliseconds: number): void {
  if (!exists(dir)) return;
  if (!waitUntilEmpty(dir, milliseconds)) throw populated(dir);
  const deadline = monotonic() + 1000;
  for (const group of [...descendants(dir), dir]) {
    for (;;) {
      try {
        removeDirectory(group);
        break;
      } catch (error) {
        if (!failedWith(error, "EBUSY")) throw error;
        if (monotonic() > deadline) throw populated(group);
        pollOnce(-1, 0, 5); // `populated 0` comes a moment before the last process has left
      }
    }
  }
}

function removeDirectory(dir: string): void {
  try {
    rmdir(dir);
  } catch (error) {
    if (!failedWith(error, "ENOENT")) throw error;
  }
}

const MOST_NAMED = 8;

function populated(dir: string): ToolError {
  const pids = [dir, ...descendants(dir)].flatMap(groupProcesses);
  const seen = pids.filter((pid) => pid !== 0);
  // cgroups(7): 0 stands for a process of a PID namespace that this one cannot see.
  const hidden = pids.length === seen.length ? "" : `${pids.length - seen.length} of a PID namespace that cannot be seen from here`;
  const named = seen.slice(0, MOST_NAMED).map((pid) => `${pid} (${printable(commandOf(pid))})`);
  const more = seen.length > named.length ? ` and ${seen.length - named.length} more` : "";
  const list = [seen.length > 0 ? `PID ${named.join(", ")}${more}` : "", hidden].filter(Boolean).join(" and ");
  const who =
    pids.length === 0
      ? "; none is listed: the last one has just ended, or they are threads of a process elsewhere (cgroup.threads)"
      : `: ${list}`;
  return new ToolError(
    `${dir} cannot be removed: EBUSY, processes are in it${who}`,
    "rmdir of a group works once cgroup.events says `populated 0` (cgroups(7)). `cgset --name NAME --kill --rm` kills them first",
  );
}
