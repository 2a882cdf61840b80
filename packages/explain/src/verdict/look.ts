// One look at the processes of a container.
import type { Evidence } from "@contain-tools/chain";
import { childrenOf, close, hasEnded, monotonic, pidfdOpen, procDirectory } from "@contain-tools/kernel";
import { readField } from "./field.ts";
import { nameOf, type Program, type Watched } from "./program.ts";

/** The processes of a container besides PID 1 and `pid1`'s child, at one moment. */
export interface Look {
  /** Milliseconds, as `monotonic` counts them. */
  readonly at: number;
  readonly others: readonly Other[];
  /** Where they are listed. */
  readonly list: Evidence;
}

export interface Other {
  readonly pid: number;
  readonly name: string;
  /** Through which its exit status can be read. */
  readonly pidfd: number;
}

const MAX_OTHERS = 16; // other processes watched at most

/** Looks again. Processes that have ended since the last look are dropped. */
export function lookAt({ pid, group }: Watched, program: Program | undefined, last: Look | undefined): Look {
  const path = group === undefined ? `${procDirectory(pid)}/task/${pid}/children` : `${group}/cgroup.procs`;
  const list = readField(path, "", "pid_namespaces(7): when PID 1 ends, the kernel kills the rest with SIGKILL");
  const listed = group === undefined ? childrenOf(pid) : (list.value ?? "").split(/\s+/).map(Number);
  const pids = listed.filter((other) => other !== 0 && other !== pid && other !== program?.pid);
  const kept = (last?.others ?? []).filter(({ pidfd }) => !hasEnded(pidfd));
  forget({ others: (last?.others ?? []).filter((other) => !kept.includes(other)) });
  const added = pids.filter((other) => !kept.some((one) => one.pid === other)).slice(0, MAX_OTHERS - kept.length);
  return { at: monotonic(), others: [...kept, ...added.flatMap(openOther)], list };
}

function openOther(pid: number): Other[] {
  try {
    return [{ pid, name: nameOf(pid), pidfd: pidfdOpen(pid) }];
  } catch {
    return []; // it has ended
  }
}

export function forget(look: Pick<Look, "others"> | undefined): void {
  for (const { pidfd } of look?.others ?? []) close(pidfd);
}
