// PID 1 after its end, before anybody has waited for it.

import type { Evidence } from "@contain-tools/chain";
import { printable, procDirectory, statFields, tryRead } from "@contain-tools/kernel";
import { cpuLimitIn, readField } from "./field.ts";

/** PID 1 as a zombie. */
export interface Zombie {
  readonly name: string | undefined;
  /** Seconds of CPU, user and system, of all its threads and of the children it has waited for. */
  readonly cpu: number;
  readonly stat: Evidence;
  /** /proc/PID/limits; empty where that could not be read. */
  readonly limits: string;
  /** "Max cpu time" there. */
  readonly cpuLimit: Evidence;
}

const TICKS = 100; // a second, as /proc shows times (USER_HZ, time(7))

/** Reads what is lost once it is reaped; the values are parsed only by a verdict that needs them. */
export function lookAtZombie(pid: number): () => Zombie {
  const directory = procDirectory(pid);
  const stat = readField(`${directory}/stat`, "", "proc_pid_stat(5) comm, utime, stime, cutime, cstime");
  const limits = tryRead(`${directory}/limits`);
  return () => ({ ...describe(stat), limits: "text" in limits ? limits.text : "", cpuLimit: cpuLimitIn(pid, limits) });
}

function describe(stat: Evidence): Omit<Zombie, "limits" | "cpuLimit"> {
  const fields = statFields(stat.value ?? "");
  const times = [11, 12, 13, 14].map((place) => Number(fields[place] ?? Number.NaN));
  const name = /\((.*)\)/s.exec(stat.value ?? "")?.[1];
  return {
    name: name === undefined ? undefined : printable(name),
    cpu: times.reduce((total, ticks) => total + ticks, 0) / TICKS,
    stat: { ...stat, ...(name === undefined ? {} : { value: `(${printable(name)}) ${fields[0]}` }) },
  };
}
