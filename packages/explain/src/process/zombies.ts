// Zombies in the container of a process: their parents, and who could reap them. Only the parent can, and init only those it has inherited.

import type { Evidence, Finding } from "@contain-tools/chain";
import { readIfThere, statusField } from "@contain-tools/kernel";
import { formatTime } from "../usage.ts";
import { cannotTell, count, fact, is } from "./finding.ts";
import { describe, type Process } from "./processes.ts";
import { type Subject, stateEvidence } from "./subject.ts";

const RULE = "wait(2), NOTES";
const MAX_SHOWN = 5;

export function explainZombies(subject: Subject): Finding[] {
  const { processes, hosts, namespaces } = subject;
  const container = hosts === false;
  const inside = processes.filter(({ pid, parent, namespaces: theirs }) =>
    container ? theirs["pid"] === namespaces["pid"] : pid === subject.pid || parent === subject.pid,
  );
  const dead = inside.filter(({ state }) => state === "Z");
  const zombies = dead.filter(({ threads }) => threads <= 1);
  const leaders = dead.filter(({ threads }) => threads > 1);
  const where = container ? "in its PID namespace" : "among it and its children";
  const findings = leaders.map((leader) =>
    is(
      "zombie-leader",
      `${describe(leader)} looks like a zombie, but is none that could be reaped: its main thread has ended, ${count(leader.threads - 1, "other thread")} of it live on`,
      [stateEvidence(leader), fact(`/proc/${leader.pid}/stat num_threads`, `${leader.threads}`, "pthread_exit(3)")],
    ),
  );
  if (hosts === undefined)
    return [
      ...findings,
      cannotTell("zombies-unknown", "which zombies are in its PID namespace", [
        { source: `/proc/${subject.pid}/ns/pid`, value: undefined, problem: subject.problem ?? "EACCES", rule: RULE },
      ]),
    ];
  if (zombies.length === 0)
    return findings.length > 0
      ? findings
      : [is("zombies-none", `no zombie ${where}`, [fact("/proc/*/stat state", `none is Z of ${inside.length}`, RULE)])];
  const summary = is(
    "zombies",
    `${count(zombies.length, "zombie")} ${where}`,
    zombies.slice(0, MAX_SHOWN).map((zombie) => stateEvidence(zombie)),
  );
  const [uptime] = (readIfThere("/proc/uptime") ?? "").split(" ");
  return [...findings, summary, ...zombies.slice(0, MAX_SHOWN).map((zombie) => explainZombie(zombie, subject, Number(uptime)))];
}

function explainZombie(zombie: Process, { processes, init, pid }: Subject, uptime: number): Finding {
  const parent = processes.find((process) => process.pid === zombie.parent);
  const age = `started ${formatTime(Math.max(0, uptime - Number(zombie.started) / TICKS) * 1000)} ago (/proc does not tell when it ended)`;
  const proof: Evidence[] = [stateEvidence(zombie), fact(`/proc/${zombie.pid}/stat ppid`, `${zombie.parent}`, RULE)];
  const who = describe(zombie);
  const tracer = Number(statusField(readIfThere(`/proc/${zombie.pid}/status`) ?? "", "TracerPid") ?? "0");
  if (tracer > 0 && tracer !== zombie.parent)
    return is("zombie-traced", `${who}, ${age}: PID ${tracer} traces it and has not waited for it; the parent hears of the end only then`, [
      ...proof,
      fact(`/proc/${zombie.pid}/status TracerPid`, `${tracer}`, "ptrace(2)"),
    ]);
  if (parent === undefined) {
    if (zombie.parent === 0)
      return cannotTell(
        "zombie-parent-outside",
        `who could reap ${who}: its parent is outside this /proc's PID namespace`,
        proof,
        "a look from the host would tell",
      );
    return cannotTell("zombie-parent-gone", `who could reap ${who}: its parent ended while we looked`, proof);
  }
  if (init?.pid === parent.pid)
    return is(
      "zombie-of-init",
      `${who}, ${age}: its parent is ${describe(parent)}, PID 1 of the PID namespace, which does not reap`,
      proof,
      "an init that reaps as PID 1: `docker run --init`, `contain run --init`",
    );
  const inherits =
    init === undefined || init.pid === zombie.pid
      ? ""
      : `; if that one ended, ${describe(init)} (or a subreaper in between) would inherit it`;
  const stopped = /^[TtD]$/.test(parent.state) ? `, which is in state ${parent.state} and cannot` : "";
  const self = parent.pid === pid ? ", this very process" : "";
  return is(
    "zombie-of-living-parent",
    `${who}, ${age}: only its parent can reap it, ${describe(parent)}${self}${stopped}; it lives, so init cannot${inherits}`,
    [...proof, stateEvidence(parent)],
    `let ${describe(parent)} wait for its children (a handler for SIGCHLD), or end it`,
  );
}

/** USER_HZ, the unit of times in /proc: 100 on every architecture that Node runs on (time(7)). */
const TICKS = 100;
