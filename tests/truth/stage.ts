// Stages failures for real and compares each one's verdict with what it must be, and with two failures that look like it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { hierarchy } from "../helpers/group.ts";
import { need } from "../helpers/need.ts";
import { bin, run } from "../helpers/run.ts";
import { FUNCTIONS, faultsOf, type Report, type Row, readReports } from "../helpers/verdict.ts";

export interface Stage {
  readonly rootfs: string;
  /** A scratch directory, in which the script runs. */
  readonly dir: string;
  /** Runs `v` and `h` (helpers/verdict.ts), in a mount namespace of its own. */
  readonly script: string;
  readonly rows: readonly Row[];
  readonly needs?: readonly string[];
}

/** One test a row. */
export function stageAll(title: string, { rootfs, dir, script, rows, needs = [] }: Stage): void {
  describe(title, { ...need("root", "unshare", "bash", ...needs), concurrency: false }, () => {
    let reports: Map<string, Report>;
    let output = "";
    before(() => {
      const prelude = readFileSync(join(import.meta.dirname, "../vm/prelude.sh"), "utf8").replace(/^cg=.*$/m, "");
      const text = `cd "$1"; cg=${hierarchy}; ROOTFS=$2\n${prelude}${FUNCTIONS}${script}`;
      const argv = ["unshare", "--mount", "--propagation", "private", "bash", "-c", text, "bash", dir, rootfs];
      const { stdout, stderr } = run(argv, { timeout: 300_000, env: { PATH: `${bin}:${process.env["PATH"]}` } });
      output = stderr;
      reports = readReports(stdout);
    });
    for (const row of rows) {
      test(`${row.name}: ${row.code}`, (t) => {
        const faults = faultsOf(row, reports);
        if (faults.length > 0) t.diagnostic(output);
        assert.deepEqual(faults, []);
      });
    }
  });
}
