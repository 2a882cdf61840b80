// The ids of a program. Names are looked up in /etc/passwd and /etc/group of this process's root, by our own code: a name service would
// load its modules from the container's files (CVE-2019-14271).
import {
  close,
  countGroups,
  failedWith,
  fchown,
  fdPath,
  fstat,
  keepingDeathSignal,
  O_NOCTTY,
  O_NONBLOCK,
  O_RDONLY,
  open,
  openInRoot,
  quote,
  read,
  setgroups,
  setresgid,
  setresuid,
  sharePipes,
  ToolError,
  UsageError,
} from "@contain-tools/kernel";
import type { Context } from "./context.ts";
import { sayStep } from "./report.ts";

/** As it was given: numbers or names. */
export interface UserWords {
  readonly user: string;
  readonly group: string | undefined;
  /** Supplementary groups in addition to those in /etc/group. */
  readonly more: readonly string[];
}

export interface Identity {
  readonly uid: number;
  readonly gid: number;
  /**
   * The supplementary groups, including gid, as initgroups(3) sets them: a program that takes another gid is still in this group, to which
   * a file's mode may give less than to others (CVE-2022-36109).
   */
  readonly groups: readonly number[];
  readonly home: string;
}

/** `UID[:GID][+GID…]`, the value of `option`. @throws UsageError */
export function readUser(option: string, text: string): UserWords {
  const [ids = "", ...more] = text.split("+");
  const [user = "", group, third] = ids.split(":");
  if (user === "" || group === "" || third !== undefined || more.includes(""))
    throw new UsageError(`${option} ${quote(text)}: must be UID[:GID][+GID…], numbers or names`);
  for (const word of [user, group ?? "0", ...more]) {
    if (/^[-+]?\d+$/.test(word) && parseId(word) === undefined)
      throw new UsageError(`${option} ${text}: ${quote(word)} is not an id`, "ids go from 0 to 4294967294 (credentials(7))");
  }
  return { user, group, more };
}

/** A user or group id; (uid_t)-1 is not one: to the kernel it means "leave it". */
function parseId(word: string): number | undefined {
  const number = /^\d{1,10}$/.test(word) ? Number(word) : Number.NaN;
  return number <= 0xfffffffe ? number : undefined;
}

/**
 * Looks a user up as docker does: a number need not be in /etc/passwd, and has group 0 then; with GID given there are no
 * others.
 *
 * @param place for messages: `the rootfs ./rootfs`
 * @param top a descriptor of the root to look in; without it this process's own
 * @throws ToolError for an unknown name
 */
export function findUser({ user, group, more }: UserWords, place: string, top?: number): Identity {
  const uid = parseId(user);
  const [entry] = findLines(top, "/etc/passwd", ([name, , id]) => (uid === undefined ? name === user : parseId(id ?? "") === uid));
  const [name, , id = "", primary = "", , home = ""] = entry ?? [];
  const found = { uid: uid ?? parseId(id), gid: entry === undefined ? 0 : parseId(primary) };
  if (found.uid === undefined || found.gid === undefined) throw unknown("user", user, place, "/etc/passwd", entry !== undefined);
  const others = name === undefined || group !== undefined ? [] : groupsOf(name, top);
  const gid = group === undefined ? found.gid : findGroup(group, place, top);
  const groups = [...new Set([gid, ...others, ...more.map((word) => findGroup(word, place, top))])];
  if (groups.length > NGROUPS_MAX)
    throw new ToolError(
      `${quote(user)} is in ${groups.length} groups in /etc/group of ${place}`,
      `a process can be in ${NGROUPS_MAX} (credentials(7))`,
    );
  return {
    uid: found.uid,
    gid,
    groups,
    home: home.startsWith("/") ? home : "/",
  };
}

function findGroup(word: string, place: string, top: number | undefined): number {
  const number = parseId(word);
  if (number !== undefined) return number;
  const [entry] = findLines(top, "/etc/group", ([name]) => name === word);
  const gid = parseId(entry?.[2] ?? "");
  if (gid === undefined) throw unknown("group", word, place, "/etc/group", entry !== undefined);
  return gid;
}

function groupsOf(user: string, top: number | undefined): number[] {
  return findLines(top, "/etc/group", ([, , , members = ""]) => members.split(",").includes(user)).flatMap(
    ([, , gid = ""]) => parseId(gid) ?? [],
  );
}

function unknown(kind: "user" | "group", word: string, place: string, file: string, listed: boolean): ToolError {
  return new ToolError(
    listed ? `the line of ${word} in ${file} of ${place} has no usable ids` : `there is no ${kind} ${quote(word)} in ${file} of ${place}`,
    "names are looked up inside the root, not on the host; a number needs no entry",
  );
}

const NGROUPS_MAX = 65536;
const MAX_BYTES = 4 << 20; // bytes: the file is the container's and may contain anything
const FIELDS = 8; // of a line, and one more to notice a longer one

/** The lines of a file like passwd(5) that match `wanted`, split at the colons. Missing or irregular files yield no lines. */
function findLines(top: number | undefined, path: string, wanted: (fields: readonly string[]) => boolean): string[][] {
  const text = readTable(top, path);
  const found: string[][] = [];
  for (let at = 0, end = 0; at < text.length; at = end + 1) {
    end = text.indexOf("\n", at);
    if (end === -1) end = text.length;
    if (end === at) continue; // millions of them would take seconds
    const fields = text.slice(at, end).split(":", FIELDS);
    if (wanted(fields)) found.push(fields);
  }
  return found;
}

function readTable(top: number | undefined, path: string): string {
  let fd: number;
  try {
    const place = top === undefined ? undefined : openInRoot(top, path);
    fd = open(place === undefined ? path : fdPath(place), O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (place !== undefined) close(place);
  } catch {
    return "";
  }
  try {
    if (!fstat(fd).isFile()) return "";
    const bytes = Buffer.alloc(Math.min(MAX_BYTES, fstat(fd).size));
    return bytes.toString("utf8", 0, read(fd, bytes));
  } finally {
    close(fd);
  }
}

/** Gives the terminal on descriptor 0 to a user, as login(1) does; its group stays. */
export function chownTerminal({ uid }: Identity): void {
  fchown(0, uid, fstat(0).gid);
}

/**
 * Takes the ids, and opens the standard pipes to them; sets HOME unless it has a value. All capabilities go with user id 0
 * (capabilities(7)).
 */
export function becomeUser(context: Context, { uid, gid, groups, home }: Identity): void {
  context.env["HOME"] ||= home; // `podman exec` passes an empty one
  sharePipes();
  keepingDeathSignal(() => {
    try {
      setgroups(groups);
    } catch (error) {
      if (!failedWith(error, "EPERM")) throw error; // denied in a user namespace with one mapped id: the caller's groups stay
      if (countGroups() > 0) sayStep(context, "setgroups(2) is denied in this user namespace: the caller's supplementary groups stay");
    }
    setresgid(gid);
    setresuid(uid);
  });
}
