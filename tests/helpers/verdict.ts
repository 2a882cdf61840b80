// A table of staged failures: each with the verdict that it must get, and two others of the table that look like it and must not.
import assert from "node:assert/strict";

export interface Row {
  readonly name: string;
  readonly code: string;
  /** Rows that must not get this code. */
  readonly unlike: readonly [string, string];
  /** "cannot tell" or a hint. */
  readonly uncertain?: true;
  readonly status: number;
  /** What the sentence must say. */
  readonly says?: RegExp;
}

interface Finding {
  readonly code: string;
  readonly text: string;
  readonly certain: boolean;
  readonly evidence: readonly { readonly source: string; readonly value?: string; readonly problem?: string; readonly rule: string }[];
}

/** What `contain run --json FILE` wrote. */
export interface Report {
  readonly status: number;
  readonly verdict: readonly Finding[];
}

const codesOf = (report: Report | undefined) => report?.verdict.map(({ code }) => code) ?? [];

/** Everything that is wrong about one row; empty when it is right. */
export function faultsOf(row: Row, reports: ReadonlyMap<string, Report>): string[] {
  const report = reports.get(row.name);
  if (report === undefined) return [`${row.name}: no report`];
  const finding = report.verdict.find(({ code }) => code === row.code);
  const faults: string[] = [];
  const expect = (holds: boolean, text: string) => holds || faults.push(`${row.name}: ${text}`);
  expect(report.status === row.status, `status ${report.status}, not ${row.status}`);
  expect(finding !== undefined, `${codesOf(report).join(", ") || "nothing"}, not ${row.code}: ${report.verdict[0]?.text}`);
  if (finding !== undefined) {
    expect(finding.certain !== (row.uncertain ?? false), `certain ${finding.certain}`);
    expect(row.says === undefined || row.says.test(finding.text), `it says ${finding.text}`);
    expect(!finding.code.endsWith("cannot-tell") || /cannot tell/.test(finding.text), `it does not say "cannot tell": ${finding.text}`);
  }
  for (const { code, evidence } of report.verdict) {
    const named = evidence.every(({ source, value, problem, rule }) => source && rule && (value ?? problem) !== undefined);
    expect(evidence.length > 0 && named, `${code} names no evidence: ${JSON.stringify(evidence)}`);
  }
  for (const other of row.unlike) {
    expect(reports.has(other), `there is no row ${other}`);
    expect(!codesOf(reports.get(other)).includes(row.code), `${other} has this verdict too`);
  }
  return faults;
}

export function checkRows(rows: readonly Row[], reports: ReadonlyMap<string, Report>): void {
  assert.deepEqual(
    rows.flatMap((row) => faultsOf(row, reports)),
    [],
  );
}

/** Each `v NAME WORDS…` runs a container to its end, `h NAME WORDS…` holds one that waits, with its group in $group and PID 1 in $pid. */
export const FUNCTIONS = `
  v() {
    local name=$1
    shift
    contain run --quiet --json "report-$name" --rootfs "$ROOTFS" "$@" >/dev/null 2>&1 </dev/null
    tell "$name"
  }
  tell() { echo "$1 $(cat "report-$1")"; rm -f "report-$1"; }
  # Detached: the log's last words are a part of the verdict. The file "go" appears when the supervisor has looked at the program.
  d() {
    local name=$1 id
    shift
    id=$(contain run --detach --quiet --rootfs "$ROOTFS" "$@")
    touch go
    contain wait $id >/dev/null 2>&1
    rm -f go
    echo "$name $(contain inspect $id | tr -d '\\n')"
    contain rm $id
  }
  h() {
    local name=$1 each
    shift
    held_name=$name
    rm -f id
    hold contain run --quiet --json "report-$name" --cidfile id --rootfs "$ROOTFS" "$@"
    group=$cg/contain-$(<id)
    # The program may be ready before its supervisor has noted that it runs: contain kill would be refused.
    until_ok grep -q '"started":true' "/run/contain/$(<id)/state.json"
    # PID 1 of its namespace; the file has no order.
    pid=
    while read -r each; do
      pid=\${pid:-$each}
      ! grep -q "^NSpid:.*[^0-9]1$" "/proc/$each/status" || pid=$each
    done <"$group/cgroup.procs"
  }
  ended() { exec {to}>&-; cat <&"$from" >/dev/null; wait "$held"; tell "$held_name"; rm -f id; }
  # By itself: its standard input stays open until then.
  ends() { cat <&"$from" >/dev/null; wait "$held"; exec {to}>&-; tell "$held_name"; rm -f id; }
  # A file that cannot be read: EIO.
  cover() { mount --bind /proc/1/mem "$1"; }
  waits='echo ready; read go'
`;

/** One line each: `NAME JSON`. */
export function readReports(stdout: string): Map<string, Report> {
  const lines = stdout.split("\n").filter((line) => line.includes(" {"));
  return new Map(
    lines.map((line) => {
      const report = JSON.parse(line.slice(line.indexOf(" "))) as Report & { readonly ended?: Report };
      return [line.slice(0, line.indexOf(" ")), report.ended ?? report];
    }),
  );
}
