// Which of the eight namespaces a process has of its own, with which processes it shares them, and its PIDs at every level.
import { existsSync } from "node:fs";
import type { Evidence, Finding } from "@contain-tools/chain";
import { NAMESPACES } from "@contain-tools/kernel";
import { cannotTell, count, fact, is, look } from "./finding.ts";
import { list, type Process } from "./processes.ts";
import { hostName, type Subject, statusEvidence } from "./subject.ts";

const RULE = "namespaces(7)";

export function explainNamespaces(subject: Subject): Finding[] {
  if (subject.kernelThread) return [];
  const known = NAMESPACES.map(({ file }) => file).filter((file) => subject.namespaces[file] !== undefined);
  const groups = groupKinds(known, subject).map((group) => explainGroup(group, subject));
  return [...groups, ...missing(known, subject), ...unseen(subject), ...clocks(subject), pidsOf(subject)];
}

interface Group {
  readonly kinds: string[];
  readonly sharers: readonly Process[];
}

/** Kinds that the same processes share make one statement. */
function groupKinds(known: readonly string[], { namespaces, processes, host }: Subject): Group[] {
  const groups = new Map<string, Group>();
  for (const kind of known) {
    const sharers = processes.filter((process) => process.namespaces[kind] === namespaces[kind]);
    const key = host.namespaces[kind] === namespaces[kind] ? "host" : sharers.map(({ pid }) => pid).join(" ");
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { kinds: [kind], sharers });
    else group.kinds.push(kind);
  }
  return [...groups.values()];
}

function explainGroup({ kinds, sharers }: Group, { pid, namespaces, processes, host }: Subject): Finding {
  const evidence = (process: { readonly pid: number; readonly namespaces: Subject["namespaces"] }) =>
    kinds.map((kind): Evidence => fact(`/proc/${process.pid}/ns/${kind}`, process.namespaces[kind] ?? "", RULE));
  const own = evidence({ pid, namespaces });
  const names = kinds.join(", ");
  const { whose, proof } = hostName(host);
  const [first = ""] = kinds;
  if (namespaces[first] === host.namespaces[first]) {
    const least = Math.min(...kinds.map((kind) => processes.filter((process) => process.namespaces[kind] === namespaces[kind]).length));
    return is(
      "namespaces-shared-with-host",
      `${names}: ${whose} (${proof} has ${kinds.length === 1 ? "it" : "them"} too, as ${count(least, "process", "processes")} in all)`,
      [...own, ...evidence(host)],
    );
  }
  const others = sharers.filter((process) => process.pid !== pid);
  const whom = others.length === 0 ? "no other process is in them" : `shared with ${list(others)}`;
  return is("namespaces-own", `${names}: not ${whose}; ${whom}`, [...own, ...evidence(host)]);
}

/** Kinds that /proc does not show for it, although the kernel has them. */
function missing(known: readonly string[], { pid, problem, exiting }: Subject): Finding[] {
  const files = NAMESPACES.map(({ file }) => file).filter((file) => !known.includes(file) && existsSync(`/proc/self/ns/${file}`));
  if (files.length === 0) return [];
  if (exiting && problem === undefined)
    return [
      is("namespaces-given-up", "it is ending, and has left its other namespaces already", [
        fact(`/proc/${pid}/stat flags`, "PF_EXITING", "proc_pid_stat(5)"),
      ]),
    ];
  const proof = { source: `/proc/${pid}/ns/${files[0]}`, value: undefined, problem: problem ?? "ENOENT", rule: RULE };
  return [cannotTell("namespaces-unreadable", `which ${files.join(", ")} namespaces it is in`, [proof])];
}

/** Sharers that could not be read are mentioned. */
function unseen({ pid, processes, problem }: Subject): Finding[] {
  const others = processes.filter((process) => process.problem !== undefined && process.pid !== pid);
  const [first] = others;
  if (first === undefined || problem !== undefined) return [];
  return [
    cannotTell("namespaces-hidden-sharers", `whether ${count(others.length, "more process shares", "more processes share")} any of them`, [
      { source: `/proc/${first.pid}/ns`, value: undefined, problem: first.problem ?? "", rule: RULE },
    ]),
  ];
}

/** CLOCK_REALTIME is the same everywhere. */
function clocks({ pid, namespaces, host }: Subject): Finding[] {
  if (namespaces["time"] === undefined || namespaces["time"] === host.namespaces["time"]) return [];
  const proof = look(`/proc/${pid}/timens_offsets`, "time_namespaces(7)");
  const offsets = (proof.value ?? "").split("\n").flatMap((line) => {
    const [clock = "", seconds = "0"] = line.trim().split(/\s+/);
    return seconds === "0" ? [] : [`${clock} ${seconds.startsWith("-") ? "" : "+"}${seconds} s`];
  });
  if (offsets.length === 0) return [];
  const text = `its clocks are offset from ${hostName(host).whose}: ${offsets.join(", ")}; this changes uptime, timers and start times inside, not the time of day`;
  return [is("time-offsets", text, [proof])];
}

function pidsOf(subject: Subject): Finding {
  const [outer, ...inner] = subject.nested;
  const proof = [statusEvidence(subject, "NSpid", "pid_namespaces(7)")];
  if (inner.length === 0) return is("pids", `its PID is ${outer}, and it is in this /proc's own PID namespace`, proof);
  const levels = inner.map((number, i) => `${number} ${i === inner.length - 1 ? "in its own" : "one further in"}`);
  const role =
    subject.nested.at(-1) === 1 ? ": it is the init of that PID namespace, and when it ends the kernel kills all others there" : "";
  return is(
    "pids",
    `its PID is ${outer} here, ${levels.join(", ")} PID namespace (${count(inner.length, "level")} below this /proc's)${role}`,
    proof,
  );
}
