// The test runner: every *.test.ts in parallel, then last/*.test.ts, which prove that nothing was left behind. Where there are native
// programs those are tested, and then the ones for Node in what depends on the runtime; CONTAIN_TEST_BUILD=node tests these in all.
// The closing line counts; every skip is named.
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { everything } from "./helpers/leftovers.ts";
import { isNative, root } from "./helpers/run.ts";

const tests = join(root, "tests");
const wanted = process.argv.slice(2);
const filesIn = (dir: string) =>
  readdirSync(dir)
    .filter((name) => name.endsWith(".test.ts") && (wanted.length === 0 || wanted.some((word) => name.includes(word))))
    .map((name) => join(dir, name));

interface Counts {
  passed: number;
  readonly failed: string[];
  readonly skipped: string[];
}
const results = new Map<string, Counts>();
let build = isNative ? "native" : "Node";

function countsOf(file: string | undefined): Counts {
  const key = `${build}: ${file ?? ""}`;
  const counts = results.get(key) ?? { passed: 0, failed: [], skipped: [] };
  results.set(key, counts);
  return counts;
}

async function runFiles(files: readonly string[], concurrency: number): Promise<void> {
  if (files.length === 0) return;
  for (const file of files) results.delete(`${build}: ${file}`);
  const stream = run({ files: [...files], concurrency });
  stream.on("test:pass", ({ name, skip, details, file }) => {
    if (details.type === "suite") return;
    const counts = countsOf(file);
    if (skip === undefined) counts.passed++;
    else counts.skipped.push(`${name}${typeof skip === "string" ? ` (${skip})` : ""}`);
  });
  stream.on("test:fail", ({ name, details, file }) => {
    if (details.type !== "suite") countsOf(file).failed.push(name);
  });
  const reporter = stream.compose(new spec());
  reporter.pipe(process.stdout, { end: false });
  await finished(reporter);
}

/** A file that failed beside others is run once more, alone: a test of times and terminals can fail for want of a CPU. It is told. */
async function runAgain(): Promise<void> {
  for (const [name, { failed }] of [...results]) {
    const file = name.slice(name.indexOf("/"));
    if (failed.length === 0 || !name.startsWith(build) || !file.endsWith(".test.ts")) continue;
    console.log(`second try of ${file.replace(`${root}/`, "")}, after: ${failed.join("; ")}`);
    await runFiles([file], 1);
  }
}

process.env["CONTAIN_TEST_BASELINE"] = "/tmp/contain-test-baseline.json";
writeFileSync(process.env["CONTAIN_TEST_BASELINE"], JSON.stringify(everything()));
// The machine takes as long as all the others together, so it goes first.
const files = filesIn(tests).sort((a, b) => Number(b.endsWith("/vm.test.ts")) - Number(a.endsWith("/vm.test.ts")));
console.log(`testing the programs for ${build === "Node" ? "Node, dist/bin" : "no runtime but their own, dist/native"}`);
await runFiles(files, 2);
await runAgain();
if (isNative) {
  build = "Node";
  process.env["CONTAIN_TEST_BUILD"] = "node";
  console.log("testing the programs for Node, dist/bin, in what depends on the runtime");
  await runFiles(
    files.filter((file) => /\/(chain|contain|contain-start|differential|fork|nsexec|pid1|pivot|trace)\.test\.ts$/.test(file)),
    2,
  );
  await runAgain();
}
await runFiles(filesIn(join(tests, "last")), 1);

const all = [...results.values()];
const passed = all.reduce((sum, counts) => sum + counts.passed, 0);
const failed = all.flatMap((counts) => counts.failed);
const skipped = all.flatMap((counts) => counts.skipped);
for (const name of skipped) console.log(`skipped: ${name}`);
for (const name of failed) console.log(`failed: ${name}`);
console.log(`${passed} passed, ${failed.length} failed, ${skipped.length} skipped`);
process.exit(failed.length === 0 && passed > 0 ? 0 : 1);
