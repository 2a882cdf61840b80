// What io.max of a group allows, and what io.stat says was moved (cgroup-v2.rst).
import { formatBytes } from "./usage.ts";

export const IO_RULE = "cgroup-v2.rst io.max, io.stat: beyond it the kernel lets requests wait";

export interface IoLimit {
  /** `wbps of 8:0, 1M`. */
  readonly text: string;
  /** Bytes or requests a second. */
  readonly limit: number;
  /** What a text of io.stat counts of that. */
  readonly movedIn: (stat: string) => number;
}

const COUNTERS = { rbps: "rbytes", wbps: "wbytes", riops: "rios", wiops: "wios" } as const;

/** The limits of a file io.max. */
export function ioLimits(max: string): IoLimit[] {
  return max.split("\n").flatMap((line) =>
    Object.entries(COUNTERS).flatMap(([key, counter]): IoLimit[] => {
      const device = line.split(" ")[0] ?? "";
      const limit = Number(new RegExp(`\\b${key}=(\\d+)`).exec(line)?.[1]);
      if (!(limit > 0)) return [];
      const text = `${key} of ${device}, ${key.endsWith("bps") ? formatBytes(limit) : limit}`;
      const pattern = new RegExp(`^${device} .*\\b${counter}=(\\d+)`, "m");
      return [{ text, limit, movedIn: (stat) => Number(pattern.exec(stat)?.[1] ?? 0) }];
    }),
  );
}

/** Of what was allowed meanwhile, in percent. */
export const percentOf = ({ limit }: IoLimit, moved: number, milliseconds: number) =>
  Math.round((100_000 * moved) / (limit * milliseconds));
