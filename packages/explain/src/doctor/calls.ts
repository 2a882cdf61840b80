// The kernel: its version, the system calls that containers need, seccomp.

import { type Evidence, evidenceFrom } from "@contain-tools/chain";
import { askCall, askPidfd, CALL_PROBES, type CallProbe, readIfThere, seccompMode, statusField, uname } from "@contain-tools/kernel";
import { answered, type Check, cannotTell, check, codeOfFailure, hasProc, quoteEvidence, type Verdict } from "./check.ts";

const OLDEST = [5, 10];

export function callChecks(): Check[] {
  return [
    check("kernel", kernel),
    check("clone3", clone3),
    check("openat2", () =>
      call(CALL_PROBES.openat2, "5.6", "openat2(2)", "without it a link in a rootfs could lead a mount to the host: refused"),
    ),
    check("pidfd", pidfd),
    check("close_range", () => call(CALL_PROBES.closeRange, "5.9", "close_range(2)", "without it descriptors are closed one by one")),
    check("open_tree", () => call(CALL_PROBES.openTree, "5.2", "open_tree(2)", "without it mounts cannot be made by descriptor: refused")),
    check("mount_setattr", () =>
      call(CALL_PROBES.mountSetattr, "5.12", "mount_setattr(2)", "without it mounts are made read-only one by one"),
    ),
    check("seccomp", seccomp),
    check("seccomp filter", filter),
  ];
}

function kernel(): Verdict {
  const version = uname().release; // uname(2): it needs no /proc
  const [major = 0, minor = 0] = version.split(".").map((part) => Number.parseInt(part, 10));
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST;
  const old = major < oldestMajor || (major === oldestMajor && minor < oldestMinor);
  const evidence = [answered("uname(2) release", version, `the oldest kernel supported is ${OLDEST.join(".")}`)];
  return {
    state: old ? "limited" : "ok",
    text: `uname: Linux ${version}${old ? `, older than ${OLDEST.join(".")}` : ""}`,
    evidence,
    fix: old ? `a kernel from ${OLDEST.join(".")} on` : undefined,
  };
}

/** A call that the kernel has refuses its arguments; ENOSYS means that the kernel or a filter lacks it; anything else proves nothing. */
function call(probe: CallProbe, since: string, page: string, without: string): Verdict {
  const answer = askCall(probe);
  const evidence = [answered(probe.call, answer, `${page}: since Linux ${since}; ${probe.there} is its own refusal of such arguments`)];
  if (answer === probe.there) return { state: "ok", text: `${probe.call}: ${answer}, so the kernel has it`, evidence };
  if (answer === "ENOSYS") {
    return {
      state: "missing",
      text: `${probe.call}: ENOSYS; ${without}`,
      evidence,
      fix: `a kernel from ${since} on; if it is one, ${FILTERED}`,
    };
  }
  if (answer === "EPERM" || answer === "EACCES") {
    return { state: "limited", text: `${probe.call}: ${answer}, which a seccomp filter answers; ${without}`, evidence, fix: FILTERED };
  }
  return cannotTell(`${probe.call} gave ${answer}, and ${probe.there} or ENOSYS would tell`, evidence);
}

const FILTERED = "a seccomp profile that allows it (docker: --security-opt seccomp=unconfined)";

function clone3(): Verdict {
  const found = call(CALL_PROBES.clone3, "5.3", "clone3(2)", "clone(2) is used, and a process joins its cgroup after it was born");
  if (found.state !== "ok") return found;
  const into = call(CALL_PROBES.intoCgroup, "5.7", "clone(2), CLONE_INTO_CGROUP", "");
  const evidence = [...found.evidence, ...into.evidence];
  if (into.state === "ok") return { ...found, text: `${found.text}; CLONE_INTO_CGROUP too`, evidence };
  const answer = into.evidence[0]?.value;
  const text = `${found.text}; CLONE_INTO_CGROUP: ${answer}`;
  if (answer !== "E2BIG" && answer !== "EINVAL") return { ...into, evidence };
  return { state: "limited", text: `${text}, so a process joins its cgroup after it was born`, evidence, fix: "a kernel from 5.7 on" };
}

function pidfd(): Verdict {
  const rule = "pidfd_open(2): since Linux 5.3; pidfd_send_signal(2): since 5.1";
  try {
    const evidence = [answered("pidfd_open(self)", "a descriptor", rule), answered("pidfd_send_signal(self, 0)", `${askPidfd()}`, rule)];
    return { state: "ok", text: "pidfd_open(self) gives a descriptor", evidence };
  } catch (error) {
    const code = codeOfFailure(error);
    const evidence = [answered("pidfd_open(self)", code, rule)];
    const text = `pidfd_open(self): ${code}; without it a process can be taken for a later one with its PID`;
    if (code === "ENOSYS") return { state: "missing", text, evidence, fix: `a kernel from 5.3 on; if it is one, ${FILTERED}` };
    return code === "EPERM" ? { state: "limited", text, evidence, fix: FILTERED } : cannotTell(text, evidence);
  }
}

const ACTIONS = "/proc/sys/kernel/seccomp/actions_avail";

function seccomp(): Verdict {
  const actions = evidenceFrom(ACTIONS, "seccomp(2): the actions that filters may return");
  const mode = seccompMode();
  const evidence = [actions, answered("prctl(PR_GET_SECCOMP)", `${mode}`, "PR_GET_SECCOMP(2const): EINVAL without CONFIG_SECCOMP")];
  if (actions.value?.includes("errno")) return { state: "ok", text: quoteEvidence(actions), evidence };
  if (mode === "EINVAL")
    return { state: "missing", text: "prctl(PR_GET_SECCOMP): EINVAL", evidence, fix: "a kernel with CONFIG_SECCOMP_FILTER" };
  if (mode === 2) return { state: "ok", text: "prctl(PR_GET_SECCOMP): 2, a filter is at work on this very process", evidence };
  return cannotTell(`${quoteEvidence(actions)}; its list of actions would tell of filters`, evidence);
}

/** A filter on ourselves explains other refusals. */
function filter(): Verdict {
  const source = "/proc/self/status Seccomp";
  const value = statusField(readIfThere("/proc/self/status") ?? "", "Seccomp");
  const rule = "proc_pid_status(5): 0 none, 1 strict, 2 filter; absent without CONFIG_SECCOMP";
  const evidence: Evidence[] = [value === undefined ? { source, value, problem: "no such field", rule } : { source, value, rule }];
  if (value === "0") return { state: "ok", text: `${source}: 0, none is on this process`, evidence };
  if (value === undefined) {
    const mode = seccompMode();
    if (mode === 0 || mode === "EINVAL") return { state: "ok", text: `prctl(PR_GET_SECCOMP): ${mode}, none is on this process`, evidence };
    return cannotTell(`there is no field ${source}${hasProc() ? "" : ", since /proc is not proc"}`, evidence);
  }
  const text = `${source}: ${value}, this process is under a filter: what it refuses looks missing, and is missing in containers started here`;
  return {
    state: "limited",
    text,
    evidence,
    fix: "outside of this container, or with another profile (docker: --security-opt seccomp=unconfined)",
  };
}
