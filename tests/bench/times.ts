// Times, and the tables that are made of them.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

export const RUNS = Number(process.env["BENCH_RUNS"] ?? 100);
/** In turn, so many of each at a time. */
export const ROUNDS = Math.ceil(RUNS / 5);

// A certificate file that Node reads at every start would flatter us: our launcher keeps it away.
const { NODE_EXTRA_CA_CERTS: _, ...rest } = process.env;
export const environment = rest;

export interface Command {
  readonly name: string;
  readonly argv: readonly string[];
}

/** Milliseconds. */
export interface Times {
  readonly median: number;
  readonly minimum: number;
}

export const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
export const timesOf = (values: readonly number[]): Times => ({ median: median(values), minimum: Math.min(...values) });

/** `words` as one line that a shell, and hyperfine, split into the same words. */
export const quoted = (words: readonly string[]) => words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");

/** hyperfine's words for one round: it runs command after command, each `runs` times, after one that does not count. */
export function hyperfine(commands: readonly Command[], runs: number, file: string): string[] {
  const words = ["hyperfine", "-N", "--style", "none", "--warmup", "1", "--runs", `${runs}`, "--export-json", file];
  return [...words, ...commands.flatMap(({ name, argv }) => ["-n", name, quoted(argv)])];
}

/** One such round. */
export function time(commands: readonly Command[], runs: number, file: string): void {
  const [program = "", ...words] = hyperfine(commands, runs, file);
  const { status, stderr } = spawnSync(program, words, { env: environment, encoding: "utf8" });
  if (status !== 0) throw new Error(`hyperfine: ${stderr}`);
}

/** What hyperfine measured, by the commands' names. */
export function readTimes(files: readonly string[]): Map<string, number[]> {
  const all = new Map<string, number[]>();
  for (const file of files) {
    for (const { command, times } of JSON.parse(readFileSync(file, "utf8")).results as { command: string; times: number[] }[]) {
      all.set(command, [...(all.get(command) ?? []), ...times.map((seconds) => seconds * 1000)]);
    }
  }
  return all;
}

/**
 * Each command RUNS times, five at a time in turn. hyperfine alone runs all of one command and then all of the next, so that a second
 * in which the machine is busy falls upon one of them; but no clock in Node is as near to fork and wait as hyperfine's.
 */
export function measure(commands: readonly Command[], dir: string): Map<string, Times> {
  const files = Array.from({ length: ROUNDS }, (_, round) => join(dir, `times-${round}.json`));
  for (const [round, file] of files.entries()) {
    const turned = [...commands.slice(round % commands.length), ...commands.slice(0, round % commands.length)];
    time(turned, Math.max(2, Math.ceil(RUNS / ROUNDS)), file);
  }
  return new Map([...readTimes(files)].map(([name, times]) => [name, timesOf(times)]));
}

export const ms = (value: number) => `${value.toFixed(1)} ms`;

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return ["", line(head), line(head.map((_, i) => (i === 0 ? "---" : "--:"))), ...rows.map(line)];
}

/** A table of medians, minima, and the ratio of the median to that of each command named in `base`, where it was measured. */
export function timesTable(title: string, all: ReadonlyMap<string, Times>, names: readonly string[], base: readonly string[]): string[] {
  const known = base.filter((name) => all.has(name));
  const rows = names.flatMap((name) => {
    const times = all.get(name);
    if (times === undefined) return [];
    const ratios = known.map((other) => (times.median / (all.get(other)?.median ?? Number.NaN)).toFixed(2));
    return [[name, ms(times.median), ms(times.minimum), ...ratios]];
  });
  return table([title, "median", "minimum", ...known.map((name) => `to ${name}`)], rows);
}
