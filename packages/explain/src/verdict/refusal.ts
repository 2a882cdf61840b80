// A refused fork, examined when it happens: the kernel wakes poll(2) on pids.events (cgroup-v2.rst).
import type { Evidence } from "@contain-tools/chain";
import { childrenOf, pread, procDirectory, readIfThere, type Source, statFields } from "@contain-tools/kernel";
import { openPolled } from "./polled.ts";
import { nameOf } from "./program.ts";

export interface Refusal {
  /** pids.current, which counts zombies. */
  readonly current: number;
  readonly zombies: number;
  /** Their parents, as `sh (PID 12)`. */
  readonly parents: readonly string[];
  readonly evidence: readonly Evidence[];
}

const POLLPRI = 2;
const MOST_LOOKS = 5;
const MAX_PROCESSES = 256; // processes checked at most

/** Calls `seen` at each of the first refusals; undefined if the group has no such file. */
export function watchRefusals(group: string, seen: (refusal: Refusal) => void): Source | undefined {
  const buffer = Buffer.alloc(256);
  const { fd } = openPolled(`${group}/pids.events`, buffer) ?? {};
  if (fd === undefined) return undefined;
  let looks = 0;
  return {
    fd,
    wants: () => (looks < MOST_LOOKS ? POLLPRI : undefined),
    ready: () => {
      looks++;
      pread(fd, buffer, 0);
      const refusal = lookAtGroup(group);
      if (refusal !== undefined) seen(refusal);
    },
  };
}

function lookAtGroup(group: string): Refusal | undefined {
  const current = Number(readIfThere(`${group}/pids.current`) ?? Number.NaN);
  const listed = (readIfThere(`${group}/cgroup.procs`) ?? "").split("\n").filter(Boolean).slice(0, MAX_PROCESSES).map(Number);
  if (!Number.isFinite(current)) return undefined;
  let zombies = 0;
  const parents: string[] = [];
  for (const pid of listed) {
    const dead = childrenOf(pid).filter((child) => statFields(readIfThere(`${procDirectory(child)}/stat`) ?? "")[0] === "Z");
    zombies += dead.length;
    if (dead.length > 0) parents.push(`${nameOf(pid)} (PID ${pid})`);
  }
  const evidence = [
    { source: `${group}/pids.current`, value: `${current}`, rule: "cgroup-v2.rst pids.current: a zombie counts until it is reaped" },
    { source: "/proc/PID/stat state of their children", value: `${zombies} times Z`, rule: "wait(2), NOTES" },
  ];
  return { current, zombies, parents, evidence };
}
