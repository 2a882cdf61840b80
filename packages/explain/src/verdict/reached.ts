// Limits of processes that were reached when we looked: open files, processes of the user. The kernel does not count these refusals.
import type { Evidence, Finding } from "@contain-tools/chain";
import { CAPABILITIES, procDirectory, readdir, readIfThere, softLimit, stat, statusField, tryRead } from "@contain-tools/kernel";
import { hint } from "./hint.ts";

/** How much of its limit a process or user had used. */
export interface Reached {
  readonly kind: "open-files" | "nproc-limit";
  /** `nc (PID 12)`, `the user 1000`. */
  readonly who: string;
  readonly used: number;
  readonly limit: number;
  readonly evidence: readonly Evidence[];
}

const NEAR = 0.95;
const MAX_LIMIT = 4096; // higher limits are not checked: nobody set them, and counting would take long
const RULE = "getrlimit(2)";

/** Checks the processes of a container; a limit that was reached once stays noted. */
export function lookAtLimits(processes: readonly { readonly pid: number; readonly name: string }[], last: readonly Reached[]): Reached[] {
  const found = [...last];
  for (const { pid, name } of processes) {
    const limits = tryRead(`${procDirectory(pid)}/limits`);
    if (!("text" in limits)) continue;
    const add = (kind: Reached["kind"], who: string, line: string, count: () => { used: number; source: string } | undefined) => {
      const limit = Number(softLimit(limits.text, line));
      if (!(limit <= MAX_LIMIT) || found.some((one) => one.kind === kind)) return;
      const counted = count();
      if (counted === undefined || counted.used < limit * NEAR) return;
      const { used, source } = counted;
      const own = { source: `/proc/${pid}/limits ${line}`, value: `${limit}`, rule: RULE };
      found.push({ kind, who, used, limit, evidence: [own, { source, value: `${used}`, rule: RULE }] });
    };
    add("open-files", `${name} (PID ${pid})`, "Max open files", () => openFiles(pid));
    add("nproc-limit", `the user of ${name} (PID ${pid})`, "Max processes", () => processesOf(pid));
  }
  return found;
}

/** Since Linux 6.2 the size of the directory is the number of open files. */
function openFiles(pid: number): { used: number; source: string } | undefined {
  const source = `${procDirectory(pid)}/fd`;
  try {
    return { used: stat(source).size || readdir(source).length, source };
  } catch {
    return undefined;
  }
}

/** Threads of its real user, on the whole machine; not for root, nor with these capabilities (kernel/fork.c copy_process). */
function processesOf(pid: number): { used: number; source: string } | undefined {
  const status = readIfThere(`${procDirectory(pid)}/status`) ?? "";
  const uid = uidIn(status);
  const capabilities = BigInt(`0x${statusField(status, "CapEff") ?? "0"}`);
  const has = (name: string) => ((capabilities >> BigInt(CAPABILITIES.indexOf(name))) & 1n) !== 0n;
  if (uid === undefined || uid === "0" || has("CAP_SYS_RESOURCE") || has("CAP_SYS_ADMIN")) return undefined;
  let used = 0;
  for (const other of readdir("/proc").filter((name) => /^\d/.test(name))) {
    const text = readIfThere(`/proc/${other}/status`) ?? "";
    if (uidIn(text) === uid) used += Number(statusField(text, "Threads") ?? "0");
  }
  return { used, source: `/proc/*/status Threads of Uid ${uid}` };
}

const uidIn = (status: string) => statusField(status, "Uid")?.split(/\s+/)[0];

const TEXTS = {
  "open-files": [
    "files open, RLIMIT_NOFILE; beyond it open(2), socket(2), accept(2) fail with EMFILE",
    "--ulimit nofile=SOFT:HARD, or a program that closes its descriptors",
  ],
  "nproc-limit": [
    "processes and threads, RLIMIT_NPROC; beyond it fork(2) fails with EAGAIN",
    "--ulimit nproc=N, or fewer processes of this user",
  ],
} as const;

/** @param told kinds that the last words have explained better */
export function reachedLimits(reached: readonly Reached[], told: readonly string[]): Finding[] {
  return reached
    .filter(({ kind }) => !told.includes(`hint-${kind}`))
    .map(({ kind, who, used, limit, evidence }) =>
      hint(kind, `when it was looked at, ${who} had ${used} of ${limit} ${TEXTS[kind][0]}`, evidence, TEXTS[kind][1]),
    );
}
