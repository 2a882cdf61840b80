// A program that a test talks to while it runs.
import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import { bin } from "./run.ts";
import { pause } from "./wait.ts";

export interface Started {
  readonly child: ChildProcess;
  /** Resolves once standard output has the text; rejects when the program ends, or a minute passes, without it. */
  shows(text: string): Promise<void>;
  /** What came on standard output and standard error so far. */
  output(): { stdout: string; stderr: string };
  /** The exit status, 128 + n after signal n; it comes when nobody holds standard output any more. */
  readonly ended: Promise<number>;
  /** The process itself has ended; what it started may live on. */
  readonly gone: Promise<void>;
}

/** Starts a script with /bin/sh, the tools on PATH; `exec` its last command to send that one signals. */
export function start(script: string): Started {
  const child = spawn("/bin/sh", ["-c", script], { env: { ...process.env, PATH: `${bin}:${process.env["PATH"]}` } });
  let stdout = "";
  let stderr = "";
  let over = false;
  child.stdout.on("data", (data) => {
    stdout += data;
  });
  child.stderr.on("data", (data) => {
    stderr += data;
  });
  const ended = new Promise<number>((resolve) => {
    child.on("close", (status, signal) => {
      over = true;
      resolve(signal === null ? (status ?? -1) : 128 + constants.signals[signal]);
    });
  });
  const gone = new Promise<void>((resolve) => {
    child.on("exit", () => resolve());
  });
  return {
    child,
    ended,
    gone,
    output: () => ({ stdout, stderr }),
    shows: async (text) => {
      for (const end = Date.now() + 60_000; !stdout.includes(text); await pause(10)) {
        if (over || Date.now() > end) throw new Error(`no ${JSON.stringify(text)} in ${JSON.stringify({ stdout, stderr })}`);
      }
    },
  };
}
