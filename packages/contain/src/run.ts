// The supervisor: makes the group, starts the chain, stays outside, forwards signals, reports the end, removes what was made.
import { writeSync } from "node:fs";
import { act } from "@contain-tools/cgset";
import {
  become,
  endSignal,
  enterLink,
  exit,
  fail,
  kill,
  payload,
  report,
  shellQuote,
  shellStatus,
  signalName,
  steps,
  takeAllSignals,
  tracer,
} from "@contain-tools/kernel";
import { inside, reachedTheGroup, spawn, watch } from "@contain-tools/nsexec";
import type { RunPlan } from "./compose.ts";

/** Runs the container and ends with its status: the program's own, 128+n for signal n, 125 to 127 for failures before it started. */
export function run(plan: RunPlan): never {
  if (plan.printChain) {
    writeSync(1, chainScript(plan));
    return exit(0);
  }
  steps.label = "contain";
  steps.writes = steps.on && !plan.quiet;
  steps.on = !plan.quiet;
  takeAllSignals(); // from here on a SIGTERM waits until it can be forwarded, and what was made is removed
  if (plan.rootless) steps.say("not root: creating a user namespace, in which you are root");
  let status: number;
  makeGroup(plan); // on failure it leaves nothing
  try {
    status = startAndWatch(plan);
  } catch (error) {
    cleanUp(plan);
    return fail(error);
  }
  cleanUp(plan);
  return exit(status);
}

function makeGroup({ makeGroup: link, limits }: RunPlan): void {
  if (link === undefined) return;
  if (limits) steps.say(`applying cgroup limits: ${limits}`);
  asTool(link, () => act(link.plan));
}

/** Runs a part of another tool under that tool's name, and takes our own again. */
function asTool<T>(link: Parameters<typeof enterLink>[0], part: () => T): T {
  const { tool } = tracer;
  const { on, writes } = steps;
  enterLink(link);
  const result = part();
  tracer.tool = tool;
  steps.on = on;
  steps.writes = writes;
  return result;
}

function startAndWatch({ container }: RunPlan): number {
  const { plan } = container;
  const { pid, failed } = asTool(container, () =>
    spawn(plan, () => {
      inside(plan);
      return become(plan.next);
    }),
  );
  const status = watch({
    pid,
    ownGroup: plan.foreground,
    hadTerminal: plan.hadTerminal,
    // Stopped by a key on the terminal the whole job stops; a kill -STOP from elsewhere is the container's own affair.
    stopWithChild: () => plan.foreground,
    onSignal: (info) => {
      if (plan.foreground || !reachedTheGroup(info)) kill(pid, info.signal);
    },
  });
  const tool = failed();
  steps.say(
    tool === undefined
      ? `container exited: ${describeEnd(status)}`
      : `container did not start: ${tool} failed (exit status ${shellStatus(status)})`,
  );
  return shellStatus(status);
}

function describeEnd(status: number): string {
  const signal = endSignal(status);
  return signal === 0 ? `exit status ${shellStatus(status)}` : `killed by ${signalName(signal)} (exit status ${shellStatus(status)})`;
}

/** Whatever happened, the group goes. What cannot be removed is told, and does not change the container's status. */
function cleanUp({ removeGroup: link }: RunPlan): void {
  if (link === undefined) return;
  steps.say("cleaning up cgroups");
  steps.on = false;
  steps.writes = false;
  try {
    asTool(link, () => act(link.plan));
  } catch (error) {
    report(error);
  }
}

/** The chain as a script that does the same when pasted into a shell. */
export function chainScript({ argvs }: RunPlan): string {
  const line = (argv: readonly string[]) => argv.map(shellQuote).join(" ");
  const lines = [
    ...(payload.launch.bin === undefined ? [] : [`PATH=${shellQuote(payload.launch.bin)}:"$PATH"`]),
    ...(argvs.make.length > 0 ? [`${line(argvs.make)} || exit`] : []),
    line(argvs.run),
    ...(argvs.remove.length > 0 ? ["status=$?", line(argvs.remove), "exit $status"] : []),
  ];
  return `(\n${lines.map((text) => `  ${text}\n`).join("")})\n`;
}
