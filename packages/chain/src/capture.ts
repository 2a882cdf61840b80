// Running a program for what it says. The runtime's own child processes need its event loop, which a forked process must not touch.
import { clone3, close, dup2, open, pipe, readToEnd, shellStatus, signalSet, waitpid } from "@contain-tools/kernel";
import { execProgram } from "./exec.ts";
import { payload } from "./payload.ts";

export interface Captured {
  /** As a shell shows it; 127 when there is no such program. */
  readonly status: number;
  readonly stdout: string;
  /** At most what a pipe holds, 64K. */
  readonly stderr: string;
}

/** Runs a program to its end, without input. @param prepare called in the child before: namespaces to join */
export function capture(argv: readonly string[], prepare: () => void = () => {}): Captured {
  const out = pipe();
  const err = pipe();
  const pid = clone3({ flags: 0 }, () => {
    const nothing = open("/dev/null");
    dup2(nothing, 0);
    dup2(out.write, 1);
    dup2(err.write, 2);
    payload.preserveFds = 0;
    payload.launch = { ...payload.launch, closed: [], ignored: signalSet(), blocked: signalSet() };
    prepare();
    return execProgram(argv);
  });
  close(out.write);
  close(err.write);
  const stdout = readToEnd(out.read);
  const stderr = readToEnd(err.read);
  close(out.read);
  close(err.read);
  return { status: shellStatus(waitpid(pid, 0)?.status ?? 0), stdout, stderr };
}
