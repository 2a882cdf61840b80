// What is promised, and whether it was met.
import type { Results } from "./results.ts";
import { ms, table } from "./times.ts";

/** One promise: what, at most, and what was measured; it is left out where that was not. */
type Bar = readonly [what: string, limit: string, measured: string | undefined, met: boolean];

const change = ({ first, last }: { first: number; last: number }) => `${((last / first - 1) * 100).toFixed(1)} %`;

export function bars({ run, namespaces, launcher, crowd, init, row }: Results): string[] {
  return table(
    ["bar", "at most", "measured", "met"],
    [
      ...ratio("contain, native", "runc", 0.6, 0.4),
      ...ratio("contain, native", "crun", 3, 1.5),
      ...ratio("contain, Node", "node -e 0", 1.4),
      difference("nsexec", "unshare --fork", namespaces, 10, "nsexec above unshare --fork"),
      difference("by the launcher of contain", "nothing, started at once", launcher, 1.5, "the launcher of contain"),
      difference("contain, native, init", "contain, native", run, 1, "--init adds to a container"),
      bytes("--init adds private memory", 1, init),
      bytes("private memory of a supervisor, many at once", 12, crowd?.supervisor),
      [
        `${crowd?.count ?? 100} at once`,
        "all right",
        crowd && `${crowd.well} of ${crowd.count}`,
        crowd?.well === crowd?.count,
      ] satisfies Bar,
      [
        "the last of 1,000 in a row to the first",
        "± 10 %",
        row && `${change(row)}; who ran between them ${change(row.control)}`,
        row !== undefined && Math.abs(row.last / row.first - 1) <= 0.1,
      ] satisfies Bar,
    ].flatMap(([what, limit, measured, met]) => (measured === undefined ? [] : [[what, limit, measured, met ? "yes" : "no"]])),
  );

  function ratio(own: string, other: string, limit: number, aim?: number): Bar[] {
    const [ours, theirs] = [run.get(own), run.get(other)];
    return (["median", "minimum"] as const).map((key) => {
      const value = ours && theirs && ours[key] / theirs[key];
      return [
        `${own}, to ${other}, ${key}`,
        `${limit}${aim ? ` (aim ${aim})` : ""}`,
        value?.toFixed(2),
        value !== undefined && value <= limit,
      ];
    });
  }
}

function difference(own: string, other: string, times: Results["run"], limit: number, what: string): Bar {
  const [ours, theirs] = [times.get(own), times.get(other)];
  if (ours === undefined || theirs === undefined) return [what, `${limit} ms`, undefined, false];
  const [middle, least] = [ours.median - theirs.median, ours.minimum - theirs.minimum];
  return [what, `${limit} ms`, `median ${ms(middle)}, minimum ${ms(least)}`, middle <= limit && least <= limit];
}

function bytes(what: string, limit: number, value: number | undefined): Bar {
  const megabytes = value === undefined ? undefined : value / (1 << 20);
  return [
    what,
    `${limit} MB`,
    megabytes === undefined ? undefined : `${megabytes.toFixed(1)} MB`,
    megabytes !== undefined && megabytes <= limit,
  ];
}
