// User and group id maps of a new user namespace (user_namespaces(7)), from the --map-* options.

import type { Values } from "@contain-tools/chain";
import { type IdRange, parseCount, readIdMap, subordinateOwners, subordinateRanges, UsageError } from "@contain-tools/kernel";

export interface IdMaps {
  readonly user: readonly IdRange[];
  readonly group: readonly IdRange[];
  readonly setgroups: "allow" | "deny" | undefined;
  /** Some ranges are ones that an ordinary user gets only from newuidmap and newgidmap. */
  readonly subordinate: boolean;
}

const MAP_OPTIONS = [
  "map-root-user",
  "map-current-user",
  "map-user",
  "map-group",
  "map-users",
  "map-groups",
  "map-auto",
  "setgroups",
] as const;
type MapOption = (typeof MAP_OPTIONS)[number];
const MAX_ID = 0xfffffffe;

/** @throws UsageError for a malformed or overlapping range, and for --map-auto without subordinate ids */
export function readMaps(given: Values<MapOption>): IdMaps {
  return MAP_OPTIONS.some((name) => given.has(name)) ? mapsOf(given) : { user: [], group: [], setgroups: undefined, subordinate: false };
}

function mapsOf(given: Values<MapOption>): IdMaps {
  const uid = process.geteuid?.() ?? 0;
  const gid = process.getegid?.() ?? 0;
  const inner = (option: "map-user" | "map-group", own: number): number | undefined => {
    const text = given.value(option);
    if (text !== undefined) return parseCount(`--${option}`, text, 0, MAX_ID);
    if (given.has("map-root-user")) return 0;
    return given.has("map-current-user") ? own : undefined;
  };
  const side = (option: "map-users" | "map-groups", file: "/etc/subuid" | "/etc/subgid", single: number | undefined, own: number) => {
    const auto = given.has("map-auto") ? everySubordinate(file, uid, single) : [];
    return [...withSingle(readRanges(given, option), single, own), ...auto];
  };
  const user = side("map-users", "/etc/subuid", inner("map-user", uid), uid);
  const group = side("map-groups", "/etc/subgid", inner("map-group", gid), gid);
  checkOverlap("--map-users", user);
  checkOverlap("--map-groups", group);
  const setgroups = given.value("setgroups");
  if (setgroups !== undefined && setgroups !== "allow" && setgroups !== "deny")
    throw new UsageError(`--setgroups ${setgroups}: must be allow or deny`);
  const single = given.has("map-group") || given.has("map-root-user") || given.has("map-current-user");
  if (setgroups === "allow" && single && group.length === 1) {
    throw new UsageError(
      "--setgroups allow does not go with a map of only your own group id",
      "the kernel takes such a gid_map only after setgroups was denied (user_namespaces(7))",
    );
  }
  return {
    user,
    group,
    setgroups: setgroups ?? (single && group.length === 1 ? "deny" : undefined),
    subordinate: user.concat(group).some(({ count }) => count > 1) || user.length > 1,
  };
}

const SIDES = {
  "map-users": { file: "/etc/subuid", map: "uid_map" },
  "map-groups": { file: "/etc/subgid", map: "gid_map" },
} as const;
type Side = keyof typeof SIDES;

function readRanges(given: Values<MapOption>, option: Side): IdRange[] {
  return given.all(option).flatMap((text) => namedRanges(option, text) ?? [readRange(option, text)]);
}

/** The words that unshare(1) has; undefined for others. */
function namedRanges(option: Side, text: string): IdRange[] | undefined {
  const { file, map } = SIDES[option];
  if (text === "all") return readIdMap("self", map).map(({ inner, count }) => ({ inner, outer: inner, count }));
  if (text !== "auto" && text !== "subids") return undefined;
  const owners = subordinateOwners(process.geteuid?.() ?? 0);
  const [first] = subordinateRanges(file, owners);
  if (first === undefined) throw noRange(`--${option} ${text}`, file, owners);
  return [{ inner: text === "auto" ? 0 : first.start, outer: first.start, count: first.count }];
}

/** IN:OUT:N, or OUT,IN,N as in unshare(1) before 2.39. */
function readRange(option: Side, text: string): IdRange {
  const words = /^(\d+)([:,])(\d+)\2(\d+)$/.exec(text);
  if (!words)
    throw new UsageError(
      `--${option} ${text}: must be IN:OUT:N, auto, subids or all`,
      "for example 0:100000:65536: 65536 ids from 100000 outside are those from 0 inside",
    );
  const [, first = "", sign, second = "", count = ""] = words;
  const [inner, outer] = sign === ":" ? [first, second] : [second, first];
  return {
    inner: parseCount(`--${option}`, inner, 0, MAX_ID),
    outer: parseCount(`--${option}`, outer, 0, MAX_ID),
    count: parseCount(`--${option}`, count, 1, MAX_ID),
  };
}

/** All ranges of this user in /etc/subuid or /etc/subgid, one after the other from 0 inside, without the id `taken`. */
function everySubordinate(file: "/etc/subuid" | "/etc/subgid", uid: number, taken: number | undefined): IdRange[] {
  const owners = subordinateOwners(uid);
  let next = 0;
  const ranges = subordinateRanges(file, owners).flatMap(({ start, count }) => {
    const inner = next;
    const below = taken === undefined || taken < inner || taken >= inner + count ? count : taken - inner;
    next += count + (below < count ? 1 : 0);
    const parts = [
      { inner, outer: start, count: below },
      { inner: inner + below + 1, outer: start + below, count: count - below },
    ];
    return parts.filter((part) => part.count > 0);
  });
  if (ranges.length > 0) return ranges;
  throw noRange("--map-auto", file, owners);
}

function noRange(what: string, file: string, owners: readonly string[]): UsageError {
  return new UsageError(
    `${what}: ${file} has no range for ${owners.length > 1 ? owners[0] : `uid ${owners[0]}`}`,
    `root can add one: usermod --add-sub${file.endsWith("uid") ? "uids" : "gids"} 100000-165535 ${owners[0]}`,
  );
}

/** Adds a map of one id; a range that holds its inner id is split around it, and keeps its outer ids without a gap. */
function withSingle(ranges: readonly IdRange[], inner: number | undefined, outer: number): IdRange[] {
  if (inner === undefined) return [...ranges];
  const split = ranges.flatMap((range) => {
    const below = inner - range.inner;
    if (below < 0 || below >= range.count) return [range];
    const lower = { ...range, count: below };
    const upper = { inner: inner + 1, outer: range.outer + below, count: range.count - below };
    return [lower, upper].filter(({ count }) => count > 0);
  });
  return [{ inner, outer, count: 1 }, ...split];
}

function checkOverlap(option: string, ranges: readonly IdRange[]): void {
  for (const side of ["inner", "outer"] as const) {
    const sorted = [...ranges].sort((a, b) => a[side] - b[side]);
    for (const [i, range] of sorted.entries()) {
      const before = sorted[i - 1];
      if (before !== undefined && before[side] + before.count > range[side]) {
        throw new UsageError(
          `${option}: the ids from ${range[side]} are mapped twice (${side === "inner" ? "inside" : "outside"})`,
          "the kernel refuses overlapping ranges (user_namespaces(7))",
        );
      }
    }
  }
}
