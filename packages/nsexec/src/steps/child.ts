// The child of nsexec: born in its namespaces and its cgroup, held at a gate until its maps are written, then released.
import type { Context } from "@contain-tools/chain";
import {
  CLONE_NEWUSER,
  close,
  closeQuietly,
  connectTo,
  dieWithParent,
  getpid,
  leadGroup,
  pidfdOpen,
  pipe,
  readNow,
  setNonBlocking,
  setsid,
  sharePipes,
  socketpair,
  takeAllSignals,
} from "@contain-tools/kernel";
import type { Pasta } from "@contain-tools/pasta";
import type { Plan } from "../plan.ts";
import { create } from "./create.ts";
import { pidFrom, release, waitAt } from "./gate.ts";
import { openCgroup } from "./intocgroup.ts";
import { enterMadeByChild, keptMadeByChild } from "./settings.ts";

/** A child in its namespaces, which continues with `body`. */
export interface Spawned {
  readonly pid: number;
  /** The tool that failed before the program was started; known once the child has ended. */
  readonly failed: () => string | undefined;
  /** Readable when the program was started or something failed. */
  readonly report: number;
  /** With --tty: the socket for the master of the pseudo-terminal. */
  readonly console: number | undefined;
  /** With --pasta: serve it, and end it after the child. */
  readonly pasta: Pasta | undefined;
}

/**
 * Makes the child of a plan with `fork`; `meanwhile` is called while the child waits in its new namespaces. All signals are blocked from
 * here on, so that none is lost before the caller waits for them.
 *
 * @throws SyscallError; nothing is left behind then
 */
export function spawn(
  context: Context,
  plan: Plan,
  body: (context: Context) => never,
  meanwhile: (pid: number) => void = () => {},
): Spawned {
  takeAllSignals();
  if ([...plan.wanted, ...plan.joined].some(({ kind }) => kind.flag & CLONE_NEWUSER)) sharePipes(); // their owner is unmapped there
  const report = pipe();
  const gate = pipe();
  const made = pipe();
  const self = pidfdOpen(getpid());
  const [console, inner] = openConsole(plan);
  const cgroup = plan.intoCgroup === undefined ? undefined : openCgroup(plan.intoCgroup);
  const child = () => {
    context.failurePipe = report.write;
    close(report.read);
    close(gate.write);
    close(made.read);
    if (cgroup !== undefined) close(cgroup); // a directory of the host, through which a working directory could lead out
    if (console !== undefined) close(console);
    if (inner !== undefined) context.consoleSocket = inner;
    dieWithParent(plan.deathSignal, self);
    if (plan.foreground || plan.ownGroup) leadGroup(plan.foreground);
    else if (plan.leave !== undefined && !plan.tty) setsid(); // a pseudo-terminal has its own session
    waitAt(gate); // until the maps are written
    enterMadeByChild(plan);
    if (keptMadeByChild(plan).length > 0) release(made);
    waitAt(gate); // until all that is to be kept is kept
    context.hostPid = pidFrom(gate);
    close(gate.read);
    return body(context);
  };
  const { pid, pasta } = create(context, plan, { cgroup, self, meanwhile }, gate, made, child);
  close(report.write);
  close(gate.read);
  close(made.read);
  closeQuietly(made.write);
  if (cgroup !== undefined) close(cgroup);
  release(gate, pid);
  close(self);
  if (inner !== undefined) close(inner);
  let word: string | undefined;
  const failed = () => {
    word ??= readReport(report.read);
    return word || undefined;
  };
  return { pid, failed, report: report.read, console, pasta };
}

/**
 * Reads the failure pipe, but not to its end: between the two execves of a program in another root, a process of the container can get hold
 * of the other end, and keep it.
 */
function readReport(fd: number): string {
  setNonBlocking(fd);
  const chunk = Buffer.alloc(65536);
  const length = readNow(fd, chunk) ?? 0;
  return chunk.toString("utf8", 0, length);
}

/** Both ends of the socket for the pseudo-terminal's master; the outer one is undefined if another process has it. */
function openConsole({ tty, leave }: Plan): readonly [outer?: number | undefined, inner?: number] {
  if (!tty) return [];
  return leave?.consoleSocket === undefined ? socketpair() : [undefined, connectTo(leave.consoleSocket)];
}
