// The test runner: every *.test.ts in parallel, then last/*.test.ts, which prove that nothing was left behind.
// The closing line counts; every skip is named.
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { everything } from "./helpers/leftovers.ts";
import { root } from "./helpers/run.ts";

const tests = join(root, "tests");
const wanted = process.argv.slice(2);
const filesIn = (dir: string) =>
  readdirSync(dir)
    .filter((name) => name.endsWith(".test.ts") && (wanted.length === 0 || wanted.some((word) => name.includes(word))))
    .map((name) => join(dir, name));

const counts = { passed: 0, failed: 0, skipped: [] as string[] };

async function runFiles(files: readonly string[], concurrency: number): Promise<void> {
  if (files.length === 0) return;
  const stream = run({ files: [...files], concurrency });
  stream.on("test:pass", ({ name, skip, details }) => {
    if (details.type === "suite") return;
    if (skip === undefined) counts.passed++;
    else counts.skipped.push(`${name}${typeof skip === "string" ? ` (${skip})` : ""}`);
  });
  stream.on("test:fail", ({ details }) => {
    if (details.type !== "suite") counts.failed++;
  });
  const reporter = stream.compose(new spec());
  reporter.pipe(process.stdout, { end: false });
  await finished(reporter);
}

process.env["CONTAIN_TEST_BASELINE"] = "/tmp/contain-test-baseline.json";
writeFileSync(process.env["CONTAIN_TEST_BASELINE"], JSON.stringify(everything()));
await runFiles(filesIn(tests), 2);
await runFiles(filesIn(join(tests, "last")), 1);
for (const name of counts.skipped) console.log(`skipped: ${name}`);
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped.length} skipped`);
process.exit(counts.failed === 0 && counts.passed > 0 ? 0 : 1);
