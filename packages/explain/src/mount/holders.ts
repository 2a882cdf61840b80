// Which processes hold a mount, by its id, which is the same in all mount namespaces (mnt_id, proc_pid_fdinfo(5)).
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { codeOf, O_PATH } from "@contain-tools/kernel";
import { clean } from "../process/finding.ts";
import { type Process, readProcess } from "../process/processes.ts";

/** One thing by which a process holds a mount. */
export interface Use {
  readonly process: Process;
  readonly mount: number;
  /** `working directory`, `descriptor 3 (/path)` */
  readonly how: string;
  /** The file in /proc that shows it. */
  readonly source: string;
}

export interface Scan {
  readonly uses: readonly Use[];
  /** Mount namespaces that a descriptor keeps alive, `mnt:[4026532177]`. */
  readonly pins: readonly { readonly process: Process; readonly namespace: string; readonly source: string }[];
  /** Processes that could not be read. */
  readonly unseen: readonly Process[];
}

const LINKS = { cwd: "working directory", root: "root directory", exe: "its program" } as const;

/** @param devices `major:minor` of files on those mounts; only their mappings are checked */
export function findUses(processes: readonly Process[], mounts: ReadonlySet<number>, devices: readonly string[]): Scan {
  const scan = { uses: [] as Use[], pins: [] as { process: Process; namespace: string; source: string }[], unseen: [] as Process[] };
  for (const found of processes) {
    if (found.kernelThread || found.pid === process.pid) continue;
    try {
      const base = baseOf(found);
      links(found, base, mounts, scan.uses);
      descriptors(found, base, mounts, scan);
      mappings(found, base, mounts, devices, scan.uses);
    } catch (error) {
      const code = codeOf(error);
      if (code === undefined) throw error;
      if ((code === "EACCES" || code === "EPERM") && readProcess(found.pid)?.started === found.started) scan.unseen.push(found);
    }
  }
  return scan;
}

/** If a process's first thread has ended, another one still shows what they share. */
function baseOf({ pid, state, threads }: Process): string {
  if (state !== "Z" || threads < 2) return `/proc/${pid}`;
  const other = readdirSync(`/proc/${pid}/task`).find((tid) => tid !== `${pid}`);
  return `/proc/${pid}/task/${other ?? pid}`;
}

function links(process: Process, base: string, mounts: ReadonlySet<number>, uses: Use[]): void {
  for (const [name, how] of Object.entries(LINKS)) {
    const mount = mountIdOf(`${base}/${name}`);
    if (mount !== undefined && mounts.has(mount))
      uses.push({ process, mount, how: `${how} (${target(`${base}/${name}`)})`, source: `${base}/${name}` });
  }
}

/** The mount that a link in /proc leads to. The file system itself is not asked: it may not answer any more. */
function mountIdOf(path: string): number | undefined {
  let fd: number;
  try {
    fd = openSync(path, O_PATH);
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ESRCH") return undefined; // it is ending, or is a kernel thread
    throw error;
  }
  try {
    return mountIdIn(`/proc/self/fdinfo/${fd}`);
  } finally {
    closeSync(fd);
  }
}

function mountIdIn(path: string): number | undefined {
  const id = /^mnt_id:\s*(\d+)$/m.exec(readFileSync(path, "latin1"))?.[1];
  return id === undefined ? undefined : Number(id);
}

function descriptors(
  process: Process,
  base: string,
  mounts: ReadonlySet<number>,
  { uses, pins }: { uses: Use[]; pins: Scan["pins"][number][] },
): void {
  for (const fd of list(`${base}/fd`)) {
    try {
      const path = readlinkSync(`${base}/fd/${fd}`);
      if (path.startsWith("mnt:[")) pins.push({ process, namespace: path, source: `${base}/fd/${fd}` });
      if (!path.startsWith("/")) continue;
      const mount = mountIdIn(`${base}/fdinfo/${fd}`);
      if (mount !== undefined && mounts.has(mount))
        uses.push({ process, mount, how: `descriptor ${fd} (${clean(path, 100)})`, source: `${base}/fdinfo/${fd} mnt_id` });
    } catch (error) {
      if (codeOf(error) !== "ENOENT") throw error; // closed meanwhile
    }
  }
}

function list(dir: string): string[] {
  try {
    return readdirSync(dir);
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ESRCH") return [];
    throw error;
  }
}

/** A mapping has no mount id of its own, but the file behind it in map_files does. */
function mappings(process: Process, base: string, mounts: ReadonlySet<number>, devices: readonly string[], uses: Use[]): void {
  const text = readFileSync(`${base}/maps`, "latin1");
  const seen = new Set<string>();
  for (const hex of devices.map(toHex)) {
    if (!text.includes(` ${hex} `)) continue;
    for (const line of text.split("\n")) {
      const [range = "", , , device = "", inode = "", ...path] = line.split(/ +/);
      const address = range.replace(/(^|-)0+(?=[0-9a-f])/g, "$1");
      if (device !== hex || inode === "0" || seen.has(inode)) continue;
      seen.add(inode);
      const mount = mountIdOf(`/proc/${process.pid}/map_files/${address}`);
      if (
        mount === undefined ||
        !mounts.has(mount) ||
        uses.some((use) => use.process === process && use.how.endsWith(`(${path.join(" ")})`))
      )
        continue;
      uses.push({ process, mount, how: `mapped (${clean(path.join(" "), 100)})`, source: `/proc/${process.pid}/map_files/${address}` });
    }
  }
}

/** `254:0` is `fe:00` in /proc/PID/maps. */
function toHex(device: string): string {
  return device
    .split(":")
    .map((part) => Number(part).toString(16).padStart(2, "0"))
    .join(":");
}

function target(path: string): string {
  try {
    return clean(readlinkSync(path), 100);
  } catch {
    return "?";
  }
}
