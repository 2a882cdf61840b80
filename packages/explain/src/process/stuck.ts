// Why a process does not die: what keeps SIGKILL from ending it, and what only looks like that.

import type { Evidence, Finding } from "@contain-tools/chain";
import { hasSignal, pollOnce, SIGKILL, statusField } from "@contain-tools/kernel";
import { cannotTell, fact, is } from "./finding.ts";
import { frozenBy } from "./frozen.ts";
import type { Groups } from "./groups.ts";
import { describe, type Process, readProcess } from "./processes.ts";
import { lookAt, maskOf, type Subject, stateEvidence, statusEvidence } from "./subject.ts";

export function explainStuck(subject: Subject, groups: Groups): Finding[] {
  if (subject.kernelThread) return [is("kernel-thread", "it is a kernel thread: no signal ends it", [statusEvidence(subject, "Kthread")])];
  if (subject.state === "Z" && subject.threads <= 1)
    return [
      is("ended", "it has ended already, and no signal changes that: a zombie only waits for its parent (see Zombies)", [
        stateEvidence(subject),
      ]),
    ];
  const frozen = frozenBy(groups);
  const certainly = frozen.some(({ certain }) => certain);
  const findings = [...killed(subject), ...frozen, ...namespaceEnd(subject), ...traced(subject), ...(certainly ? [] : sleeping(subject))];
  if (findings.length > 0) return findings;
  return [
    is("not-stuck", `nothing keeps SIGKILL from ending it: state ${subject.state}, not frozen, not traced`, [
      stateEvidence(subject, "proc_pid_stat(5), signal(7)"),
      statusEvidence(subject, "TracerPid", "ptrace(2)"),
    ]),
  ];
}

/** SIGKILL is pending, or the process is ending. */
function killed(subject: Subject): Finding[] {
  const findings: Finding[] = [];
  const shared = statusEvidence(subject, "ShdPnd", "signal(7)");
  if (hasPending(subject, "ShdPnd"))
    findings.push(is("sigkill-pending", "SIGKILL has been sent to it, and it has not ended yet", [shared]));
  else if (hasPending(subject, "SigPnd"))
    findings.push(
      is(
        "fatal-pending",
        "it has been told to end, and has not ended yet: by a signal that ends it, or by an exit or execve of another thread; no SIGKILL was sent to the process as a whole",
        [
          statusEvidence(subject, "SigPnd", "kernel/signal.c complete_signal, zap_other_threads: every thread gets the bit of SIGKILL"),
          shared,
        ],
      ),
    );
  if (subject.exiting)
    findings.push(
      is("exiting", "it is ending: it runs no code of its own any more, and another SIGKILL changes nothing", [
        fact(`/proc/${subject.pid}/stat flags`, "PF_EXITING", "proc_pid_stat(5), linux/sched.h"),
      ]),
    );
  return findings;
}

function hasPending(subject: Subject, field: "ShdPnd" | "SigPnd"): boolean {
  const set = maskOf(subject, field);
  return set !== undefined && hasSignal(set, SIGKILL);
}

/** The init of a PID namespace ends only when all others in it have been reaped. */
function namespaceEnd(subject: Subject): Finding[] {
  const { nested, pid, exiting, processes, namespaces } = subject;
  if (nested.at(-1) !== 1 || !exiting) return [];
  const wchan = lookAt(subject, "wchan", "proc_pid_wchan(5)");
  const rule = 'pid_namespaces(7), "The namespace init process"';
  const stack = lookAt(subject, "stack", "proc_pid_stack(5)");
  const zap = (evidence: Evidence) => evidence.value?.includes("zap_pid_ns_processes") === true;
  // It waits for its children there too, and wchan then shows do_wait.
  if (!zap(wchan) && !zap(stack)) return [];
  const left = processes.filter((process) => process.pid !== pid && process.namespaces["pid"] === namespaces["pid"]);
  if (left.length === 0)
    return [cannotTell("pid-namespace-ending", "which processes it waits for: none is to be seen in its PID namespace", [wchan, stack])];
  return [
    is(
      "pid-namespace-ending",
      `it is the init of a PID namespace, has ended, and waits until every process there has been reaped: ${left.length} ${left.length === 1 ? "is" : "are"} left`,
      [zap(wchan) ? { ...wchan, rule } : { ...stack, rule }],
    ),
    ...left.slice(0, 5).map((process) => blocker(process, processes, rule)),
  ];
}

function blocker(process: Process, processes: readonly Process[], rule: string): Finding {
  const parent = processes.find(({ pid }) => pid === process.parent);
  const proof: Evidence[] = [stateEvidence(process, rule), fact(`/proc/${process.pid}/ns/pid`, process.namespaces["pid"] ?? "", rule)];
  if (process.state === "Z" && parent !== undefined)
    return is(
      "pid-namespace-held-by-zombie",
      `it waits for the zombie ${describe(process)}, whose parent ${describe(parent)} (state ${parent.state}) has not reaped it`,
      [...proof, stateEvidence(parent)],
      `let ${describe(parent)} reap it, or end that one`,
    );
  return is(
    "pid-namespace-held",
    `it waits for ${describe(process)}, state ${process.state}: \`contain explain ${process.pid}\` tells why that does not end`,
    proof,
  );
}

function traced(subject: Subject): Finding[] {
  const tracer = Number(statusField(subject.status, "TracerPid"));
  const proof = [statusEvidence(subject, "TracerPid", "ptrace(2)"), stateEvidence(subject, "ptrace(2)")];
  const by = readProcess(tracer);
  if (subject.state === "T")
    return [
      is(
        "stopped",
        "it is stopped (SIGSTOP, Ctrl-Z): all signals but SIGKILL wait until SIGCONT",
        [stateEvidence(subject, "signal(7)")],
        `kill -CONT ${subject.pid}`,
      ),
    ];
  if (!(tracer > 0)) return [];
  const who = by === undefined ? `PID ${tracer}` : describe(by);
  if (subject.state === "t")
    return [is("traced-stopped", `${who} traces it and has stopped it: signals other than SIGKILL are the tracer's to pass on`, proof)];
  return [is("traced", `${who} traces it: signals other than SIGKILL come to that one first`, proof)];
}

/** State D includes sleeps that SIGKILL ends (TASK_KILLABLE) and others; a pending SIGKILL tells them apart. */
function sleeping(subject: Subject): Finding[] {
  const { pid, state, started } = subject;
  if (state !== "D") return [];
  pollOnce(-1, 0, 20);
  const again = readProcess(pid);
  if (again?.started !== started || again.state !== "D")
    return [is("was-in-d", "it was in state D for a moment, as a process that waits for a disk is", [stateEvidence(subject)])];
  const wchan = lookAt(subject, "wchan", "proc_pid_wchan(5)");
  const stack = lookAt(subject, "stack", "proc_pid_stack(5)");
  const where = wchan.value === undefined || wchan.value === "0" || wchan.value === "" ? "" : ` in the kernel's ${wchan.value}`;
  const calls = (stack.value ?? "")
    .split("\n")
    .map((line) => /([\w.]+)\+/.exec(line)?.[1] ?? "")
    .filter(Boolean);
  const path = calls.length === 0 ? "" : ` (${calls.slice(0, 6).join(" < ")})`;
  const proof = [stateEvidence(subject), wchan, stack];
  if (wchan.value === "kernel_clone" || wchan.value === "wait_for_vfork_done")
    return [
      is(
        "vfork",
        `it waits for its vfork child to exec or end (vfork(2))${path}: SIGKILL ends such a sleep, although its state is D`,
        proof,
      ),
    ];
  if (hasPending(subject, "ShdPnd") || hasPending(subject, "SigPnd"))
    return [
      is(
        "uninterruptible",
        `it sleeps uninterruptibly${where}${path}: SIGKILL is pending, and acts when the kernel function returns`,
        proof,
      ),
    ];
  return [
    cannotTell(
      "sleeping-d",
      `whether SIGKILL would end it: it sleeps in state D${where}${path}, and /proc shows sleeps that SIGKILL ends (NFS, vfork) as D too`,
      proof,
      "a SIGKILL that stays pending in ShdPnd would tell",
    ),
  ];
}
