// One look at the processes of a container, and at PID 1 when it has ended and nobody has waited for it yet.
import { closeSync, constants, openSync, readFileSync } from "node:fs";
import { codeOf, hasEnded, pidfdOpen, printable, readIfThere, readMountInfo, statFields, statusField } from "@contain-tools/kernel";
import type { Evidence } from "../evidence.ts";

/** The processes of a container besides PID 1 and `pid1`'s child, as they were at one moment. */
export interface Look {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly others: readonly Other[];
  /** Where they are listed. */
  readonly list: Evidence;
}

export interface Other {
  readonly pid: number;
  readonly name: string;
  /** By which it can be asked how it ended. */
  readonly pidfd: number;
}

/** Who the program is. */
export interface Program {
  readonly pid: number;
  /** Its name now (proc_pid_comm(5)). */
  readonly name: string;
  /** PID 1 is that of a PID namespace. */
  readonly isInit: boolean;
  /** "Max processes" of its /proc/PID/limits. */
  readonly maxProcesses: string | undefined;
  /** "Max cpu time" there. */
  readonly cpuLimit: Evidence;
}

export interface Watched {
  readonly pid: number;
  readonly group: string | undefined;
  /** `pid1` is PID 1, and the program its child. */
  readonly init: boolean;
  /** An nsexec stands between us and PID 1 (--chain exec). */
  readonly indirect: boolean;
}

const childrenOf = (pid: number) => (readIfThere(`/proc/${pid}/task/${pid}/children`) ?? "").trim().split(" ").filter(Boolean).map(Number);
const statusOf = (pid: number) => readIfThere(`/proc/${pid}/status`) ?? "";
const nameOf = (pid: number) => printable(statusField(statusOf(pid), "Name") ?? "?");

/** Finds the program; undefined when it has gone already, or is not there yet. */
export function findProgram({ pid, init, indirect }: Watched): Program | undefined {
  const first = indirect ? childrenOf(pid)[0] : pid;
  const program = init && first !== undefined ? childrenOf(first)[0] : first;
  if (first === undefined || program === undefined) return undefined;
  const isInit = /\t1$/.test(statusField(statusOf(first), "NSpid") ?? "");
  const limits = readIfThere(`/proc/${program}/limits`) ?? "";
  return {
    pid: program,
    name: nameOf(program),
    isInit,
    maxProcesses: /^Max processes +(\S+)/m.exec(limits)?.[1],
    cpuLimit: cpuLimitOf(program),
  };
}

const MOST = 16; // others that are kept in view

/** Looks again. What has gone since the last look is forgotten. */
export function lookAt({ pid, group }: Watched, program: Program | undefined, last: Look | undefined): Look {
  const path = group === undefined ? `/proc/${pid}/task/${pid}/children` : `${group}/cgroup.procs`;
  const list = read(path, "", "pid_namespaces(7): when PID 1 ends, the kernel kills the rest with SIGKILL");
  const pids = (list.value ?? "")
    .split(/\s+/)
    .map(Number)
    .filter((other) => other !== 0 && other !== pid && other !== program?.pid);
  const kept = (last?.others ?? []).filter(({ pidfd }) => !hasEnded(pidfd));
  forget({ others: (last?.others ?? []).filter((other) => !kept.includes(other)) });
  const added = pids.filter((other) => !kept.some((one) => one.pid === other)).slice(0, MOST - kept.length);
  return { at: Date.now(), others: [...kept, ...added.flatMap(openOther)], list };
}

function openOther(pid: number): Other[] {
  try {
    return [{ pid, name: nameOf(pid), pidfd: pidfdOpen(pid) }];
  } catch {
    return []; // it has ended
  }
}

export function forget(look: Pick<Look, "others"> | undefined): void {
  for (const { pidfd } of look?.others ?? []) closeSync(pidfd);
}

/** PID 1 as a zombie. */
export interface Zombie {
  readonly name: string | undefined;
  /** Seconds of CPU, user and system, of all its threads and of the children it has waited for. */
  readonly cpu: number;
  readonly stat: Evidence;
  /** "Max cpu time" of /proc/PID/limits. */
  readonly cpuLimit: Evidence;
}

const cpuLimitOf = (pid: number) =>
  read(`/proc/${pid}/limits`, "Max cpu time", "setrlimit(2) RLIMIT_CPU: SIGXCPU at the soft limit, SIGKILL at the hard one");

const TICKS = 100; // a second, as /proc shows times (USER_HZ, time(7))

export function lookAtZombie(pid: number): Zombie {
  const stat = read(`/proc/${pid}/stat`, "", "proc_pid_stat(5) comm, utime, stime, cutime, cstime");
  const fields = statFields(stat.value ?? "");
  const times = [11, 12, 13, 14].map((place) => Number(fields[place] ?? Number.NaN));
  const name = /\((.*)\)/s.exec(stat.value ?? "")?.[1];
  return {
    name: name === undefined ? undefined : printable(name),
    cpu: times.reduce((total, ticks) => total + ticks, 0) / TICKS,
    stat: { ...stat, ...(name === undefined ? {} : { value: `(${printable(name)}) ${fields[0]}` }) },
    cpuLimit: cpuLimitOf(pid),
  };
}

function read(path: string, key: string, rule: string): Evidence {
  try {
    const text = readFileSync(path, "utf8").trim();
    const value = key === "" ? text : new RegExp(`^${key} +(.*?) *$`, "m").exec(text)?.[1]?.replace(/ +/g, " ");
    return { source: key === "" ? path : `${path} ${key}`, value, rule };
  } catch (error) {
    return { source: path, value: undefined, problem: codeOf(error) ?? String(error), rule };
  }
}

/** A tmpfs of the container's, held open so that it can be asked when the container has gone. */
export interface Held {
  readonly mountPoint: string;
  readonly fd: number;
}

/** Opens the tmpfs mounts at these places; one that cannot be opened is left out. */
export function holdTmpfs(pid: number, places: readonly string[]): Held[] {
  if (places.length === 0) return [];
  try {
    const wanted = readMountInfo(pid).filter(({ mountPoint, type }) => places.includes(mountPoint) && ["tmpfs", "overlay"].includes(type));
    return wanted.map(({ mountPoint }) => ({
      mountPoint,
      fd: openSync(`/proc/${pid}/root${mountPoint}`, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW),
    }));
  } catch {
    return []; // it has ended, or we may not look
  }
}

export function letGo(held: readonly Held[]): void {
  for (const { fd } of held) closeSync(fd);
}
