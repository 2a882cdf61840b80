// Readers for the files of proc(5) that the tools need before they act.

import { readText } from "../file/open.ts";
/** One line of /proc/PID/mountinfo (proc_pid_mountinfo(5)). Paths are unescaped. */
export interface MountInfo {
  readonly id: number;
  readonly parent: number;
  /** `major:minor` as in st_dev of its files; on some file systems (btrfs, overlay) stat(2) reports another one. */
  readonly device: string;
  readonly root: string;
  readonly mountPoint: string;
  readonly options: readonly string[];
  readonly propagation: readonly string[];
  readonly type: string;
  readonly source: string;
  readonly superOptions: readonly string[];
}

/**
 * The mounts of a mount namespace, in the kernel's order: a parent before its children.
 *
 * @param process the directory of a process in it
 */
export function readMountInfo(process = "/proc/self"): MountInfo[] {
  return mountLines(process).map(parseMountInfo);
}

/** Parses the text of a mountinfo file. */
export function parseMounts(text: string): MountInfo[] {
  return text.split("\n").filter(Boolean).map(parseMountInfo);
}

/** The mount with this id, and all others of its device; none if it is not listed. */
export function mountsBeside(mountId: number): MountInfo[] {
  const lines = mountLines("/proc/self");
  const [, , device] = lines.find((line) => line.startsWith(`${mountId} `))?.split(" ", 3) ?? [];
  return lines
    .filter((line) => line.includes(` ${device} `))
    .map(parseMountInfo)
    .filter((mount) => mount.device === device);
}

/** The mounts of one file system type. */
export function mountsOfType(wanted: string): MountInfo[] {
  return mountLines("/proc/self")
    .filter((line) => line.includes(` - ${wanted} `)) // a space in a path is escaped, so this can only be the type
    .map(parseMountInfo);
}

function mountLines(process: string): string[] {
  return readText(`${process}/mountinfo`).split("\n").filter(Boolean);
}

/** Decodes escapes such as `\040` in a path from /proc. */
export function unescapeOctal(word: string): string {
  if (!word.includes("\\")) return word;
  return word.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

function parseMountInfo(line: string): MountInfo {
  const words = line.split(" ");
  const dash = words.indexOf("-", 6);
  const at = (i: number) => unescapeOctal(words[i] ?? "");
  return {
    id: Number(words[0]),
    parent: Number(words[1]),
    device: words[2] ?? "",
    root: at(3),
    mountPoint: at(4),
    options: at(5).split(","),
    propagation: words.slice(6, dash),
    type: at(dash + 1),
    source: at(dash + 2),
    superOptions: at(dash + 3).split(","),
  };
}

/** The text after `key` in the first line that begins with it, trimmed; undefined if there is none. */
export function lineValue(text: string, key: string): string | undefined {
  for (let from = 0, at = text.indexOf(key); at !== -1; at = text.indexOf(key, from)) {
    from = at + key.length;
    if (at > 0 && text[at - 1] !== "\n") continue;
    const end = text.indexOf("\n", from);
    return text.slice(from, end === -1 ? undefined : end).trim();
  }
  return undefined;
}

/** A field of /proc/PID/status, or undefined: `statusField(text, "SigIgn")`. */
export function statusField(status: string, name: string): string | undefined {
  return lineValue(status, `${name}:`);
}

/** The soft limit in a line of /proc/PID/limits (proc_pid_limits(5)): `softLimit(text, "Max processes")`. */
export function softLimit(limits: string, name: string): string | undefined {
  return lineValue(limits, `${name} `)?.split(" ", 1)[0];
}

/** A field of a flat keyed file (cgroup-v2.rst, also /proc/vmstat): `keyedValue(text, "oom_kill")`. */
export function keyedValue(text: string, key: string): number | undefined {
  const value = lineValue(text, `${key} `);
  return value === undefined ? undefined : Number(value);
}

/** The fields of /proc/PID/stat from the third on (0 is state, 1 is ppid, …); the second, comm, may contain spaces and parentheses. */
export function statFields(stat: string): string[] {
  return stat
    .slice(stat.lastIndexOf(")") + 2)
    .trimEnd()
    .split(" ");
}
