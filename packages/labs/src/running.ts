// A command of a lab, in a session of its own, with a pipe as its standard input and a file for its output.
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { type Context, execProgram, forHelper, fork, replaceStdio } from "@contain-tools/chain";
import {
  closeQuietly,
  codeOf,
  kill,
  monotonic,
  pidfdSendSignal,
  pipe,
  SIGKILL,
  SIGTERM,
  setParentDeathSignal,
  setsid,
  shellStatus,
  WNOHANG,
  waitpid,
} from "@contain-tools/kernel";
import { openProcess, readStates, type State } from "@contain-tools/state";
import { descendantsOf } from "./processes.ts";

export class Running {
  readonly pid: number;
  private readonly input: number;
  private readonly file: string;
  private since = monotonic();
  private stopped: { readonly status: number; readonly milliseconds: number } | undefined;

  /** Starts one of our programs, or one by its path; `file` gets what it writes. */
  constructor(context: Context, [name = "", ...words]: readonly string[], file: string) {
    const { read, write } = pipe();
    const output = openSync(file, "a", 0o600);
    this.input = write;
    this.file = file;
    this.pid = fork(forHelper(context), { flags: 0 }, (own) => {
      setParentDeathSignal(SIGTERM); // in case the lab's own clean-up does not run
      setsid(); // a Ctrl-C is for the lab, which ends its containers itself
      replaceStdio(own, read, output);
      const { bin = "" } = own.launch;
      own.env = { ...own.env, PATH: `${bin}:${own.env["PATH"] ?? ""}` };
      return execProgram(own, [name.includes("/") ? name : `${bin}/${name}`, ...words]);
    });
    closeSync(read);
    closeSync(output);
  }

  /** The Enter key. */
  enter(): void {
    this.since = monotonic();
    try {
      writeSync(this.input, "\n");
    } catch (error) {
      if (codeOf(error) !== "EPIPE") throw error;
    }
  }

  signal(signal: number): void {
    this.since = monotonic();
    kill(this.pid, signal);
  }

  output(): string {
    return readFileSync(this.file, "utf8");
  }

  /** How it ended, and how long after its start, the last signal or the last Enter; undefined while it runs. */
  ended(): { readonly status: number; readonly milliseconds: number } | undefined {
    const waited = this.stopped === undefined ? waitpid(this.pid, WNOHANG) : undefined;
    if (waited !== undefined) {
      closeQuietly(this.input);
      this.stopped = { status: shellStatus(waited.status), milliseconds: monotonic() - this.since };
    }
    return this.stopped;
  }

  /** The state of the container that this process, or its child, supervises; undefined until the program runs. */
  state(): State | undefined {
    return readStates().find((state) => state.started && this.supervises(state));
  }

  private supervises({ supervisor: { pid } }: State): boolean {
    return pid === this.pid || descendantsOf(this.pid).includes(pid);
  }

  /** Asks its container's supervisor to end it without a grace window. */
  stop(): void {
    const supervisors = readStates().filter((state) => this.supervises(state));
    for (const { supervisor } of supervisors) {
      const pidfd = openProcess(supervisor);
      if (pidfd === undefined) continue;
      pidfdSendSignal(pidfd, SIGTERM, 0);
      closeSync(pidfd);
    }
    if (supervisors.length === 0) kill(this.pid, SIGTERM);
  }

  /** The processes left in its session. */
  kill(): void {
    kill(-this.pid, SIGKILL);
    kill(this.pid, SIGKILL);
  }
}
