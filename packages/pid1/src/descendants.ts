// All processes below a subreaper, which it may have to adopt.
import { getpid, procOwner, readdir, readIfThere, statFields } from "@contain-tools/kernel";

/** Children, their children, and so on; undefined if /proc is not that of our PID namespace: its numbers would mean other processes. */
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
