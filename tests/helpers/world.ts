// A state folder and a cgroup hierarchy of a test's own: other tests' containers are not in its lists, and its `contain gc` finds only
// what is its own. A process holds a mount namespace with an empty /run/contain, and a cgroup namespace.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before } from "node:test";
import { bin, type Result, type RunOptions, run } from "./run.ts";
import { pause } from "./wait.ts";

const SETUP = `
  set -e
  umount -l "$1"; mount -t cgroup2 cgroup2 "$1"
  mkdir -p /run/contain; mount -t tmpfs -o mode=700 tmpfs /run/contain
  echo ready; exec sleep infinity`;
const ENTER = 'echo 0 >"$0/leaf/cgroup.procs" && exec nsenter -t "$1" -m -C -- "$@"';

/** A container that was started in the background. */
export interface Started {
  readonly child: ChildProcess;
  readonly id: string;
  /** PID 1, as the host sees it. */
  readonly pid: number;
  readonly supervisor: number;
  /** What it has written on standard error until now. */
  stderr(): string;
  /** Its exit status, once it has ended. */
  readonly ended: Promise<number>;
}

export interface Row {
  readonly id: string;
  readonly name?: string;
  readonly pid?: number;
  readonly status: string;
  readonly pids?: number;
}

export class World {
  readonly top: string;
  private readonly group: string;
  private holder: ChildProcess | undefined;
  private readonly started: Started[] = [];

  constructor(name: string) {
    const mounts = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
    this.top = mounts.find((line) => line.includes(" - cgroup2 "))?.split(" ")[4] ?? "/no/cgroup2";
    this.group = join(this.top, `test-${name}-${process.pid}`);
    before(() => this.open());
    after(() => this.close());
  }

  private async open(): Promise<void> {
    mkdirSync(this.group);
    mkdirSync(join(this.group, "leaf"));
    const script = `echo 0 >"$0/cgroup.procs" && exec unshare -C -m --propagation private sh -c 'echo 0 >"$0/leaf/cgroup.procs";${SETUP}' "$0" "$1"`;
    const holder = spawn("sh", ["-c", script, this.group, this.top], { stdio: ["ignore", "pipe", "inherit"] });
    this.holder = holder;
    await new Promise<void>((resolve, reject) =>
      holder.stdout.once("data", () => resolve()).once("close", () => reject(new Error("no world"))),
    );
  }

  /** Ends what a failed test has left. */
  async sweep(): Promise<void> {
    for (const { supervisor, child, ended } of this.started.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      process.kill(supervisor, "SIGKILL");
      await ended;
    }
  }

  private async close(): Promise<void> {
    writeFileSync(join(this.group, "cgroup.kill"), "1");
    for (let tries = 0; tries < 1000; tries++) {
      try {
        run(["find", this.group, "-mindepth", "1", "-depth", "-type", "d", "-exec", "rmdir", "{}", "+"]);
        rmdirSync(this.group);
        return;
      } catch {
        await pause(50);
      }
    }
    throw new Error(`${this.group} cannot be removed`);
  }

  /** The argv that runs `argv` in here. */
  enter(argv: readonly string[]): string[] {
    return ["sh", "-c", ENTER.replace('"$1" -m -C -- "$@"', `${this.holder?.pid} -m -C -- "$@"`), this.group, ...argv];
  }

  run(argv: readonly string[], options: RunOptions = {}): Result {
    const [name = "", ...words] = argv;
    return run(this.enter([name === "contain" ? join(bin, name) : name, ...words]), options);
  }

  sh(script: string, options: RunOptions = {}): Result {
    return this.run(["env", `PATH=${bin}:${process.env["PATH"]}`, "/bin/sh", "-c", script], options);
  }

  list(): Row[] {
    const { stdout } = this.run(["contain", "list", "--json"]);
    return stdout
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Row);
  }

  /** `contain run WORDS`, until its program runs. */
  async start(words: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Started> {
    const name = `t${counter++}`;
    const argv = this.enter([join(bin, "contain"), "run", "--name", name, ...words]);
    const row = () => this.list().find((candidate) => candidate.name === name);
    const started = await follow(argv, env, row, (id) => JSON.parse(this.run(["contain", "inspect", id]).stdout));
    this.started.push(started);
    return started;
  }
}
let counter = 0;

interface Inspected {
  readonly init: { readonly pid: number };
  readonly supervisor: { readonly pid: number };
}

/** Starts a container and waits until it is listed as running. */
export async function follow(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
  find: () => Row | undefined,
  inspect: (id: string) => Inspected,
  ids: { uid?: number; gid?: number } = {},
): Promise<Started> {
  const [file = "", ...words] = argv;
  const child = spawn(file, words, { stdio: ["ignore", "ignore", "pipe"], env: { ...process.env, ...env }, ...ids });
  let stderr = "";
  child.stderr.on("data", (text) => {
    stderr += text;
  });
  const ended = new Promise<number>((resolve) => child.on("close", (code, signal) => resolve(signal === null ? (code ?? -1) : -1)));
  let every = 50; // each look starts a program
  for (const end = Date.now() + 60_000; child.exitCode === null && Date.now() < end; await pause(every)) {
    every = Math.min(1.5 * every, 500);
    const row = find();
    if (row?.status !== "running") continue;
    const { init, supervisor } = inspect(row.id);
    return { child, id: row.id, pid: init.pid, supervisor: supervisor.pid, stderr: () => stderr, ended };
  }
  child.kill("SIGKILL");
  throw new Error(`it did not start: status ${child.exitCode}, signal ${child.signalCode}\n${stderr}`);
}
