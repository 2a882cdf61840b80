// An ordinary user's ids: all that /etc/subuid and /etc/subgid give him, if newuidmap and newgidmap can write such maps; otherwise only his
// own.
import { canRun } from "@contain-tools/chain";
import {
  hasFileCapabilities,
  isMapped,
  join,
  readIdMap,
  readIfThere,
  type SubordinateRange,
  stat,
  statusField,
  subordinateOwners,
  subordinateRanges,
} from "@contain-tools/kernel";

export interface OwnIds {
  /** Options of nsexec. */
  readonly words: readonly string[];
  /** For the log. */
  readonly text: string;
}

const KINDS = [
  { helper: "newuidmap", file: "/etc/subuid", map: "uid_map", ids: "uids" },
  { helper: "newgidmap", file: "/etc/subgid", map: "gid_map", ids: "gids" },
] as const;

export function ownIds(): OwnIds {
  const owners = subordinateOwners(process.geteuid?.() ?? 0);
  const ranges = KINDS.map((kind) => ({ ...kind, ranges: subordinateRanges(kind.file, owners) }));
  const problem = noNewPrivileges() ?? ranges.map((kind) => problemOf(kind, owners)).find((text) => text !== undefined);
  const start = "not root: creating a user namespace, in which you are root";
  if (problem !== undefined) return { words: ["--map-root-user"], text: `${start}, with only your own id: ${problem}` };
  const list = ranges.map(({ file, ids, ranges: own }) => `${ids} ${own.map(span).join(", ")} of ${file}`);
  return { words: ["--map-root-user", "--map-auto"], text: `${start}; the ids from 1 on are ${list.join(", ")}` };
}

const span = ({ start, count }: SubordinateRange) => `${start}-${start + count - 1}`;

function noNewPrivileges(): string | undefined {
  const set = statusField(readIfThere("/proc/self/status") ?? "", "NoNewPrivs") === "1";
  return set ? "no_new_privs is set, so newuidmap would get no privileges (prctl(2))" : undefined;
}

type Wanted = (typeof KINDS)[number] & { readonly ranges: readonly SubordinateRange[] };

/** Why the maps are impossible. */
function problemOf({ helper, file, map, ranges }: Wanted, owners: readonly string[]): string | undefined {
  const [first] = ranges;
  if (first === undefined) return `${file} has no line for ${owners.length > 1 ? owners[0] : `uid ${owners[0]}`}`;
  const path = find(helper);
  if (path === undefined) return `there is no ${helper} in PATH (Debian's package uidmap)`;
  if (!isPrivileged(path)) return `${path} is not set-user-ID root and has no file capabilities`;
  const here = readIdMap("self", map);
  const whole = ranges.every(({ start, count }) => isMapped(here, start) && isMapped(here, start + count - 1));
  return whole ? undefined : `${file} names ids that this user namespace does not have (/proc/self/${map})`;
}

function find(program: string): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(":").filter((dir) => dir.startsWith("/"));
  return folders.map((dir) => join(dir, program)).find(canRun);
}

function isPrivileged(path: string): boolean {
  const { mode, uid } = stat(path);
  return ((mode & 0o4000) !== 0 && uid === 0) || hasFileCapabilities(path);
}
