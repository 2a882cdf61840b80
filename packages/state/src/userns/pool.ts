// Ranges of ids for containers, from /etc/subuid and /etc/subgid (subuid(5)). Choose and write one under the lock.

import {
  exists,
  type IdRange,
  readdir,
  readIdMap,
  readIfThere,
  type SubordinateRange,
  statFields,
  subordinateRanges,
  ToolError,
} from "@contain-tools/kernel";
import { isEmptyGroup } from "../leftovers.ts";
import { isAlive } from "../processid.ts";
import { readStates, statusOf } from "../state.ts";
import type { State } from "../statefile.ts";
import { type IdLease, RANGE } from "./lease.ts";

const KINDS = [
  { kind: "uid", file: "/etc/subuid", map: "uid_map" },
  { kind: "gid", file: "/etc/subgid", map: "gid_map" },
] as const;
type Kind = (typeof KINDS)[number];

/** As podman does: nobody logs in as `containers`. */
const OWNERS = ["containers", "root"] as const;
const EXAMPLE = "containers:2147483648:1073741824";

/** The lowest range that no container has and no process is mapped to. @throws ToolError if there is none */
export function freeRange(): IdLease {
  const leases = readStates().filter(holdsIds);
  const maps = mapsInUse();
  const [uid = 0, gid = 0] = KINDS.map((kind) => {
    const taken = [...leases.map(({ ids }) => ({ outer: ids[kind.kind], count: RANGE })), ...maps[kind.map]];
    return free(kind, taken);
  });
  return { uid, gid };
}

function free(kind: Kind, taken: readonly Pick<IdRange, "outer" | "count">[]): number {
  const { starts, owner } = ranges(kind);
  const found = starts.find((start) => !taken.some(({ outer, count }) => outer < start + RANGE && start < outer + count));
  if (found !== undefined) return found;
  throw new ToolError(
    `--userns auto: no range of ${RANGE} ids is free: ${kind.file} gives ${starts.length} to ${owner}`,
    `\`contain list\` shows running containers, \`contain gc\` removes dead ones; or add a line to ${kind.file}: ${EXAMPLE}`,
  );
}

/** The first id of each whole range. @throws ToolError if there is none */
function ranges({ file }: Kind): { readonly owner: string; readonly starts: readonly number[] } {
  let small: SubordinateRange | undefined;
  for (const owner of OWNERS) {
    const lines = subordinateRanges(file, owner === "root" ? ["root", "0"] : [owner]).filter(({ start }) => start > 0);
    small ??= lines[0];
    const starts = lines.flatMap(({ start, count }) => Array.from({ length: Math.floor(count / RANGE) }, (_, i) => start + i * RANGE));
    if (starts.length > 0) return { owner, starts };
  }
  throw new ToolError(
    small === undefined
      ? `--userns auto: ${file} has no line for ${OWNERS.join(", nor for ")}`
      : `--userns auto: ${file} gives ${small.count} ids, and a container takes ${RANGE}`,
    `add one to ${file}, of ids that are not in use: ${EXAMPLE} (subuid(5)); podman's \`--userns auto\` uses the same line`,
  );
}

type Holder = State & { readonly ids: IdLease };

/** A dead container keeps its ids while a process may still run with them. */
function holdsIds(state: State): state is Holder {
  if (state.ids === undefined || state.ended !== undefined) return false;
  if (statusOf(state) !== "dead") return true;
  return (
    (state.init !== undefined && isAlive(state.init)) || (state.group !== undefined && exists(state.group) && !isEmptyGroup(state.group))
  );
}

/** The ids that processes are mapped to now, also by podman or a chain typed by hand. Identity mappings do not count. */
function mapsInUse(): Record<Kind["map"], readonly IdRange[]> {
  const found: Record<Kind["map"], IdRange[]> = { uid_map: [], gid_map: [] };
  for (const pid of readdir("/proc").filter((name) => /^\d+$/.test(name))) {
    for (const { map } of KINDS) {
      const ranges = mapOf(pid, map).filter(({ inner, outer }) => inner !== outer);
      if (ranges.length > 0 && !hasEnded(pid)) found[map].push(...ranges);
    }
  }
  return found;
}

function mapOf(pid: string, map: Kind["map"]): IdRange[] {
  try {
    return readIdMap(pid, map);
  } catch {
    return []; // it has ended
  }
}

/** A zombie keeps its maps until it is reaped, but cannot use the ids. */
function hasEnded(pid: string): boolean {
  return /^[ZX]?$/.test(statFields(readIfThere(`/proc/${pid}/stat`) ?? "")[0] ?? "");
}
