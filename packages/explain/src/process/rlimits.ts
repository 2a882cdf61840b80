// Resource limits of the process itself, and how near it is to those with usage in /proc (getrlimit(2)).
import { readdirSync } from "node:fs";
import type { Evidence, Finding } from "@contain-tools/chain";
import { codeOf, statusField } from "@contain-tools/kernel";
import { formatBytes } from "../usage.ts";
import { cannotTell, fact, is } from "./finding.ts";
import { lookAt, type Subject } from "./subject.ts";

const RULE = "getrlimit(2)";

interface Row {
  readonly name: string;
  readonly option: string;
  readonly bytes?: true;
  /** A field of /proc/PID/status in kB that counts against it. */
  readonly field?: string;
}

const ROWS: readonly Row[] = [
  { name: "Max open files", option: "nofile" },
  { name: "Max processes", option: "nproc" },
  { name: "Max address space", option: "as", bytes: true, field: "VmSize" },
  { name: "Max data size", option: "data", bytes: true, field: "VmData" },
  { name: "Max locked memory", option: "memlock", bytes: true, field: "VmLck" },
  { name: "Max file size", option: "fsize", bytes: true },
  { name: "Max cpu time", option: "cpu" },
];

export function explainRlimits(subject: Subject): Finding[] {
  const file = lookAt(subject, "limits", RULE);
  if (file.value === undefined) return [cannotTell("rlimits-unknown", "its resource limits", [file])];
  const text = file.value;
  const set = ROWS.flatMap((row) => {
    const [, soft = "", hard = ""] = new RegExp(`^${row.name} +(\\S+) +(\\S+)`, "m").exec(text) ?? [];
    return /^\d+$/.test(soft) ? [{ ...row, soft: Number(soft), hard }] : [];
  });
  if (set.length === 0)
    return [is("rlimits-none", "none of its resource limits that matter here is set", [fact(file.source, "unlimited", RULE)])];
  const words = set.map(
    ({ option, soft, hard, bytes }) => `${option} ${bytes ? formatBytes(soft) : soft}${hard === `${soft}` ? "" : ` (hard ${hard})`}`,
  );
  const findings = [
    is(
      "rlimits",
      `resource limits of its own: ${words.join(", ")}`,
      set.map(({ name, soft, hard }) => fact(`${file.source} ${name}`, `${soft} ${hard}`, RULE)),
    ),
  ];
  const files = set.find(({ option }) => option === "nofile");
  const sizes = set.flatMap((row) => (row.field === undefined ? [] : nearSize(subject, row.option, row.soft, row.field)));
  return [...findings, ...(files === undefined ? [] : openFiles(subject, files.soft)), ...sizes];
}

function openFiles({ pid, exiting }: Subject, soft: number): Finding[] {
  const source = `/proc/${pid}/fd`;
  let open: number;
  try {
    open = readdirSync(source).length;
  } catch (error) {
    if (exiting) return [];
    const evidence: Evidence = { source, value: undefined, problem: codeOf(error) ?? "", rule: RULE };
    return [cannotTell("open-files-unknown", "how many files it has open", [evidence])];
  }
  const proof = [fact(source, `${open} entries`, RULE), fact(`/proc/${pid}/limits Max open files`, `${soft}`, RULE)];
  if (open < soft * 0.9) return [is("open-files", `open files: ${open} of ${soft}`, proof)];
  return [
    is(
      "open-files-near-limit",
      `open files: ${open} of ${soft}; at the limit open(2), accept(2) and others fail with EMFILE`,
      proof,
      "raise it (--ulimit nofile=SOFT:HARD), or find what leaks descriptors",
    ),
  ];
}

function nearSize({ pid, status }: Subject, option: string, soft: number, field: string): Finding[] {
  const value = statusField(status, field);
  const used = Number(/^\d+/.exec(value ?? "")?.[0]) * 1024;
  if (!(used >= soft * 0.9) || used === 0) return [];
  const proof = [fact(`/proc/${pid}/status ${field}`, value ?? "", RULE), fact(`/proc/${pid}/limits ${option}`, `${soft}`, RULE)];
  return [is("rlimit-near", `${option}: ${formatBytes(used)} of ${formatBytes(soft)} used`, proof)];
}
