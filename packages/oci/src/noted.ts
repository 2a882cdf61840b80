// What is noted when a container starts, for the verdict at its end: the counters of its groups and of the machine, and its keeper. Only
// node:fs is used.
import { existsSync, statSync } from "node:fs";
import { basename, dirname } from "node:path";
import { type Reading, reading, textOf } from "./read.ts";
import type { Spec } from "./spec/spec.ts";

export const NOTED = "noted.json";

const FILES = ["memory.events", "memory.events.local", "pids.events", "pids.events.local", "cpu.stat"];

/** explain's `Noted` without the PID. */
export function noteStart(group: string | undefined, { process: { args, env = [] }, linux }: Spec) {
  const counts = group !== undefined && existsSync(`${group}/memory.events`);
  return {
    argv: args,
    path: env.find((variable) => variable.startsWith("PATH="))?.slice(5),
    isInit: (linux?.namespaces ?? []).some(({ type, path }) => type === "pid" && path === undefined),
    since: Number(process.hrtime.bigint() / 1000n),
    levels: group === undefined ? [] : levelsAbove(group),
    vmstat: counts ? undefined : /^oom_kill (\d+)$/m.exec(textOf("/proc/vmstat"))?.[1],
  };
}

function levelsAbove(group: string) {
  const levels: { dir: string; files: Record<string, Reading> }[] = [];
  for (let dir = dirname(group); existsSync(`${dir}/cgroup.procs`); dir = dirname(dir))
    levels.push({ dir, files: Object.fromEntries(FILES.map((file) => [file, reading(`${dir}/${file}`)])) });
  return levels;
}

/** The engine's name for a container, and the file into which conmon writes its status. */
export interface Engine {
  readonly name?: string;
  readonly exitFile?: string;
}

/** By the command line of conmon, where that is our parent, by the annotations of a pod's container, or by docker's own state. */
export function engineOf(id: string, { annotations = {}, mounts = [] }: Spec): Engine {
  const words = textOf(`/proc/${process.ppid}/cmdline`).split("\0");
  const after = (...options: readonly string[]) => words[words.findIndex((word) => options.includes(word)) + 1];
  if (basename(words[0] ?? "") === "conmon") {
    const name = words.some((word) => word === "-n" || word === "--name") ? after("-n", "--name") : undefined;
    const dir = words.includes("--exit-dir") ? after("--exit-dir") : undefined;
    return { ...(name === undefined ? {} : { name }), ...(dir === undefined ? {} : { exitFile: `${dir}/${id}` }) };
  }
  const pod = ["namespace", "name"].map((part) => annotations[`io.kubernetes.cri.sandbox-${part}`]);
  const inPod = annotations["io.kubernetes.cri.container-name"];
  if (pod.every((part) => part !== undefined)) return { name: [...pod, ...(inPod === undefined ? [] : [inPod])].join("/") };
  const name = annotations["nerdctl/name"] ?? dockersName(id, mounts);
  return name === undefined ? {} : { name };
}

/** docker tells its runtime only the id; its name stands beside the files that it mounts on /etc/hosts and others. */
function dockersName(id: string, mounts: NonNullable<Spec["mounts"]>): string | undefined {
  const own = mounts.find(({ source = "" }) => dirname(source).endsWith(`/containers/${id}`))?.source;
  const file = own === undefined ? undefined : `${dirname(own)}/config.v2.json`;
  if (file === undefined || statSync(file, { throwIfNoEntry: false })?.isFile() !== true) return undefined;
  try {
    const { Name: name } = JSON.parse(textOf(file)) as { Name?: unknown };
    return typeof name === "string" ? name.replace(/^\//, "") : undefined;
  } catch {
    return undefined; // another version's
  }
}
