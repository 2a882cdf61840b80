// Shows a group, its limits and its usage, when there is nothing else to do.
import { controllerOnV1, exists, groupProcesses, printable, readIfThere, ToolError } from "@contain-tools/kernel";

const SHOWN = [
  "cgroup.controllers",
  "cgroup.events",
  "cgroup.freeze",
  "memory.max",
  "memory.high",
  "memory.swap.max",
  "memory.current",
  "memory.peak",
  "memory.swap.current",
  "memory.events",
  "cpu.max",
  "cpu.weight",
  "cpu.stat",
  "cpuset.cpus",
  "cpuset.cpus.effective",
  "io.max",
  "pids.max",
  "pids.current",
  "pids.peak",
  "pids.events",
];

/** The group's limits and usage, one value per line, as the files have them. */
export function describe(dir: string): string {
  if (!exists(dir)) throw new ToolError(`no such group: ${dir}`);
  const lines = SHOWN.flatMap((file) => {
    const text = readIfThere(`${dir}/${file}`)?.trim();
    return text ? text.split("\n").map((line) => `  ${file.padEnd(22)} ${line}`) : [];
  });
  const v1 = ["memory", "cpu", "pids"]
    .map((name) => [name, controllerOnV1(name)?.mountPoint] as const)
    .filter(([, place]) => place !== undefined);
  const hybrid = v1.length > 0 ? [`  (on cgroup v1: ${v1.map(([name, place]) => `${name} at ${place}`).join(", ")})`] : [];
  return [printable(dir), ...lines, ...hybrid, `  processes              ${groupProcesses(dir).join(" ") || "none"}`, ""].join("\n");
}
