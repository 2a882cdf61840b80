// What `contain lab NAME --json` says.
import assert from "node:assert/strict";

export interface Told {
  readonly lab: string;
  readonly outcome: string;
  readonly problem?: string;
  readonly hint?: string;
  readonly answer: string;
  readonly checks: readonly { readonly text: string; readonly ok: boolean }[];
  readonly output: readonly string[];
  readonly finding: {
    readonly text: string;
    readonly certain: boolean;
    readonly fix?: string;
    readonly evidence: readonly { readonly source: string; readonly value?: string; readonly problem?: string; readonly rule: string }[];
  };
}

/** The value that was read from a source which ends so; undefined where it could not be read. */
export function evidenceOf({ lab, finding }: Told, source: string, nth = 0): string | undefined {
  const found = finding.evidence.filter((item) => item.source.endsWith(source))[nth];
  assert.ok(found, `${lab}: no evidence from ${source}: ${finding.evidence.map((item) => item.source).join(", ")}`);
  return found.value;
}

/** A lab that went as it promises: every check held, and every statement has a source and a rule. */
export function assertExpected(told: Told): void {
  const { lab, outcome, problem, checks, finding } = told;
  assert.equal(outcome, "as expected", `${lab}: ${problem ?? JSON.stringify(checks)}`);
  assert.ok(checks.length >= 2 && checks.every(({ ok }) => ok), lab);
  assert.ok(finding.certain && finding.fix && finding.evidence.length > 0, lab);
  for (const { source, value, problem: why, rule } of finding.evidence) {
    assert.ok(source && (value ?? why), `${lab}: ${source}`);
    assert.match(rule, /\(\d\)|\.rst/, `${lab}: ${source}`);
  }
}
