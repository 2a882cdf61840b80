// Processes in state D, which no signal reached by the end of the grace window (proc_pid_stat(5)).
import type { Evidence } from "@contain-tools/chain";
import { childrenOf, printable, procDirectory, readIfThere, statFields } from "@contain-tools/kernel";

export interface InD {
  /** `touch (PID 12) in __percpu_down_read`. */
  readonly who: string;
  readonly evidence: Evidence;
}

const MAX_PROCESSES = 64; // processes checked at most

/** @param pid if there is no group: it and its children */
export function processesInD(pid: number, group: string | undefined): InD[] {
  const listed =
    group === undefined ? [pid, ...childrenOf(pid)] : (readIfThere(`${group}/cgroup.procs`) ?? "").split("\n").filter(Boolean).map(Number);
  return listed.slice(0, MAX_PROCESSES).flatMap((one) => {
    const stat = readIfThere(`${procDirectory(one)}/stat`) ?? "";
    if (statFields(stat)[0] !== "D") return [];
    const name = printable(stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")")));
    const wchan = readIfThere(`${procDirectory(one)}/wchan`)?.trim() ?? "";
    const where = wchan === "" || wchan === "0" ? "" : ` in ${wchan}`;
    return [{ who: `${name} (PID ${one})${where}`, evidence: { source: `/proc/${one}/stat state`, value: "D", rule: "proc_pid_stat(5)" } }];
  });
}
