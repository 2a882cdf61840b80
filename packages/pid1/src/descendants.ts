// The processes that a subreaper has adopted: all below it in the process tree.
import { getpid, procOwner, readdir, readIfThere, statFields } from "@contain-tools/kernel";

/** Children, their children, and so on; undefined where /proc is not that of our PID namespace: the numbers would be other processes'. */
export function descendants(): number[] | undefined {
  if (procOwner() !== "ours") return undefined;
  const children = new Map<number, number[]>();
  for (const pid of readdir("/proc").map(Number)) {
    const stat = pid > 0 ? readIfThere(`/proc/${pid}/stat`) : undefined;
    if (stat === undefined) continue;
    const parent = Number(statFields(stat)[1]);
    children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const below = (pid: number): number[] => (children.get(pid) ?? []).flatMap((child) => [child, ...below(child)]);
  return below(getpid());
}
