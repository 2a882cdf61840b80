// Device nodes, and what they stand for (mknod(2), makedev(3)).

import { exists, type Stat, stat } from "../file/stat.ts";
export interface Device {
  /** Block or character. */
  readonly type: "b" | "c";
  readonly major: number;
  readonly minor: number;
}

/** What a path, or what a link there leads to, is a node of; undefined where there is nothing, or something else. */
export function deviceAt(path: string): Device | undefined {
  return exists(path) ? deviceOf(stat(path)) : undefined;
}

/** The same of what fstat(2) has told. */
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
