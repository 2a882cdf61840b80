// Device nodes and their numbers (mknod(2), makedev(3)).

import { exists, type Stat, stat } from "../file/stat.ts";
export interface Device {
  /** Block or character. */
  readonly type: "b" | "c";
  readonly major: number;
  readonly minor: number;
}

/** The device that a path, or the target of a symbolic link, is a node of; undefined if there is none. */
export function deviceAt(path: string): Device | undefined {
  return exists(path) ? deviceOf(stat(path)) : undefined;
}

/** The same from the result of fstat(2). */
export function deviceOf(stat: Stat): Device | undefined {
  const type = stat.isBlockDevice() ? "b" : stat.isCharacterDevice() ? "c" : undefined;
  return type && { type, ...deviceNumbers(stat.rdev) };
}

/** The two numbers in a dev_t. */
function deviceNumbers(rdev: number): Pick<Device, "major" | "minor"> {
  const device = BigInt(rdev);
  return {
    major: Number(((device >> 8n) & 0xfffn) | ((device >> 32n) & ~0xfffn)),
    minor: Number((device & 0xffn) | ((device >> 12n) & ~0xffn & 0xffffffffn)),
  };
}
