// The test runner: every *.test.ts against both builds, several at a time, then last/*.test.ts, which prove that nothing was left behind.
// Words select files by their paths; CONTAIN_TEST_BUILD=node or =native tests that build alone. Nothing is tried twice. The closing line
// counts; every skip is named.
import { readdirSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { type Build, type Job, runJobs, subject } from "./helpers/jobs.ts";
import { everything } from "./helpers/leftovers.ts";
import { isNative, root } from "./helpers/run.ts";

/** Those that take longest, so that none of them is the last one that all wait for. */
const LONG = [
  ...[
    "vm/vm",
    "pid1/pid1",
    "contain/restart",
    "terminal/terminal",
    "contain/manage",
    "terminal/tty",
    "contain/detach",
    "contain/run-chain",
    "build/native",
    "build/packages",
  ],
  ...["chain/trampoline", "labs/labs", "pivot/initramfs", "oci/kills", "oci/engines", "nsexec/nsexec", "contain/logs", "veth/veth"],
  ...["oci/faults", "contain/watch", "bench/bench"],
];
/**
 * What the second build repeats: where another runtime or another launcher can make a difference, that is starts, forks, signals, terminals,
 * descriptors, memory and what is left after a kill. What is found out, told, refused, mounted or written to a cgroup is the same code in both.
 */
const TWICE = [
  ...["chain/caller", "chain/chain", "chain/given", "chain/trampoline", "fuzz/runs", "hold/hold", "image/from", "kernel/long-paths"],
  ...["kernel/trace", "nsexec/differential", "nsexec/leave", "nsexec/nsexec", "nsexec/ownproc", "oci/life", "pid1/"],
  ...["pivot/oldkernel", "terminal/exec-tty", "terminal/tty"],
  ...["contain", "detach", "faults", "kill", "manage", "run-chain", "shared-pipes", "start"].map((name) => `contain/${name}`),
];
const isTwice = (file: string) => TWICE.some((name) => (name.endsWith("/") ? file.startsWith(name) : file === name));
/** Of these files it leaves out parts (tests/helpers/second.ts), and repeats less often what is repeated. */
const FEWER = { CONTAIN_RUNS: "20", CONTAIN_TEST_SECOND: "1" };

const tests = join(root, "tests");
const wanted = process.argv.slice(2);
const every = (readdirSync(tests, { recursive: true }) as string[]).filter((path) => path.endsWith(".test.ts"));
const unknown = [...LONG, ...TWICE].filter((name) => !every.some((path) => path.startsWith(name)));
if (unknown.length > 0) throw new Error(`no test files: ${unknown.join(", ")}`);
const all = every.filter((path) => wanted.length === 0 || wanted.some((word) => path.includes(word))).map((path) => join(tests, path));
const last = all.filter((file) => subject(file).startsWith("last/"));

const rank = (file: string) => (LONG.indexOf(subject(file)) + LONG.length + 1) % (LONG.length + 1);
const first: Build = isNative ? "native" : "Node";
const builds: Build[] = isNative && process.env["CONTAIN_TEST_BUILD"] === undefined ? ["native", "Node"] : [first];
const jobs = builds.flatMap((build) =>
  all
    .filter((file) => !last.includes(file) && (build === first || isTwice(subject(file))))
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
outcomes.push(
  ...(await runJobs(
    last.map((file): Job => ({ build: first, file })),
    1,
  )),
);

const failed = outcomes.flatMap((outcome) => outcome.failed);
const passed = outcomes.reduce((sum, outcome) => sum + outcome.passed, 0);
const skipped = outcomes.flatMap((outcome) => outcome.skipped);
for (const name of skipped) console.log(`skipped: ${name}`);
for (const name of failed) console.log(`failed: ${name}`);
console.log(`${passed} passed, ${failed.length} failed, ${skipped.length} skipped`);
process.exit(failed.length === 0 && passed > 0 ? 0 : 1);
