// pid1: be init. Forward signals, reap orphans, report the child's status.
import { become, type Context, execProgram, fork, sayRunning, spawnProgram, type Tool } from "@contain-tools/chain";
import {
  chdir,
  closeAllBut,
  getpid,
  getppid,
  hideSecrets,
  kill,
  leadGroup,
  setChildSubreaper,
  setParentDeathSignal,
  setpgid,
  setTracer,
  takeAllSignals,
} from "@contain-tools/kernel";
import { options, type Plan, readPlan } from "./cli.ts";
import { serve } from "./init.ts";

export const pid1: Tool<Plan, keyof typeof options> = {
  name: "pid1",
  description: "Be init: forward signals, reap orphans, report the child's status",
  usage: "[--] PROG [ARG…]",
  options,
  plan: readPlan,
  run(context, plan) {
    takeAllSignals();
    dieWithParent(plan.deathSignal);
    if (getpid() !== 1 || plan.subreaper) setChildSubreaper();
    hideSecrets(plan.areas, plan.title);
    const child = startChild(context, plan);
    leaveDirectory();
    setTracer({ fd: 2 });
    closeAllBut(plan.runtimeEvents); // the init keeps nothing of the host open (CVE-2024-21626)
    return serve(context, plan, child);
  },
};

/** By posix_spawn(3) if possible: a fork would copy our memory for a child that discards it at execve. */
function startChild(context: Context, { next, singleChild, foreground }: Plan): number {
  // On a terminal made for us we are the foreground group, which planning could not know.
  const takesTerminal = !singleChild && (foreground || context.ownTerminal);
  const program = next.kind === "program" ? next : undefined;
  if (program !== undefined) sayRunning(context, program);
  const spawned = program === undefined || takesTerminal ? undefined : spawnProgram(context, program, !singleChild);
  if (spawned !== undefined) return spawned;
  const child = fork(context, { flags: 0 }, () => {
    if (!singleChild) leadGroup(takesTerminal);
    return program === undefined ? become(context, next) : execProgram(context, program.argv, program);
  });
  if (!singleChild) joinGroup(child);
  return child;
}

/** Our working directory would keep a file system busy; the child has its own. */
function leaveDirectory(): void {
  try {
    chdir("/");
  } catch {
    // EACCES: we may not search the root
  }
}

function dieWithParent(signal: number): void {
  if (signal === 0) return;
  const parent = getppid();
  setParentDeathSignal(signal);
  if (getppid() !== parent) kill(getpid(), signal);
}

/** Makes the child's process group from this side too, so that it exists before a signal to it. EACCES: the child has exec'd already. */
function joinGroup(child: number): void {
  try {
    setpgid(child, child);
  } catch {
    // the child did it itself
  }
}
