// What a process may do: capabilities, no_new_privs, seccomp, the security module's label, and its ids outside.

import type { Evidence, Finding } from "@contain-tools/chain";
import { CAPABILITIES, type IdRange, readIdMap, statusField } from "@contain-tools/kernel";
import { cannotTell, count, fact, is } from "./finding.ts";
import { lookAt, type Subject, statusEvidence } from "./subject.ts";

export function explainPrivileges(subject: Subject): Finding[] {
  if (subject.kernelThread) return [];
  return [...identity(subject), ...capabilities(subject), noNewPrivs(subject), seccomp(subject), label(subject)];
}

const CAPS = "capabilities(7)";
const SETS = { CapEff: "effective capabilities", CapPrm: "permitted", CapBnd: "bounding set", CapAmb: "ambient" } as const;

function capabilities(subject: Subject): Finding[] {
  const host = subject.host.namespaces["user"];
  const own = subject.namespaces["user"];
  const inside =
    own !== undefined && host !== undefined && own !== host ? "; they count in its own user namespace and those below, not outside" : "";
  let last = "";
  return Object.entries(SETS).flatMap(([name, text]) => {
    const proof = [statusEvidence(subject, name, CAPS)];
    const hex = statusField(subject.status, name);
    if (hex === undefined || !/^[0-9a-f]+$/.test(hex)) return [cannotTell(`capabilities-${name}-unknown`, `its ${text}`, proof)];
    const same = name === "CapPrm" && hex === last;
    last = hex;
    if (same || (name === "CapAmb" && BigInt(`0x${hex}`) === 0n)) return [];
    return [is(`capabilities-${name}`, `${text}: ${capabilityNames(hex)}${name === "CapEff" && !/^0+$/.test(hex) ? inside : ""}`, proof)];
  });
}

function capabilityNames(hex: string): string {
  const bits = BigInt(`0x${hex}`);
  if (bits === 0n) return "none";
  const has = (i: number) => (bits & (1n << BigInt(i))) !== 0n;
  const known = CAPABILITIES.filter((_, i) => has(i));
  const unknown = Array.from({ length: 64 - CAPABILITIES.length }, (_, i) => i + CAPABILITIES.length).filter(has);
  const missing = CAPABILITIES.filter((_, i) => !has(i));
  if (missing.length === 0) return `all ${known.length + unknown.length}`;
  if (missing.length <= 8) return `all but ${missing.join(" ")}`;
  return [...known, ...unknown.map((number) => `capability ${number}`)].join(" ");
}

function noNewPrivs(subject: Subject): Finding {
  const rule = "PR_SET_NO_NEW_PRIVS(2const)";
  const proof = [statusEvidence(subject, "NoNewPrivs", rule)];
  const value = statusField(subject.status, "NoNewPrivs");
  if (value === "1")
    return is("no-new-privs", "no_new_privs is set: set-user-ID programs and file capabilities give it nothing (sudo fails)", proof);
  if (value === "0") return is("new-privs", "no_new_privs is not set: execve of a set-user-ID program can raise its privileges", proof);
  return cannotTell("no-new-privs-unknown", "whether no_new_privs is set", proof);
}

function seccomp(subject: Subject): Finding {
  const proof = [statusEvidence(subject, "Seccomp", "seccomp(2)")];
  const filters = Number(statusField(subject.status, "Seccomp_filters") ?? "0");
  switch (statusField(subject.status, "Seccomp")) {
    case "0":
      return is("seccomp-off", "seccomp: off, every system call is let through", proof);
    case "1":
      return is("seccomp-strict", "seccomp: strict, only read, write, _exit and sigreturn", proof);
    case "2":
      return is(
        "seccomp-filter",
        `seccomp: ${filters > 0 ? count(filters, "filter") : "a filter"}, whose refusals look like EPERM or ENOSYS`,
        proof,
      );
    default:
      return cannotTell("seccomp-unknown", "whether seccomp filters its system calls (this kernel has no such field)", proof);
  }
}

function label(subject: Subject): Finding {
  const proof = lookAt(subject, "attr/current", "proc_pid_attr(5)");
  if (proof.value === undefined && proof.problem === "EINVAL")
    return is("lsm-none", "no security module (AppArmor, SELinux) gives it a label", [
      { source: proof.source, value: "EINVAL", rule: proof.rule },
    ]);
  if (proof.value === undefined) return cannotTell("lsm-unknown", "its security label", [proof]);
  const text = proof.value.replace(/\0/g, "");
  return is("lsm", text === "" ? "it has no security label" : `security label: ${text}`, [fact(proof.source, text, proof.rule)]);
}

const USER = "user_namespaces(7)";

function identity(subject: Subject): Finding[] {
  const ids = (["Uid", "Gid"] as const).map((name) => statusEvidence(subject, name));
  const [uid, gid] = ["Uid", "Gid"].map((name) => Number(statusField(subject.status, name)?.split(/\s+/)[1]));
  return [
    is("ids", `its effective ids are uid ${uid}, gid ${gid}, as seen from here`, ids),
    ...(["uid_map", "gid_map"] as const).map((file) => explainMap(subject, file, file === "uid_map" ? uid : gid)),
  ];
}

/** The outer side of the map is in the reader's user namespace (user_namespaces(7)). */
function explainMap(subject: Subject, file: "uid_map" | "gid_map", id: number | undefined): Finding {
  const kind = file === "uid_map" ? "uid" : "gid";
  const proof: Evidence = lookAt(subject, file, USER);
  if (proof.value === undefined) return cannotTell(`${file}-unknown`, `how its ${kind}s are mapped`, [proof]);
  const ranges = readMap(subject.pid, file);
  if (ranges === undefined || ranges.length === 0)
    return is(`${file}-empty`, `no ${kind} of its user namespace is mapped: all look like 65534 (nobody)`, [proof]);
  if (ranges.every(({ inner, outer }) => inner === outer))
    return is(
      `${file}-identity`,
      `${kind}s are the same inside as here${ranges.some(({ count: n }) => n < 4294967295) ? ` (${ranges.map(range).join(", ")})` : ""}`,
      [proof],
    );
  const shown = ranges.slice(0, 8);
  const inwards = shown.map(({ inner, outer, count: n }) => `${span(inner, n)} inside is ${span(outer, n)} here`).join(", ");
  const outwards = shown.map(({ inner, outer, count: n }) => `${span(outer, n)} here is ${span(inner, n)} inside`).join(", ");
  const own = ranges.find(({ outer, count: n }) => id !== undefined && id >= outer && id < outer + n);
  const itself = own === undefined || id === undefined ? "" : `; its own ${kind} ${id} is ${id - own.outer + own.inner} inside`;
  const root = ranges.some(({ outer }) => outer === 0) ? "" : ", as 0 here,";
  return is(file, `${kind} ${inwards}; ${outwards}; every other ${kind}${root} looks like 65534 inside (nobody: not mapped)${itself}`, [
    proof,
  ]);
}

function readMap(pid: number, file: "uid_map" | "gid_map"): IdRange[] | undefined {
  try {
    return readIdMap(pid, file);
  } catch {
    return undefined;
  }
}

const span = (start: number, length: number) => (length === 1 ? `${start}` : `${start}-${start + length - 1}`);
const range = ({ inner, count: n }: IdRange) => span(inner, n);
