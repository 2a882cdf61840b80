// Everything about one process, subject by subject; at the end, whether it still is the same process.
import type { Finding } from "@contain-tools/chain";
import { explainNetwork } from "../network/network.ts";
import { explainEngineName } from "./enginename.ts";
import { cannotTell, count, fact, is, type Section } from "./finding.ts";
import { readGroups } from "./groups.ts";
import { explainInotify } from "./inotify.ts";
import { explainLimits } from "./limits.ts";
import { explainNamespaces } from "./namespaces.ts";
import { explainOwner, ownerOf } from "./owner.ts";
import { explainPipe } from "./pipes.ts";
import { explainPrivileges } from "./privileges.ts";
import { readProcess } from "./processes.ts";
import { explainRlimits } from "./rlimits.ts";
import { explainRoot } from "./root.ts";
import { explainSignals } from "./signals.ts";
import { explainStuck } from "./stuck.ts";
import { readSubject, type Subject, stateEvidence } from "./subject.ts";
import { explainPressure } from "./throttling.ts";
import { explainZombies } from "./zombies.ts";

export interface Explained {
  readonly title: string;
  readonly process: { readonly pid: number; readonly name: string };
  readonly sections: readonly Section[];
}

/** Words for the sections. */
export const SECTIONS: Readonly<Record<string, string>> = {
  who: "Who",
  namespaces: "Namespaces",
  limits: "Limits",
  memory: "Limits",
  cpu: "Limits",
  pids: "Limits",
  signals: "Signals",
  zombies: "Zombies",
  stuck: "Why it would not die",
  mounts: "Root and mounts",
  root: "Root and mounts",
  network: "Network",
  privileges: "Privileges",
};

/** @throws ToolError if there is no such process */
export function explainProcess(pid: number): Explained {
  const subject = readSubject(pid);
  const groups = readGroups(pid);
  const sections: Section[] = [
    {
      heading: "Who",
      findings: [
        explainOwner(groups.cgroups),
        ...explainEngineName(pid, ownerOf(groups.cgroups.value ?? "")?.id),
        state(subject),
        ...explainPipe(subject),
      ],
    },
    { heading: "Namespaces", findings: explainNamespaces(subject) },
    {
      heading: "Limits",
      findings: [
        ...explainLimits(groups),
        ...explainPressure(groups),
        ...(subject.kernelThread ? [] : [...explainRlimits(subject), ...explainInotify(subject)]),
      ],
    },
    { heading: "Signals", findings: explainSignals(subject) },
    { heading: "Zombies", findings: explainZombies(subject) },
    { heading: "Why it would not die", findings: explainStuck(subject, groups) },
    { heading: "Root and mounts", findings: explainRoot(subject) },
    { heading: "Network", findings: explainNetwork(subject) },
    { heading: "Privileges", findings: explainPrivileges(subject) },
  ];
  const race = changed(subject);
  return {
    title: `PID ${pid}, ${subject.name}`,
    process: { pid, name: subject.name },
    sections: [
      ...(race === undefined ? [] : [{ heading: "It ended meanwhile", findings: [race] }]),
      ...sections.filter(({ findings }) => findings.length > 0),
    ],
  };
}

const STATES: Readonly<Record<string, string>> = {
  R: "running or ready to run",
  S: "sleeping",
  D: "in uninterruptible sleep",
  T: "stopped",
  t: "stopped by its tracer",
  Z: "a zombie",
  X: "dead",
  I: "idle",
};

function state(subject: Subject): Finding {
  const parent = subject.processes.find(({ pid }) => pid === subject.parent);
  const from =
    subject.parent === 0
      ? "no parent in this PID namespace"
      : `a child of PID ${subject.parent}${parent === undefined ? "" : ` (${parent.name})`}`;
  return is("state", `${STATES[subject.state] ?? `in state ${subject.state}`}, ${from}, ${count(subject.threads, "thread")}`, [
    stateEvidence(subject),
  ]);
}

/** If a process ends while it is read, files are missing for no other reason; a later one may have its PID. */
function changed({ pid, started, state: before }: Subject): Finding | undefined {
  const now = readProcess(pid);
  const rule = "proc_pid_stat(5)";
  const source = `/proc/${pid}/stat`;
  if (now === undefined)
    return cannotTell("ended-meanwhile", "everything below for certain: the process ended while it was read", [
      { source, value: undefined, problem: "ENOENT", rule },
    ]);
  if (now.started !== started)
    return cannotTell(
      "ended-meanwhile",
      "everything below for certain: the process ended while it was read, and another one has its PID now",
      [fact(`${source} starttime`, `${started}, then ${now.started}`, rule)],
    );
  if (now.state === "Z" && before !== "Z")
    return cannotTell("ended-meanwhile", "everything below for certain: the process ended while it was read, and is a zombie now", [
      fact(`${source} state`, `${before}, then Z`, rule),
    ]);
  return undefined;
}
