// Everything a container could leave behind, as a list of lines that can be compared with the list from before.
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

function quietly<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** The mounts of this mount namespace, without their ids. */
export function mounts(): string[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => `mount ${line.split(" ").slice(2).join(" ")}`);
}

const OTHERS = / - nsfs |\/mmdebstrap\.|\/contain-test-/;

/** The mounts without those that other tests make meanwhile: namespaces that are kept, and what is below directories of their own. */
export const steadyMounts = (own: string) => mounts().filter((line) => line.includes(own) || !OTHERS.test(line));

/** Every directory of every cgroup hierarchy. */
export function cgroups(): string[] {
  const tops = mounts()
    .filter((line) => / - cgroup2? /.test(line))
    .map((line) => line.split(" ")[3] ?? "");
  const walk = (dir: string): string[] =>
    (quietly(() => readdirSync(dir, { withFileTypes: true })) ?? [])
      .filter((entry) => entry.isDirectory())
      .flatMap((entry) => [`cgroup ${dir}/${entry.name}`, ...walk(`${dir}/${entry.name}`)]);
  return tops.flatMap(walk);
}

/** Every namespace that a process is in; kernel threads are in the first ones. */
export function namespaces(): string[] {
  const found = new Set<string>();
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    for (const file of quietly(() => readdirSync(`/proc/${pid}/ns`)) ?? []) {
      const id = quietly(() => readlinkSync(`/proc/${pid}/ns/${file}`));
      if (id !== undefined) found.add(`namespace ${id}`);
    }
  }
  return [...found];
}

/** Processes that are ours, by name or by a command line that runs from dist or from a test's scratch directory. */
export function processes(): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      const comm = quietly(() => readFileSync(`/proc/${pid}/comm`, "utf8").trim()) ?? "";
      const cmdline = (quietly(() => readFileSync(`/proc/${pid}/cmdline`, "utf8")) ?? "").replaceAll("\0", " ");
      const ours =
        ["nsexec", "cgset", "pivot", "pid1", "confine", "confine-watcher", "hold", "veth", "contain", "linux.uml"].includes(comm) ||
        cmdline.includes("dist/lib/contain.cjs") ||
        cmdline.includes("contain-test-");
      return ours ? [`process ${pid} ${comm} ${cmdline}`] : [];
    });
}

/** All of them. */
export function everything(): string[] {
  return [...mounts(), ...cgroups(), ...namespaces(), ...processes()];
}
