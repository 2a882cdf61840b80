// Runs the real programs and collects what a caller sees.
import { type SpawnSyncOptions, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { join, resolve } from "node:path";

export const root = resolve(import.meta.dirname, "../..");
/** The native programs where they have been made, unless CONTAIN_TEST_BUILD=node. */
const wantsNode = process.env["CONTAIN_TEST_BUILD"] === "node";
const native = join(root, "dist/native");
export const isNative = !wantsNode && existsSync(join(native, "contain"));
export const bin = isNative ? native : join(root, "dist/bin");

export interface Result {
  /** Exit status; 128 + n when signal n ended it, as a shell shows it. */
  readonly status: number;
  /** The signal that ended it, if one did. */
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

const TOOLS = new Set(["nsexec", "cgset", "pivot", "pid1", "confine", "hold", "veth", "contain", "contain-oci"]);

export interface RunOptions {
  readonly input?: string;
  readonly cwd?: string;
  /** Added to the environment; a value of undefined removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Milliseconds until it is killed; the test then sees SIGKILL. */
  readonly timeout?: number;
  readonly uid?: number;
  readonly gid?: number;
}

/** Runs a program; the name of one of our tools means the one that is tested. */
export function run(argv: readonly string[], options: RunOptions = {}): Result {
  const [name = "", ...words] = argv;
  const file = TOOLS.has(name) ? join(bin, name) : name;
  const { env, timeout = 120_000, ...rest } = options;
  const settings: SpawnSyncOptions = {
    ...rest,
    env: { ...process.env, ...env },
    timeout,
    killSignal: "SIGKILL",
    encoding: "utf8",
    maxBuffer: 64 << 20,
  };
  const { status, signal, stdout, stderr, error } = spawnSync(file, words, settings);
  if (error !== undefined && status === null && signal === null) throw error;
  return {
    status: signal === null ? (status ?? -1) : 128 + constants.signals[signal],
    signal,
    stdout: String(stdout),
    stderr: String(stderr),
  };
}

/** Runs a script with /bin/sh in which the tools are on PATH. */
export function sh(script: string, options: RunOptions = {}): Result {
  return run(["/bin/sh", "-c", script], { ...options, env: { PATH: `${bin}:${process.env["PATH"]}`, ...options.env } });
}

/** The ids of the user "nobody", for tests of an ordinary user. */
export const NOBODY = { uid: 65534, gid: 65534 };
