// A forked process in a container is a copy of one outside, so its /proc/PID/environ and cmdline would show everybody inside the host's
// environment and command line. Both are areas of our own memory; /proc/self/stat has their addresses (proc_pid_stat(5)).
import { readIfThere } from "../file/open.ts";
import { statFields } from "../proc/proc.ts";
import { overwrite, setDumpable } from "../process/process.ts";

export interface Areas {
  readonly argStart: number;
  readonly argEnd: number;
  readonly envStart: number;
  readonly envEnd: number;
}

/** The addresses of the command line and the environment; undefined without /proc. A forked child has the same. */
export function readAreas(): Areas | undefined {
  const stat = readIfThere("/proc/self/stat");
  if (stat === undefined) return undefined;
  const field = (number: number) => Number(statFields(stat)[number - 3] ?? 0);
  const areas = { argStart: field(48), argEnd: field(49), envStart: field(50), envEnd: field(51) };
  return areas.argStart > 0 && areas.envStart > 0 ? areas : undefined;
}

/** Sets the command line to `title` and empties the environment, and denies ptrace(2) without CAP_SYS_PTRACE. */
export function hideSecrets(areas: Areas | undefined, title: string): void {
  setDumpable(false);
  if (areas === undefined) return;
  overwrite(areas.envStart, areas.envEnd, "");
  overwrite(areas.argStart, areas.argEnd, title);
}
