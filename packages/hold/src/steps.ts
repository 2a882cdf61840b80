// Plan to kernel calls: looks the program up, then waits in one poll(2) loop for a writer and for signals.
import { type Context, findProgram, runHooks, sayStep } from "@contain-tools/chain";
import {
  ALL_SIGNALS,
  close,
  endsByDefault,
  exit,
  getpid,
  hasSignal,
  hideSecrets,
  isDumpable,
  kill,
  POLLIN,
  setDispositionAndUnblock,
  setDumpable,
  setSignalMask,
  setTracer,
  takeAllSignals,
  tracer,
  waitForSignalOr,
} from "@contain-tools/kernel";
import { HOOK, type Plan } from "./cli.ts";

/** Waits until a writer has opened the FIFO. Signals act as on a program without handlers. @throws ExecError if PROG does not exist */
export function waitAtFifo(context: Context, { path, fifo, program, hooks, areas, title }: Plan): void {
  if (program !== undefined) findProgram(context, program.argv);
  const dumpable = isDumpable();
  hideSecrets(areas, title);
  takeAllSignals();
  sayStep(context, `waiting for a writer: ${path}`);
  reportHeld(context);
  const pending = awaitWriter(context, fifo);
  close(fifo);
  if (hooks !== undefined) runHooks(context, HOOK, hooks);
  if (dumpable) setDumpable(true); // files in /proc/self would belong to the host's root, whom a user namespace may not map
  for (const signal of pending) kill(getpid(), signal); // all are blocked: they stay pending for PROG
}

/** Tells a supervisor that all went well: end of file without a line. */
function reportHeld(context: Context): void {
  if (context.failurePipe === undefined) return;
  if (tracer.fd !== 2) {
    close(tracer.fd); // our caller reads this pipe to its end; later messages go to the pseudo-terminal
    setTracer({ fd: 2 });
  }
  close(context.failurePipe);
  context.failurePipe = undefined;
}

/**
 * poll(2) reports POLLIN when something was written, POLLHUP when the last writer has closed. Returns the signals that our caller blocks.
 */
function awaitWriter({ launch: { blocked, ignored } }: Context, fd: number): number[] {
  const pending: number[] = [];
  let came = false;
  const source = {
    fd,
    wants: () => POLLIN,
    ready: () => {
      came = true;
    },
  };
  while (!came) {
    const info = waitForSignalOr([source], undefined, () => came);
    if (info === undefined || hasSignal(ignored, info.signal)) continue;
    if (hasSignal(blocked, info.signal)) pending.push(info.signal);
    else act(info.signal);
  }
  return pending;
}

/** The signal's default action (signal(7)), from which the kernel spares the init of a PID namespace (pid_namespaces(7)): it exits. */
function act(signal: number): void {
  setDispositionAndUnblock(signal);
  kill(getpid(), signal);
  setSignalMask(ALL_SIGNALS);
  if (endsByDefault(signal)) exit(128 + signal);
}
