// Errors from limits that the kernel counts by user or process: a refused fork, open files.
import type { Evidence, Finding } from "@contain-tools/chain";
import { readIfThere } from "@contain-tools/kernel";
import type { Case } from "../case.ts";
import { hint } from "../hint.ts";
import { callerOf, limitOf } from "./caller.ts";
import { isAboutInotify, judgeInotify } from "./inotify.ts";
import { isAboutNamespaces, judgeNamespaces } from "./namespaces.ts";
import type { Said } from "./said.ts";

const FORK = /fork|clone|thread|spawn|vfork|execvp/;

/** @param refused pids.max has refused forks, which is reported already */
export function judgeCounted(c: Case, said: Said, evidence: Evidence, refused: boolean): Finding[] | undefined {
  const { errno, words } = said;
  if (errno === "EAGAIN") return words.some((word) => FORK.test(word)) && !refused ? [refusedFork(c, said, evidence)] : [];
  if (isAboutInotify(said)) return [judgeInotify(c, said, evidence)];
  if (errno === "EMFILE") return [files(c, said, evidence)];
  if (isAboutNamespaces(said)) return [judgeNamespaces(c, said, evidence)];
  return undefined;
}

const near = (used: number, limit: number) => !(used < limit * 0.9);

/** The kernel counts refusals of pids.max, but not those of RLIMIT_NPROC, threads-max and pid_max. */
function refusedFork(c: Case, { line }: Said, said: Evidence): Finding {
  const caller = callerOf(c);
  const { value: limit, evidence: own } = limitOf(c, "Max processes", "fork(2) EAGAIN, getrlimit(2) RLIMIT_NPROC");
  const wrote = `it wrote ${JSON.stringify(line)} (EAGAIN), and pids.max refused nothing`;
  const threads = Number(/\/(\d+) /.exec(readIfThere("/proc/loadavg") ?? "")?.[1]);
  const whole = ["threads-max", "pid_max"].map((name) => {
    const value = readIfThere(`/proc/sys/kernel/${name}`)?.trim();
    return { name, value, evidence: { source: `/proc/sys/kernel/${name}`, value, rule: "fork(2) EAGAIN" } };
  });
  const now = { source: "/proc/loadavg", value: `${threads} threads on the machine`, rule: "proc_loadavg(5)" };
  const evidence = [said, own, ...whole.map((one) => one.evidence), now];
  const far = whole.filter(({ value }) => !near(threads, Number(value))).length === whole.length;
  const v1 = pidsOnV1();
  const exempt = caller !== undefined && (caller.has("CAP_SYS_RESOURCE") || caller.has("CAP_SYS_ADMIN"));
  if (far && v1 === undefined && caller !== undefined && limit !== undefined && limit !== "unlimited" && !exempt) {
    const text = `${wrote}. RLIMIT_NPROC is what is left: the user ${caller.uid} may have ${limit} processes and threads, those outside of the container included. The machine has ${threads} threads, far from kernel.threads-max and kernel.pid_max`;
    return hint(
      "nproc-limit",
      text,
      [...evidence, caller.evidence("Uid", "credentials(7)")],
      "--ulimit nproc=N, or fewer processes of this user",
    );
  }
  const values = `RLIMIT_NPROC ${limit ?? "?"}${exempt ? " (not for its capabilities)" : ""}, ${whole.map(({ name, value }) => `kernel.${name} ${value ?? "?"}`).join(", ")}`;
  const text = `${wrote}. It was another limit; cannot tell which: ${values}${v1 === undefined ? "" : `, pids.max of ${v1.source} (${v1.value} refused)`}`;
  return hint("fork-refused", text, [...evidence, ...(v1 === undefined ? [] : [v1])]);
}

/** A cgroup v1 group that the container shares with us, and that has refused forks. */
function pidsOnV1(): Evidence | undefined {
  const path = /^\d+:(?:[\w,=]*,)?pids(?:,[\w,=]*)?:(.*)$/m.exec(readIfThere("/proc/self/cgroup") ?? "")?.[1];
  const dir = path === undefined ? undefined : `/sys/fs/cgroup/pids${path === "/" ? "" : path}`;
  const refused = dir === undefined ? undefined : /^max ([1-9]\d*)$/m.exec(readIfThere(`${dir}/pids.events`) ?? "")?.[1];
  return refused === undefined ? undefined : { source: `${dir}/pids.events max`, value: refused, rule: "pids.rst of cgroup v1" };
}

function files(c: Case, { line }: Said, said: Evidence): Finding {
  const { value: limit, evidence: own, when } = limitOf(c, "Max open files", "getrlimit(2) RLIMIT_NOFILE");
  if (/fanotify/i.test(line)) {
    const text = `it wrote ${JSON.stringify(line)} (EMFILE): user.max_fanotify_groups or RLIMIT_NOFILE of the process, ${limit ?? "?"}. Which: cannot tell; strace(1) would tell`;
    return hint("open-files", text, [said, own]);
  }
  const text = `it wrote ${JSON.stringify(line)} (EMFILE): RLIMIT_NOFILE of the process was reached${limit === undefined ? "" : `, ${limit} ${when}`}`;
  return hint("open-files", text, [said, own], "--ulimit nofile=SOFT:HARD, or a program that closes its descriptors");
}
