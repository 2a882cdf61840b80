// What the runtime changed is undone: the program finds its descriptors, limits and signals as its caller had them.

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
/** Leaves the program the descriptors that are its own, and the soft RLIMIT_NOFILE of our caller. */
export function cleanDescriptors({ launch, preserveFds, passed, inherited, consoleSocket }: Context): void {
  closeOnExecFrom(3 + preserveFds);
  // execve would still find them by a path that leads through /proc, `/bin -> /proc/self/fd/5` (CVE-2024-21626).
  for (const fd of inherited) if (fd >= 3 + preserveFds) closeQuietly(fd);
  if (consoleSocket !== undefined) setCloseOnExec(consoleSocket, false); // a next link of ours will use it
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

/** RLIMIT_AS and RLIMIT_DATA are about brk(2) and mmap(2): with less than it has this runtime gets no further page for its heap. */
export const isOfMemory = ({ resource }: Limit) => resource === "as" || resource === "data";
