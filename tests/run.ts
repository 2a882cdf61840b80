// The test runner: every *.test.ts against both builds, several at a time, then last/*.test.ts, which prove that nothing was left behind.
// Words select files by their paths; CONTAIN_TEST_BUILD=node or =native tests that build alone. The closing line counts; every skip is named.
import { readdirSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { type Build, type Job, type Outcome, runJobs, subject } from "./helpers/jobs.ts";
import { everything } from "./helpers/leftovers.ts";
import { isNative, root } from "./helpers/run.ts";

/** Those that take longest, so that none of them is the last one that all wait for. */
const LONG = [
  ...[
    "vm/vm",
    "pivot/initramfs",
    "chain/trampoline",
    "pid1/pid1",
    "contain/manage",
    "contain/run-chain",
    "terminal/tty",
    "terminal/terminal",
  ],
  ...["contain/detach", "nsexec/nsexec", "labs/labs", "build/native", "veth/veth", "nsexec/differential"],
];
/** Tested once: the machine, in which a start of Node takes a second; what is about one build or both, starts none of our programs, or is of words and packets. */
const ONCE = ["vm/vm", "fuzz/words", "build/native", "bench/bench", "kernel/kernel", "chain/options", "explain/network", "veth/veth"];
/** The second build repeats less often what is repeated. */
const FEWER = { CONTAIN_RUNS: "25" };

const tests = join(root, "tests");
const wanted = process.argv.slice(2);
const all = (readdirSync(tests, { recursive: true }) as string[])
  .filter((path) => path.endsWith(".test.ts") && (wanted.length === 0 || wanted.some((word) => path.includes(word))))
  .map((path) => join(tests, path));
const last = all.filter((file) => subject(file).startsWith("last/"));

const rank = (file: string) => (LONG.indexOf(subject(file)) + LONG.length + 1) % (LONG.length + 1);
const files = all.filter((file) => !last.includes(file)).sort((a, b) => rank(a) - rank(b));
const first: Build = isNative ? "native" : "Node";
const builds: Build[] = isNative && process.env["CONTAIN_TEST_BUILD"] === undefined ? ["native", "Node"] : [first];
const jobs = builds.flatMap((build) =>
  files
    .filter((file) => build === first || !ONCE.includes(subject(file)))
    .map((file): Job => ({ build, file, more: build === first ? {} : FEWER })),
);
jobs.sort((a, b) => rank(a.file) - rank(b.file));

process.env["CONTAIN_TEST_BASELINE"] = "/tmp/contain-test-baseline.json";
writeFileSync(process.env["CONTAIN_TEST_BASELINE"], JSON.stringify(everything()));
console.log(
  `testing ${builds.map((build) => (build === "Node" ? "the programs for Node, dist/bin" : "those with no runtime but their own, dist/native")).join(" and ")}`,
);
// Most of these wait more than they compute.
const outcomes = await runJobs(jobs, 2 * availableParallelism());

/** A file that failed beside others is run once more, alone: a test of times and terminals can fail for want of a CPU. It is told. */
const final: Outcome[] = [];
for (const outcome of outcomes) {
  if (outcome.failed.length > 0) {
    console.log(`second try of ${outcome.job.build}, ${subject(outcome.job.file)}, after: ${outcome.failed.join("; ")}`);
    final.push(...(await runJobs([outcome.job], 1)));
  } else final.push(outcome);
}
final.push(
  ...(await runJobs(
    last.map((file): Job => ({ build: first, file })),
    1,
  )),
);

const failed = final.flatMap((outcome) => outcome.failed);
const passed = final.reduce((sum, outcome) => sum + outcome.passed, 0);
const skipped = final.flatMap((outcome) => outcome.skipped);
for (const name of skipped) console.log(`skipped: ${name}`);
for (const name of failed) console.log(`failed: ${name}`);
console.log(`${passed} passed, ${failed.length} failed, ${skipped.length} skipped`);
process.exit(failed.length === 0 && passed > 0 ? 0 : 1);
