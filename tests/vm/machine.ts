// A machine with all controllers on cgroup v2: User-mode Linux, a whole kernel that runs as an ordinary program, with this host's
// files as its root. It is booted once and runs many cases.
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { bin } from "../helpers/run.ts";

/** A bash script that is run as root in the machine, with the tools on PATH, and what is expected of it. */
export interface Case {
  readonly name: string;
  readonly script: string;
  /** When it is killed; 240 otherwise. */
  readonly seconds?: number;
  readonly check: (result: Result) => void;
}

export interface Result {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
  /** Processes, groups, mounts and files that were not there before the case, two seconds after its end. */
  readonly left: string;
  readonly milliseconds: number;
}

export interface Machine {
  /** What the kernel and PID 1 wrote on the console. */
  readonly console: string;
  /** How the machine itself ended: 0 when it has halted. */
  readonly status: number | null;
  /** @throws when the machine did not get that far */
  result(item: Case): Result;
  /** The same by the case's number. */
  at(i: number): Result;
}

/** Boots, runs the cases in `dir`, an empty directory, and halts; killed as a whole after `seconds`. */
export async function boot(
  dir: string,
  cases: readonly Case[],
  variables: Readonly<Record<string, string>>,
  seconds: number,
): Promise<Machine> {
  const environment = { ...variables, BIN: bin, PATH: `${bin}:${process.env["PATH"]}`, HOME: "/root", TERM: "dumb" };
  writeFileSync(
    join(dir, "environment"),
    Object.entries(environment)
      .map(([name, value]) => `export ${name}='${value.replaceAll("'", "'\\''")}'\n`)
      .join(""),
  );
  const disks = ["ubd0", "ubd1"].map((name) => {
    const file = join(dir, name);
    writeFileSync(file, "");
    truncateSync(file, 256 << 20);
    return `${name}=${file}`;
  });
  const prelude = readFileSync(join(import.meta.dirname, "prelude.sh"), "utf8");
  cases.forEach(({ script, seconds: limit = 240 }, i) => {
    mkdirSync(join(dir, `${i}`));
    writeFileSync(join(dir, `${i}/script`), `${prelude}${script}\n`);
    writeFileSync(join(dir, `${i}/seconds`), `${limit}\n`);
  });
  const { output, status } = await start(
    ["mem=1G", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "rw", "con=null", "con0=null,fd:1", "quiet", "log_buf_len=1M"].concat([
      ...disks,
      `uml_dir=${dir}`,
      `init=${join(import.meta.dirname, "init.sh")}`,
      `WORK=${dir}`,
    ]),
    seconds,
  );
  const machine = readMachine(dir, { output, status });
  return { ...machine, result: (item) => machine.at(cases.indexOf(item)) };
}

/** What a machine that has ended left in `dir`. */
export function readMachine(dir: string, { output, status }: { output: string; status: number | null }): Omit<Machine, "result"> {
  return { console: output, status, at: (i) => readResult(join(dir, `${i}`), output) };
}

/**
 * User-mode Linux consists of many processes; in a PID namespace of their own they end together. Each system call and page fault in it is a
 * switch between two of them, which takes half the time when both have the same CPU (measured).
 */
export async function start(words: readonly string[], seconds: number): Promise<{ output: string; status: number | null }> {
  const machine = spawn(
    "taskset",
    [
      "-c",
      `${cpu()}`,
      "setpriv",
      "--pdeathsig",
      "KILL",
      "unshare",
      "--pid",
      "--fork",
      "--kill-child",
      "--mount-proc",
      "linux.uml",
      ...words,
    ],
    {
      stdio: ["ignore", "pipe", "inherit"],
      timeout: seconds * 1000,
      killSignal: "SIGKILL",
    },
  );
  const ended = new Promise<number | null>((resolve, reject) => machine.on("exit", resolve).on("error", reject));
  const [output, status] = await Promise.all([text(machine.stdout), ended]);
  return { output, status };
}

/** One of those that we may use: neighbours in the order of starts take different ones. */
function cpu(): number {
  const allowed = /^Cpus_allowed_list:\t(.*)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
  const cpus = allowed.split(",").flatMap((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
  return cpus[process.pid % cpus.length] ?? 0;
}

function readResult(dir: string, output: string): Result {
  const read = (name: string) => readFileSync(join(dir, name), "utf8");
  try {
    return {
      stdout: read("stdout"),
      stderr: read("stderr"),
      left: read("left"),
      status: Number(read("status")),
      milliseconds: Number(read("milliseconds")),
    };
  } catch (cause) {
    throw new Error(`the machine did not come to the end of this case; its console:\n${output}`, { cause });
  }
}
