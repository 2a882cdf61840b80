// Runs the commands of a lab, keeps evidence and checks, and leaves nothing behind.
import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Context } from "@contain-tools/chain";
import { ALL_SIGNALS, monotonic, SIGHUP, SIGINT, SIGQUIT, SIGTERM, shellQuote, signalName, waitForSignal } from "@contain-tools/kernel";
import type { State } from "@contain-tools/state";
import { Protocol } from "./protocol.ts";
import { Running } from "./running.ts";
import { Interrupted, NotHere, UnexpectedResult } from "./stopped.ts";

const EVENT_TIMEOUT = 20_000; // milliseconds for an event that should come soon; a start takes a second on a slow machine
const LINES = 12; // lines of a command's output shown at a time

/** A container that has a PID 1. */
export interface Container {
  /** PID 1, as the host sees it. */
  readonly pid: number;
  readonly state: State;
  /** The directory of its group. */
  readonly group: string;
}

/** What a lab runs. `dir` is a folder of its own, which exists only while the lab runs. */
export interface Script {
  /** Lines for a shell that prepare `dir`. @throws NotHere */
  readonly setup?: (dir: string) => readonly string[];
  /** The commands, as argvs. */
  readonly commands: (dir: string) => readonly (readonly string[])[];
}

export class Stage extends Protocol {
  readonly dir: string;
  readonly output: string[] = [];
  private readonly context: Context;
  private readonly commands: readonly (readonly string[])[];
  private readonly say: (text: string) => void;
  private readonly running: Running[] = [];
  private readonly shown = new Map<Running, number>();

  /** All signals must be blocked. `say` shows a person what happens. */
  constructor(context: Context, { commands }: Script, dir: string, say: (text: string) => void) {
    super();
    this.context = context;
    this.dir = dir;
    this.commands = commands(dir);
    this.say = say;
    mkdirSync(dir, { mode: 0o700 });
    chmodSync(dir, 0o755); // some labs read it as another user
  }

  /** Runs the lab's preparations. @throws NotHere if one fails */
  prepare({ setup }: Script): void {
    for (const line of setup?.(this.dir) ?? []) {
      const running = this.run(["/bin/sh", "-c", line]);
      this.until(line, () => running.ended() !== undefined);
      if (running.ended()?.status !== 0) throw new NotHere(`a preparation failed: ${line}`, running.output().trim());
    }
  }

  /** Starts one of the lab's commands. */
  start(index: number): Running {
    const argv = this.commands[index] ?? [];
    this.say(`$ ${argv.map(shellQuote).join(" ")}`);
    return this.run(argv);
  }

  private run(argv: readonly string[]): Running {
    const running = new Running(this.context, argv, join(this.dir, `output-${this.running.length}`));
    this.running.push(running);
    return running;
  }

  /** Waits until the container's program runs. @throws NotHere if `contain run` failed */
  container(running: Running): Container {
    let state: State | undefined;
    this.until("the container runs", () => {
      state = running.state();
      return state !== undefined || running.ended() !== undefined;
    });
    if (state?.init === undefined) return this.refused(running);
    return { pid: state.init.pid, state, group: state.group ?? "/no/group" };
  }

  private refused(running: Running): never {
    const status = running.ended()?.status;
    if (status === 125) throw new NotHere("the container could not be made", running.output().trim());
    throw new UnexpectedResult(`the container ended at once, with exit status ${status}: ${running.output().trim()}`);
  }

  /** The Enter key, for a program that reads a line. */
  enter(running: Running): void {
    this.show(running);
    this.say("  (Enter)");
    running.enter();
  }

  signal(running: Running, signal: number): void {
    this.show(running);
    this.say(`  (${signalName(signal)} to it)`);
    running.signal(signal);
  }

  /** Shows a line of what happens. */
  tell(text: string): void {
    this.say(text);
  }

  /** Waits for the end of a command, and shows what it wrote. */
  end(running: Running): { readonly status: number; readonly milliseconds: number } {
    const ended = this.finish(running);
    this.say(`  exit status ${ended.status}, after ${(ended.milliseconds / 1000).toFixed(1)} s`);
    return ended;
  }

  /** Ends a container that is no longer needed. */
  stop(running: Running): void {
    running.stop();
    this.finish(running);
    this.say("  (ended by the lab)");
  }

  /** Shows what a command has written since the last call. */
  private show(running: Running): void {
    const text = running.output();
    const lines = text
      .slice(this.shown.get(running) ?? 0)
      .split("\n")
      .slice(0, -1);
    this.shown.set(running, text.lastIndexOf("\n") + 1);
    for (const line of lines.slice(0, LINES)) this.say(`  ${line}`);
    if (lines.length > LINES) this.say(`  … (${lines.length - LINES} more lines)`);
  }

  private finish(running: Running): { readonly status: number; readonly milliseconds: number } {
    this.until("the command ends", () => running.ended() !== undefined);
    this.output.push(running.output());
    this.show(running);
    return running.ended() ?? { status: -1, milliseconds: 0 };
  }

  /** Waits until a condition holds. @throws UnexpectedResult after a timeout */
  until(what: string, test: () => boolean): void {
    for (const end = monotonic() + EVENT_TIMEOUT; !test(); this.pause(20)) {
      if (monotonic() > end) throw new UnexpectedResult(`timeout after ${EVENT_TIMEOUT / 1000} s: ${what}`);
    }
  }

  /** @throws Interrupted if a signal asks us to end */
  pause(milliseconds: number): void {
    for (const end = monotonic() + milliseconds; ; ) {
      const signal = waitForSignal(ALL_SIGNALS, Math.max(0, end - monotonic()))?.signal;
      if (signal !== undefined && [SIGINT, SIGTERM, SIGHUP, SIGQUIT].includes(signal)) throw new Interrupted(signal);
      if (monotonic() >= end) return;
    }
  }

  /** Ends what still runs, and removes the folder. */
  clear(): void {
    for (const running of this.running) {
      if (running.ended() === undefined) running.stop();
      for (const end = monotonic() + 3000; running.ended() === undefined && monotonic() < end; ) waitForSignal(ALL_SIGNALS, 20);
      if (running.ended() === undefined) running.kill();
      while (running.ended() === undefined) waitForSignal(ALL_SIGNALS, 20);
    }
    rmSync(this.dir, { recursive: true, force: true });
  }
}
