// Plan to kernel calls: the program is looked for, then one poll(2) loop waits for a writer and takes signals.
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

/** Waits until a writer has opened the FIFO. Signals do what they do to a program without handlers. @throws ExecError when PROG is not there */
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
  if (dumpable) setDumpable(true); // files of /proc/self would belong to the host's root, whom a user namespace may not have
  for (const signal of pending) kill(getpid(), signal); // all are blocked: they stay pending, for PROG
}

/** Tells a supervisor that all went well: end of file without a word. */
function reportHeld(context: Context): void {
  if (context.failurePipe === undefined) return;
  if (tracer.fd !== 2) {
    close(tracer.fd); // a pipe that our caller reads to its end; what is told from here on goes to the pseudo-terminal
    setTracer({ fd: 2 });
  }
  close(context.failurePipe);
  context.failurePipe = undefined;
}

/** poll(2) says POLLIN when something was written, POLLHUP when the last writer has closed. Returns the signals that our caller blocks. */
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

/** The signal's default action (signal(7)), which the kernel spares the init of a PID namespace (pid_namespaces(7)): it exits. */
function act(signal: number): void {
  setDispositionAndUnblock(signal);
  kill(getpid(), signal);
  setSignalMask(ALL_SIGNALS);
  if (endsByDefault(signal)) exit(128 + signal);
}
