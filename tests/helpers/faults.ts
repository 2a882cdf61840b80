// Makes each system call of a command fail in turn, or kills the process that makes it, by strace's injection.
import { spawn, spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { bin, isNative } from "./run.ts";

export interface Fault {
  readonly syscall: string;
  /** The how-manieth call of a process. */
  readonly when: number;
  readonly how: "error=EPERM" | "error=ENOMEM" | "signal=KILL";
}

export interface Outcome {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

const TIMEOUT = 15_000;
const FLAGS = "--v8-pool-size=0 --single-threaded --expose-gc --no-turbofan --no-maglev --no-sparkplug".split(" "); // the launcher's

/** Where a command is run: an argv that runs another one there. */
export type Place = (argv: readonly string[]) => readonly string[];
const HERE: Place = (argv) => argv;

function tracedArgv(argv: readonly string[], straceWords: readonly string[], place: Place): readonly string[] {
  const [name = "", ...words] = argv;
  // The launcher's own calls are a shell's: it stands outside, and says to the runtime what it would have noted.
  const launch = [
    "env",
    `CONTAIN_LAUNCH=${name}:::0:0::::${bin}`,
    "BUN_JSC_useWarmUpMarkedBlocks=0",
    "BUN_JSC_useJIT=0",
    "BUN_JSC_numberOfGCMarkers=1",
  ];
  const program = isNative ? [join(bin, "lib", name)] : [process.execPath, ...FLAGS, "--", join(bin, "../lib/contain.cjs")];
  return place([...launch, "strace", "-f", "-qq", ...straceWords, ...program, ...words]);
}

/** How often a process of the command makes each call: the most of any one process, since strace counts per process. */
export function countCalls(argv: readonly string[], syscalls: readonly string[], scratch: string, place = HERE): Map<string, number> {
  const file = join(scratch, "calls");
  const [program = "", ...words] = tracedArgv(argv, ["-o", file, "-e", `trace=${syscalls.join(",")}`], place);
  const { status, stderr } = spawnSync(program, words, { timeout: TIMEOUT, killSignal: "SIGKILL", encoding: "utf8" });
  if (status !== 0) throw new Error(`${argv.join(" ")} under strace: ${stderr}`);
  const perProcess = new Map<string, number>();
  for (const [, pid, name] of readFileSync(file, "utf8").matchAll(/^(\d+) +(\w+)\(/gm)) {
    const key = `${pid} ${name}`;
    perProcess.set(key, (perProcess.get(key) ?? 0) + 1);
  }
  rmSync(file);
  const most = new Map<string, number>();
  for (const [key, count] of perProcess) {
    const name = key.split(" ")[1] ?? "";
    most.set(name, Math.max(most.get(name) ?? 0, count));
  }
  return most;
}

/** Runs the command with one fault, in a process group of its own. A hang is ended after a while, and then the signal is SIGKILL. */
export function runWithFault(argv: readonly string[], { syscall, when, how }: Fault, place = HERE): Promise<Outcome> {
  const [program = "", ...words] = tracedArgv(
    argv,
    ["-o", "/dev/null", "-e", `trace=${syscall}`, "-e", `inject=${syscall}:${how}:when=${when}`],
    place,
  );
  return new Promise((resolve, reject) => {
    const child = spawn(program, words, { stdio: ["ignore", "ignore", "pipe"], detached: true });
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk;
    });
    // strace dies first and its tracees go on: all of the group must be killed for standard error to be closed.
    const timer = setTimeout(() => process.kill(-(child.pid ?? 0), "SIGKILL"), TIMEOUT);
    child.on("error", reject);
    child.on("close", (status, signal) => {
      clearTimeout(timer);
      resolve({ status, signal, stderr });
    });
  });
}
