// The child of nsexec: born in its namespaces and its cgroup, held at a gate until its maps are written, then let go.

import { closeSync, writeSync } from "node:fs";
import { failurePipe } from "@contain-tools/chain";
import {
  CLONE_NEWUSER,
  CLONE_PARENT,
  closeQuietly,
  consoleSocket,
  dieWithParent,
  getpid,
  leadGroup,
  type Pipe,
  pidfdOpen,
  pipe,
  readNow,
  readToEnd,
  setNonBlocking,
  sharePipes,
  socketpair,
  takeAllSignals,
  waitpid,
} from "@contain-tools/kernel";
import { type Pasta, startPasta } from "@contain-tools/pasta";
import type { Plan } from "../plan.ts";
import { flagsOf } from "../wanted.ts";
import { createBetween } from "./between.ts";
import { release, waitAt } from "./gate.ts";
import { writeMaps } from "./idmaps.ts";
import { cloneIntoCgroup, openCgroup, putIntoGroup } from "./intocgroup.ts";
import { joinTarget } from "./jointarget.ts";
import { lockMounts } from "./lock.ts";
import { createInNewRoot } from "./newroot.ts";
import { keep, letGo } from "./persist.ts";
import { announce, enterLate, lateFlags, lateKept } from "./settings.ts";

/** A child in its namespaces, which goes on as `body`. */
export interface Spawned {
  readonly pid: number;
  /** The tool that failed before the program was started; to be read when the child has ended. */
  readonly failed: () => string | undefined;
  /** Readable as soon as that is known: the program was started, or something failed. */
  readonly report: number;
  /** With --tty: where the master of the pseudo-terminal will come from. */
  readonly console: number | undefined;
  /** With --pasta: to be served, and ended when the child has. */
  readonly pasta: Pasta | undefined;
}

/**
 * Makes the child of a plan with `fork`; `meanwhile` is called while it waits in its new namespaces. All signals are blocked from here on, so that none is lost before the caller waits for them.
 *
 * @throws SyscallError; nothing is left behind then
 */
export function spawn(plan: Plan, body: () => never, meanwhile: (pid: number) => void = () => {}): Spawned {
  takeAllSignals();
  if (plan.wanted.some(({ kind }) => kind.flag & CLONE_NEWUSER)) sharePipes(); // whose owner is nobody there
  const report = pipe();
  const gate = pipe();
  const made = pipe();
  const self = pidfdOpen(getpid());
  const [console, inner] = plan.tty ? socketpair() : [];
  const cgroup = plan.intoCgroup === undefined ? undefined : openCgroup(plan.intoCgroup);
  const child = () => {
    failurePipe.fd = report.write;
    closeSync(report.read);
    closeSync(gate.write);
    closeSync(made.read);
    if (cgroup !== undefined) closeSync(cgroup); // a directory of the host's, by which a working directory could lead out
    if (console !== undefined && inner !== undefined) {
      closeSync(console);
      consoleSocket.fd = inner;
    }
    dieWithParent(plan.deathSignal, self);
    if (plan.foreground || plan.ownGroup) leadGroup(plan.foreground);
    waitAt(gate); // until the maps are written
    if (plan.target === undefined) enterLate(plan);
    if (lateKept(plan).length > 0) release(made);
    waitAt(gate); // until all that is to be kept is kept
    closeSync(gate.read);
    body();
  };
  const { pid, pasta } =
    plan.target === undefined
      ? create(plan, { cgroup, self, meanwhile }, gate, made, child)
      : { pid: joinTarget(plan, cgroup, child), pasta: undefined };
  closeSync(report.write);
  closeSync(gate.read);
  closeSync(made.read);
  closeQuietly(made.write);
  if (cgroup !== undefined) closeSync(cgroup);
  release(gate);
  closeSync(self);
  if (inner !== undefined) closeSync(inner);
  let word: string | undefined;
  const failed = () => {
    word ??= readReport(report.read);
    return word || undefined;
  };
  return { pid, failed, report: report.read, console, pasta };
}

/**
 * What has come through the failure pipe: not to its end, since between the two execves of a program in another root a process of the
 * container's can get hold of the other end, and keep it.
 */
function readReport(fd: number): string {
  setNonBlocking(fd);
  const chunk = Buffer.alloc(65536);
  const length = readNow(fd, chunk) ?? 0;
  return chunk.toString("utf8", 0, length);
}

interface Outside {
  readonly cgroup: number | undefined;
  /** A pidfd of this process. */
  readonly self: number;
  readonly meanwhile: (pid: number) => void;
}

function create(
  plan: Plan,
  { cgroup, self, meanwhile }: Outside,
  gate: Pipe,
  made: Pipe,
  child: () => never,
): Pick<Spawned, "pid" | "pasta"> {
  const late = lateFlags(plan);
  const { shift, maps, lock } = plan;
  announce(plan);
  const clone = (more: number, body: () => never) => cloneIntoCgroup((flagsOf(plan.wanted) & ~late) | more, cgroup, body);
  const behind = (close: () => void) =>
    clone(CLONE_PARENT, () => {
      close();
      return child();
    });
  // An ordinary user mounts nothing outside of a user namespace.
  const outerMaps = lock.length > 0 && process.geteuid?.() !== 0 ? maps : undefined;
  const { pid, entered } =
    shift !== undefined
      ? createInNewRoot({ shift, maps, self }, behind)
      : lock.length > 0
        ? createBetween({ self, maps: outerMaps, prepare: () => lockMounts(lock) }, behind)
        : clone(0, child);
  const kept: string[] = [];
  let pasta: Pasta | undefined;
  try {
    putIntoGroup({ pid, entered }, plan.intoCgroup);
    if (outerMaps === undefined) writeMaps(pid, maps);
    if (plan.pasta !== undefined) pasta = startPasta(pid, plan.pasta);
    meanwhile(pid);
    for (const wanted of plan.wanted) if (!(wanted.kind.flag & late)) keep(pid, wanted, kept);
    if (lateKept(plan).length > 0) {
      writeSync(gate.write, "1");
      closeSync(made.write);
      if (readToEnd(made.read) === "")
        letGo(kept); // it failed, and has explained itself
      else for (const wanted of lateKept(plan)) keep(pid, wanted, kept);
    }
  } catch (error) {
    pasta?.end();
    letGo(kept);
    closeSync(gate.write); // end of file: the child exits
    closeSync(gate.read);
    waitpid(pid, 0);
    throw error;
  }
  return { pid, pasta };
}
