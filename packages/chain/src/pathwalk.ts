// Walks a path as the kernel does, component by component and through symbolic links (path_resolution(7)).
import {
  access,
  codeOf,
  type Diagnosis,
  dirname,
  type Fact,
  lstatIfThere,
  readIfThere,
  readlink,
  type Stat,
  statIfThere,
  X_OK,
} from "@contain-tools/kernel";

export const modeOf = (stat: Stat) => (stat.mode & 0o7777).toString(8).padStart(4, "0");

export interface Walk {
  /** The end of the path, or the directory that may not be searched. */
  readonly end: string;
  /** True if `end` is a directory on the way that refuses search. */
  readonly closed: boolean;
  /** The links that were followed, `/a -> /b`. */
  readonly links: readonly string[];
}

const MOST_LINKS = 40; // fs/namei.c MAXSYMLINKS

/** @returns undefined if a component is missing, or links form a loop */
export function walkPath(path: string): Walk | undefined {
  const links: string[] = [];
  let rest = path.split("/");
  let at = path.startsWith("/") ? "/" : ".";
  while (rest.length > 0) {
    const [name = "", ...more] = rest;
    rest = more;
    if (name === "" || name === ".") continue;
    if (!maySearch(at)) return { end: at, closed: true, links };
    if (name === ".." && at.startsWith("/")) {
      at = dirname(at); // it holds no link any more
      continue;
    }
    const next = at === "/" ? `/${name}` : `${at}/${name}`;
    let target: string | undefined;
    try {
      const stat = lstatIfThere(next);
      if (stat === undefined) return undefined;
      target = stat.isSymbolicLink() ? readlink(next) : undefined;
    } catch {
      return undefined;
    }
    if (target === undefined) at = next;
    else {
      links.push(`${next} -> ${target}`);
      if (links.length > MOST_LINKS) return undefined;
      rest = [...target.split("/"), ...rest];
      if (target.startsWith("/")) at = "/";
    }
  }
  return { end: at, closed: false, links };
}

function maySearch(dir: string): boolean {
  try {
    access(dir, X_OK);
    return true;
  } catch (error) {
    return codeOf(error) !== "EACCES";
  }
}

/** The directory on the way to a file that may not be searched. */
export function whyNotSearchable(path: string): Diagnosis {
  const walk = walkPath(path);
  const failed: Fact = { source: `stat(${path})`, value: "EACCES", rule: "path_resolution(7)" };
  if (walk === undefined || !walk.closed) return { code: "exec-cannot-tell", text: undefined, certain: false, facts: [failed] };
  const stat = statIfThere(walk.end);
  const owner = stat === undefined ? "" : `: mode ${modeOf(stat)}, owner ${stat.uid}:${stat.gid}${unmapped(stat)}`;
  const links: Fact[] = walk.links.map((link) => ({ source: "readlink(2)", value: link, rule: "symlink(7)" }));
  const facts: Fact[] = [
    failed,
    ...links,
    { source: `access(${walk.end}, X_OK)`, value: "EACCES", rule: "path_resolution(7)" },
    ...(stat === undefined ? [] : [{ source: `stat(${walk.end})`, value: owner.slice(2), rule: "path_resolution(7)" }]),
  ];
  const through = walk.links.length === 0 ? "" : `, through the link ${walk.links.at(-1)}`;
  const who = `${process.geteuid?.()}:${process.getegid?.()}`;
  const text = `the directory ${walk.end} on the way to it${through} may not be searched by the user ${who}${owner}`;
  return { code: "exec-path-not-searchable", text, certain: true, facts };
}

/**
 * stat(2) shows these ids for a file with an owner that is not mapped in our user namespace, or by an idmapped mount.
 *
 * @param isIdmapped whether the file lies on such a mount, if that is known
 */
export function unmapped({ uid, gid }: Stat, isIdmapped?: boolean): string {
  const overflow = (name: string) => Number(readIfThere(`/proc/sys/kernel/overflow${name}`) ?? 65534);
  if (uid !== overflow("uid") && gid !== overflow("gid")) return "";
  const isWhole = /^\s*0\s+0\s+4294967295\s*$/.test(readIfThere("/proc/self/uid_map") ?? " 0 0 4294967295");
  if (isWhole && !(isIdmapped ?? readIfThere("/proc/self/mountinfo")?.includes(",idmapped"))) return "";
  return `, which stands for an owner that is not mapped ${isIdmapped ? "by its idmapped mount" : "in this user namespace or by an idmapped mount"}: no capability applies to such a file`;
}
