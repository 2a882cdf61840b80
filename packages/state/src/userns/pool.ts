// Ranges of ids for containers, out of /etc/subuid and /etc/subgid (subuid(5)). Who makes a state holds the lock meanwhile.

import { existsSync, readdirSync } from "node:fs";
import {
  type IdRange,
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

/** Of podman's custom: `containers` is nobody's login. */
const OWNERS = ["containers", "root"] as const;
const EXAMPLE = "containers:2147483648:1073741824";

/** The lowest range that no container has, and no process in any map. @throws ToolError when there is none */
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
    `\`contain list\` shows who runs, \`contain gc\` removes what is dead; or add a line to ${kind.file}: ${EXAMPLE}`,
  );
}

/** Where each whole range begins. @throws ToolError when there is none */
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
    `add one to ${file}, of ids that nobody else has: ${EXAMPLE} (subuid(5)); podman's \`--userns auto\` takes its own of the same line`,
  );
}

type Holder = State & { readonly ids: IdLease };

/** One whose supervisor is gone has its ids for as long as a process may run with them. */
function holdsIds(state: State): state is Holder {
  if (state.ids === undefined || state.ended !== undefined) return false;
  if (statusOf(state) !== "dead") return true;
  return (
    (state.init !== undefined && isAlive(state.init)) ||
    (state.group !== undefined && existsSync(state.group) && !isEmptyGroup(state.group))
  );
}

/** What processes are mapped to now: those of podman too, and of a chain that was typed by hand. Ids that stay what they are belong to nobody. */
function mapsInUse(): Record<Kind["map"], readonly IdRange[]> {
  const found: Record<Kind["map"], IdRange[]> = { uid_map: [], gid_map: [] };
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
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
    return []; // it is gone
  }
}

/** A zombie keeps its maps until it is reaped, and does nothing with them. */
function hasEnded(pid: string): boolean {
  return /^[ZX]?$/.test(statFields(readIfThere(`/proc/${pid}/stat`) ?? "")[0] ?? "");
}
