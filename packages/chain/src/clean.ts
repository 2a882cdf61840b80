// Undoes what the runtime changed: the program gets its descriptors, limits and signals as its caller had them.

import {
  closeOnExecFrom,
  closeQuietly,
  forked,
  type Limit,
  resetDispositions,
  setCloseOnExec,
  setLimit,
  setSignalMask,
  setSoftFileLimit,
} from "@contain-tools/kernel";
import type { Context } from "./context.ts";
/** Leaves the program only its own descriptors, and the caller's soft RLIMIT_NOFILE. */
export function cleanDescriptors({ launch, preserveFds, passed, inherited, consoleSocket }: Context): void {
  closeOnExecFrom(3 + preserveFds);
  // execve could still reach them by a path through /proc, `/bin -> /proc/self/fd/5` (CVE-2024-21626).
  for (const fd of inherited) if (fd >= 3 + preserveFds) closeQuietly(fd);
  if (consoleSocket !== undefined) setCloseOnExec(consoleSocket, false); // the next link, one of ours, uses it
  for (const fd of [0, 1, 2, ...passed]) {
    if (launch.closed.includes(fd)) closeQuietly(fd);
    else if (fd < 3 + preserveFds) setCloseOnExec(fd, false);
  }
  if (launch.softFileLimit !== undefined) setSoftFileLimit(launch.softFileLimit);
}

/** Undoes what the runtime changed: descriptors, RLIMIT_NOFILE, signal dispositions, the mask. */
export function startClean(context: Context): void {
  const { launch, limits, lastStep } = context;
  cleanDescriptors(context);
  resetDispositions(launch.ignored, !forked);
  setSignalMask(launch.blocked);
  for (const limit of limits) if (lastStep !== undefined || !isOfMemory(limit)) setLimit(limit);
  lastStep?.();
}

/** RLIMIT_AS and RLIMIT_DATA limit brk(2) and mmap(2): below its present use, this runtime gets no further page for its heap. */
export const isOfMemory = ({ resource }: Limit) => resource === "as" || resource === "data";
