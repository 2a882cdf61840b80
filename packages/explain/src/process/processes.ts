// One pass over /proc: of every process only what statements about one of them need, since a host has many.
import { codeOf, NAMESPACES, readdir, readIfThere, readlink, shortened, statFields } from "@contain-tools/kernel";

export interface Process {
  readonly pid: number;
  readonly name: string;
  readonly parent: number;
  /** One letter: R, S, D, T, t, Z, I (proc_pid_stat(5)). */
  readonly state: string;
  readonly threads: number;
  /** Clock ticks after boot. */
  readonly started: string;
  readonly exiting: boolean;
  readonly kernelThread: boolean;
  /** By their files in /proc/PID/ns; those that an ending process has given up are missing. */
  readonly namespaces: Readonly<Record<string, string>>;
  /** errno of the namespaces: EACCES for another user's process. */
  readonly problem: string | undefined;
}

const PF_EXITING = 0x4; // linux/sched.h
const PF_KTHREAD = 0x200000;

/** Every process of this /proc that still existed when its turn came. */
export function readProcesses(): Process[] {
  return pids().flatMap((pid) => readProcess(pid) ?? []);
}

export function pids(): number[] {
  return readdir("/proc")
    .filter((name) => name.charCodeAt(0) >= 48 && name.charCodeAt(0) <= 57)
    .map(Number);
}

/** undefined if there is no such process. */
export function readProcess(pid: number): Process | undefined {
  const stat = readIfThere(`/proc/${pid}/stat`);
  if (stat === undefined || stat === "") return undefined;
  const fields = statFields(stat);
  const flags = Number(fields[6]);
  const kernelThread = (flags & PF_KTHREAD) !== 0;
  const exiting = (flags & PF_EXITING) !== 0;
  return {
    pid,
    name: shortened(stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")")), 30),
    state: fields[0] ?? "?",
    parent: Number(fields[1]),
    threads: Number(fields[17]),
    started: fields[19] ?? "",
    exiting,
    kernelThread,
    ...(kernelThread ? { namespaces: {}, problem: undefined } : readNamespaces(pid, exiting)),
  };
}

const ALL = ["pid", ...NAMESPACES.map(({ file }) => file).filter((file) => file !== "pid")];
/** The namespaces that an ending process still has: exit_task_namespaces has dropped the others. */
const LAST = ["pid", "user"];

/** For any process, including kernel threads. */
export function readNamespaces(pid: number, exiting: boolean): Pick<Process, "namespaces" | "problem"> {
  const namespaces: Record<string, string> = {};
  let problem: string | undefined;
  for (const file of exiting ? LAST : ALL) {
    try {
      namespaces[file] = readlink(`/proc/${pid}/ns/${file}`);
    } catch (error) {
      problem = codeOf(error);
      if (problem === "EACCES" || problem === "EPERM") break; // the others would fail alike, and an exception is slow
    }
  }
  return { namespaces, problem: problem === "ENOENT" ? undefined : problem };
}

export function describe({ pid, name }: Pick<Process, "pid" | "name">): string {
  return `PID ${pid} (${name})`;
}

export function list(processes: readonly Process[], most = 6): string {
  const shown = processes.slice(0, most).map(({ pid, name }) => `${pid} (${name})`);
  return `PID ${shown.join(", ")}${processes.length > most ? ` and ${processes.length - most} more` : ""}`;
}
