// run(): `contain run` as a process, from a Node program. The supervisor is that process; what it writes into a folder of its own says
// which container it is and how it ended.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { ContainError, type End, type RunSpec, type Stats } from "./types.ts";
import { wordsOf } from "./words.ts";

/** A container whose program runs. */
export interface Started {
  readonly id: string;
  /** PID 1 of the container, as the host sees it; undefined if it has ended already. */
  readonly pid: number | undefined;
}

/** A container, from its start to its end. */
export interface Container {
  /** Resolves when the program runs. @throws ContainError if it does not start */
  readonly started: Promise<Started>;
  /** Resolves when the container has ended and nothing of it is left. @throws ContainError if contain refused it or was killed */
  readonly ended: Promise<End>;
  /** The program's, where `stdio` makes them pipes (the default). Read them from the start: what nobody reads is lost at the end. */
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  /** Sends a signal to PID 1: "SIGHUP". @throws ContainError if it has ended, or there is no such signal */
  readonly kill: (signal: string) => Promise<void>;
  /** Asks it to end: the stop signal, and SIGKILL when the grace time is over. Returns at once; `ended` tells when. */
  readonly stop: () => void;
  /** What it uses now. @throws ContainError if it has ended */
  readonly stats: () => Promise<Stats>;
}

/**
 * Runs a program in a container. If this process is killed, the container goes on: `contain list` shows it, `contain stop` ends it.
 *
 * @throws ContainError for a spec without a command
 * @throws Error if `contain` itself cannot be started (ENOENT, EACCES): through `ended`, as all else
 */
export function run(spec: RunSpec): Container {
  const own = join(import.meta.dirname, "../../bin/contain");
  const contain = spec.contain ?? (existsSync(own) ? own : "contain");
  const asked = wordsOf(spec);
  const folder = mkdtempSync(join(tmpdir(), "contain-run-"));
  const [cidfile, report] = [join(folder, "id"), join(folder, "end")];
  const words = ["run", "--quiet", "--cidfile", cidfile, "--json", report, ...asked];
  const supervisor = spawn(contain, words, { stdio: spec.stdio ?? "pipe" });
  const stop = () => void supervisor.kill("SIGTERM");
  spec.signal?.addEventListener("abort", stop);
  if (spec.signal?.aborted) stop();

  const ended = endOf(supervisor, report).finally(() => {
    spec.signal?.removeEventListener("abort", stop);
    rmSync(folder, { recursive: true, force: true });
  });
  const started = startOf(contain, cidfile, ended);
  ended.catch(() => {}); // whoever asks for one of them gets the error; the other one is not an unhandled rejection
  started.catch(() => {});
  const ask = async (...command: string[]) => call(contain, [...command, (await started).id]);
  return {
    started,
    ended,
    stdin: supervisor.stdin,
    stdout: supervisor.stdout,
    stderr: supervisor.stderr,
    kill: async (signal) => void (await ask("kill", "--signal", signal)),
    stop,
    stats: async () => JSON.parse(await ask("stats", "--json")) as Stats,
  };
}

/** undefined if there is none, or it was cut off where the disk is full. */
function readReport(file: string): End | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as End;
  } catch {
    return undefined;
  }
}

/** The report of --json; it is missing if contain refused the words, or was killed. */
function endOf(supervisor: ChildProcess, report: string): Promise<End> {
  return new Promise((resolve, reject) => {
    supervisor.once("error", reject);
    supervisor.once("exit", (code, signal) => {
      const end = readReport(report);
      if (end !== undefined) return resolve(end);
      const { stderr } = supervisor;
      const said = stderr?.readableFlowing === null ? stderr.read()?.toString().trim() : undefined;
      const how = signal === null ? `ended with status ${code}` : `was ended by ${signal}`;
      return reject(
        new ContainError(
          said || `contain run ${how}, and there is no report of a container`,
          code ?? 128 + constants.signals[signal ?? "SIGKILL"],
        ),
      );
    });
  });
}

/** Waits for the id, then for the program. */
async function startOf(contain: string, cidfile: string, ended: Promise<End>): Promise<Started> {
  let end: End | undefined;
  const over = ended.then((its) => {
    end = its;
  });
  over.catch(() => {}); // the loop below gets it, perhaps later
  for (;;) {
    const id = end?.id ?? (existsSync(cidfile) ? readFileSync(cidfile, "utf8") : "");
    if (id !== "") {
      const [, status, pid] = /^(\w+) (\d+)$/m.exec(end ? "" : await look(contain, id)) ?? [];
      if (status === "running" || status === "paused") return { id, pid: Number(pid) };
    }
    if (end?.started === false) throw new ContainError(end.verdict[0]?.text ?? end.reason, end.status);
    if (end !== undefined) return { id, pid: undefined };
    await Promise.race([over, pause(10)]);
  }
}

/** `running PID`; empty if it is gone. */
const look = (contain: string, id: string) =>
  call(contain, ["inspect", "--format", "{{.State.Status}} {{.State.Pid}}", id]).catch(() => "");

/** What a command of contain prints. @throws ContainError with what it says on standard error */
function call(contain: string, words: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(contain, words, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new ContainError(stderr.trim() || error.message, typeof error.code === "number" ? error.code : 125, { cause: error }));
    });
  });
}
