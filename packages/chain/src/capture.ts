// Runs a program and returns its output. The runtime's own child processes need its event loop, which a forked process must not touch.

import { close, dup2, open, pipe, readToEnd, shellStatus, waitpid } from "@contain-tools/kernel";
import { newContext } from "./context.ts";
import { execProgram } from "./exec.ts";
import { NO_LAUNCHER } from "./launch.ts";
import { fork } from "./report.ts";

export interface Captured {
  /** As a shell shows it; 127 if there is no such program. */
  readonly status: number;
  readonly stdout: string;
  /** At most what fits in a pipe, 64K. */
  readonly stderr: string;
}

/** Runs a program of the host to its end, without input. @param prepare is called in the child first: to join namespaces */
export function capture(argv: readonly string[], prepare: () => void = () => {}): Captured {
  const out = pipe();
  const err = pipe();
  const pid = fork(newContext(NO_LAUNCHER, { ...process.env } as Record<string, string>), { flags: 0 }, (own) => {
    const nothing = open("/dev/null");
    dup2(nothing, 0);
    dup2(out.write, 1);
    dup2(err.write, 2);
    prepare();
    return execProgram(own, argv);
  });
  close(out.write);
  close(err.write);
  const stdout = readToEnd(out.read);
  const stderr = readToEnd(err.read);
  close(out.read);
  close(err.read);
  return { status: shellStatus(waitpid(pid, 0)?.status ?? 0), stdout, stderr };
}
