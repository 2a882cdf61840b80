// What the kernel log says about the OOM killer's victims (mm/oom_kill.c, mm/memcontrol.c).
import { printable } from "@contain-tools/kernel";

/** One process that the OOM killer killed. */
export interface OomKill {
  /** By the numbers of the first PID namespace. */
  readonly pid: number;
  readonly name: string;
  /** Bytes it held. */
  readonly anon: number;
  readonly file: number;
  readonly shmem: number;
  /** The limit of a group fired; the machine itself was not out of memory. */
  readonly byLimit: boolean;
  /** The group whose limit fired, and the victim's own, from the root of the hierarchy; the kernel omits them when it logs too much. */
  readonly oomGroup: string | undefined;
  readonly group: string | undefined;
  /** memory.stat of the group whose limit fired, at that moment: bytes by kind. */
  readonly kinds: ReadonlyMap<string, number>;
  /** The group that memory.oom.group kills as a whole, from the root of the hierarchy; undefined for a single victim. */
  readonly together: string | undefined;
  readonly line: string;
}

const KILLED =
  /^(Memory cgroup out of memory|Out of memory)[^:]*: Killed process (\d+) \((.*)\) total-vm:\d+kB, anon-rss:(\d+)kB, file-rss:(\d+)kB, shmem-rss:(\d+)kB/;
const CHOSEN = /^oom-kill:constraint=.*?,(?:oom_memcg=(.*?)|global_oom),task_memcg=(.*),task=.*,pid=(\d+),uid=\d+/;

/** The victims, in the order of their deaths. */
export function findOomKills(records: readonly string[]): OomKill[] {
  const kills: OomKill[] = [];
  let kinds = new Map<string, number>();
  let chosen: RegExpExecArray | undefined;
  let together: string | undefined;
  for (const line of records.flatMap((record) => record.split("\n"))) {
    if (line.includes(" invoked oom-killer: ")) {
      chosen = undefined;
      together = undefined;
      kinds = new Map();
    }
    const kind = /^(anon|file|kernel|sock|shmem) (\d+)$/.exec(line);
    if (kind !== null) kinds.set(kind[1] ?? "", Number(kind[2]));
    chosen = CHOSEN.exec(line) ?? chosen;
    together = /^Tasks in (.*) are going to be killed due to memory.oom.group set$/.exec(line)?.[1] ?? together;
    const killed = KILLED.exec(line);
    if (killed === null) continue;
    const [, how = "", pid, name = "", ...sizes] = killed;
    const [anon = 0, file = 0, shmem = 0] = sizes.map((size) => Number(size) * 1024);
    // When many are killed, the kernel omits the lines before this one; the preceding lines are then another victim's.
    if (chosen?.[3] !== pid && together === undefined) chosen = undefined;
    const [, oomGroup, group] = chosen ?? [];
    kills.push({
      ...{ pid: Number(pid), name: printable(name), anon, file, shmem, together, line: printable(line), oomGroup, group },
      kinds: chosen === undefined ? new Map() : kinds,
      byLimit: how.startsWith("Memory cgroup"),
    });
  }
  return kills;
}

/** True for a victim in the container's group, or in one below it. */
export function isIn(kill: OomKill, group: string): boolean {
  const name = group.slice(group.lastIndexOf("/"));
  return kill.group !== undefined && `${kill.group}/`.includes(`${name}/`);
}

/** How far above the container's group the limit is that fired: 0 for its own, -1 for one below it; undefined if not logged. */
export function levelOf({ oomGroup, group }: OomKill, own: string): number | undefined {
  if (oomGroup === undefined || group === undefined) return undefined;
  const depth = (path: string) => path.split("/").filter(Boolean).length;
  const name = own.slice(own.lastIndexOf("/"));
  const end = `${group}/`.indexOf(`${name}/`);
  return end === -1 ? undefined : depth(group.slice(0, end + name.length)) - depth(oomGroup);
}
