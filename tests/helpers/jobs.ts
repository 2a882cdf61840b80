// Test files as jobs: each in a process of its own, several at a time.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import type { Ended } from "./events.ts";
import { root } from "./run.ts";

/** A test file as it is named: its path in tests/, without the ending. */
export const subject = (file: string) => relative(join(root, "tests"), file).replace(/\.test\.ts$/, "");

export type Build = "native" | "Node";

export interface Job {
  readonly build: Build;
  readonly file: string;
  /** Added to the environment. */
  readonly more?: Readonly<Record<string, string>>;
}

export interface Outcome {
  readonly job: Job;
  readonly passed: number;
  readonly failed: readonly string[];
  readonly skipped: readonly string[];
}

/** Runs the jobs in their order, `width` at a time, but never two of one file: they would meet in what the host has only once. */
export async function runJobs(jobs: readonly Job[], width: number): Promise<Outcome[]> {
  const waiting = [...jobs];
  const running = new Set<string>();
  const outcomes: Outcome[] = [];
  await Promise.all(Array.from({ length: width }, work));
  return outcomes;

  async function work(): Promise<void> {
    for (;;) {
      const next = waiting.findIndex(({ file }) => !running.has(file));
      if (next === -1) return; // whoever runs that file takes the rest
      const [job] = waiting.splice(next, 1) as [Job];
      running.add(job.file);
      outcomes.push(await runJob(job));
      running.delete(job.file);
    }
  }
}

/** One line when all is well, what node:test tells otherwise. */
async function runJob(job: Job): Promise<Outcome> {
  const { build, file, more } = job;
  const dir = mkdtempSync(join(tmpdir(), "contain-tests-"));
  const events = join(dir, "events");
  const reporters = [
    ["spec", "stdout"],
    [join(import.meta.dirname, "events.ts"), events],
  ].flatMap(([name, destination]) => ["--test-reporter", `${name}`, "--test-reporter-destination", `${destination}`]);
  const started = Date.now();
  // The shell's `times` are those of all that has been waited for; it has nothing else to do.
  const accounted = '"$@"; status=$?; times >"$0"; exit $status';
  const limited = ["timeout", "--foreground", "--signal=KILL", "1800"];
  const child = spawn("sh", ["-c", accounted, join(dir, "times"), ...limited, process.execPath, "--import", "tsx", ...reporters, file], {
    cwd: root,
    env: { ...process.env, ...more, CONTAIN_TEST_BUILD: build.toLowerCase() },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => output.push(data));
  const status = await new Promise((resolve) => child.once("exit", (code, signal) => resolve(code ?? signal)));
  const cpu = existsSync(join(dir, "times")) ? cpuSeconds(readFileSync(join(dir, "times"), "utf8")) : Number.NaN;
  const ended: Ended[] = readFileSync(events, "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  rmSync(dir, { recursive: true });
  const failed = ended.filter(({ passed }) => !passed).map(({ name }) => name);
  if (status !== 0 && failed.length === 0) failed.push(`${subject(file)} as a whole (${status})`);
  const skipped = ended.flatMap(({ name, skipped: why }) => (why === undefined ? [] : [why === "" ? name : `${name} (${why})`]));
  const passed = ended.length - failed.length - skipped.length;
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  console.log(
    `${failed.length === 0 ? "ok" : "NOT OK"}  ${build}  ${subject(file)}: ${passed} passed in ${seconds} s, ${cpu.toFixed(1)} s of CPU`,
  );
  if (failed.length > 0) console.log(Buffer.concat(output).toString());
  return { job, passed: Math.max(0, passed), failed, skipped };
}

/** Of `times`: minutes and seconds in user and in kernel mode, of the shell and of its children. */
const cpuSeconds = (times: string) =>
  [...times.matchAll(/(\d+)m([\d.]+)s/g)].reduce((sum, [, minutes, seconds]) => sum + 60 * Number(minutes) + Number(seconds), 0);
