// Whom a subreaper has adopted: everybody below it in the tree of processes.
import { readdirSync, readlinkSync, statfsSync } from "node:fs";
import { getpid, readIfThere, statFields } from "@contain-tools/kernel";

const PROC_SUPER_MAGIC = 0x9fa0; // statfs(2)

/** Children, their children, and so on; undefined where /proc is not that of our PID namespace: the numbers would be other processes'. */
export function descendants(): number[] | undefined {
  try {
    if (statfsSync("/proc").type !== PROC_SUPER_MAGIC || readlinkSync("/proc/self") !== `${getpid()}`) return undefined;
  } catch {
    return undefined;
  }
  const children = new Map<number, number[]>();
  for (const pid of readdirSync("/proc").map(Number)) {
    const stat = pid > 0 ? readIfThere(`/proc/${pid}/stat`) : undefined;
    if (stat === undefined) continue;
    const parent = Number(statFields(stat)[1]);
    children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const below = (pid: number): number[] => (children.get(pid) ?? []).flatMap((child) => [child, ...below(child)]);
  return below(getpid());
}
