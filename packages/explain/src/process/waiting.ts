// Signals that are taken from the queue instead of by a handler: sigwaitinfo(2) and signalfd(2).
import { readdirSync, readlinkSync } from "node:fs";
import type { Evidence } from "@contain-tools/chain";
import { codeOf, hasSignal, NR_SIGTIMEDWAIT, parseSignalMask, readIfThere } from "@contain-tools/kernel";
import { fact } from "./finding.ts";
import type { Subject } from "./subject.ts";

export interface Waiting {
  readonly how: string;
  readonly proof: Evidence;
}

/**
 * While a thread waits in sigtimedwait(2) the kernel shows the signals that it waits for as unblocked (do_sigtimedwait), so that an init
 * like tini looks as if it dropped them.
 *
 * @returns undefined when it does neither; "unknown" when /proc does not let us see
 */
export function takesQueued({ pid, state }: Subject, signal: number, blocked: boolean): Waiting | "unknown" | undefined {
  const rule = "sigwaitinfo(2), proc_pid_syscall(5)";
  const syscall = readOr(`/proc/${pid}/syscall`);
  const wchan = readOr(`/proc/${pid}/wchan`);
  if (syscall !== undefined && Number(syscall.split(" ")[0]) === NR_SIGTIMEDWAIT)
    return { how: "it waits in sigtimedwait(2)", proof: fact(`/proc/${pid}/syscall`, syscall, rule) };
  if (wchan?.includes("sigtimedwait")) return { how: "it waits in sigtimedwait(2)", proof: fact(`/proc/${pid}/wchan`, wchan, rule) };
  if (blocked) {
    const found = findSignalfd(pid, signal);
    if (found !== undefined) return found;
  }
  // A running process shows no call; a stopped one may stand in sigtimedwait, and shows it.
  const seen = syscall !== undefined || (wchan !== undefined && wchan !== "0" && wchan !== "");
  return seen || blocked || state === "R" ? undefined : "unknown";
}

function readOr(path: string): string | undefined {
  try {
    return readIfThere(path)?.trim();
  } catch {
    return undefined;
  }
}

function findSignalfd(pid: number, signal: number): Waiting | "unknown" | undefined {
  const dir = `/proc/${pid}/fd`;
  try {
    for (const fd of readdirSync(dir)) {
      if (linkOr(`${dir}/${fd}`) !== "anon_inode:[signalfd]") continue;
      const mask = /^sigmask:\s*([0-9a-f]{16})$/m.exec(readOr(`/proc/${pid}/fdinfo/${fd}`) ?? "")?.[1];
      if (mask !== undefined && hasSignal(parseSignalMask(mask), signal))
        return { how: `a signalfd, descriptor ${fd}`, proof: fact(`/proc/${pid}/fdinfo/${fd} sigmask`, mask, "signalfd(2)") };
    }
  } catch (error) {
    return codeOf(error) === "EACCES" ? "unknown" : undefined;
  }
  return undefined;
}

function linkOr(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
