// EROFS, ENOSPC and EACCES of a file: a child checks it in the container's mounts, with the program's ids.
import { type Evidence, type Finding, modeOf, unmapped, walkPath } from "@contain-tools/chain";
import { access, type MountInfo, R_OK, type Stat, setgroups, setresgid, setresuid, statfs, statIfThere, W_OK } from "@contain-tools/kernel";
import type { Case } from "../case.ts";
import { hint } from "../hint.ts";
import { type Caller, callerOf } from "./caller.ts";
import type { Said } from "./said.ts";

const FIXES = {
  EROFS: "--tmpfs, --volume without :ro or --overlay for what must be written, or --rw",
  ENOSPC: "room where it writes",
  EACCES: "the mode and owner of what it names, for the user of --user",
};
const CODES = { EROFS: "read-only", ENOSPC: "no-space", EACCES: "permission" } as const;
type Code = keyof typeof CODES;

interface Reason {
  readonly text: string;
  readonly evidence: readonly Evidence[];
  readonly fix?: string;
}

/** @param said names a file, or is ENOSPC or EROFS, which say enough without one */
export function judgeFile(c: Case, { line, errno, file = "" }: Said, said: Evidence): Finding[] {
  if (!(errno in CODES)) return [];
  const code = errno as Code;
  const caller = callerOf(c);
  const found = file.startsWith("/") ? c.seen.mounts?.inside((all) => look(code, file, all, caller)) : undefined;
  const wrote = `it wrote ${JSON.stringify(line)} (${errno})`;
  if (found === null || found === undefined) return [hint(CODES[code], wrote, [said], FIXES[code])];
  if ("missing" in found) return []; // a file that does not exist here was another machine's
  return [hint(CODES[code], `${wrote}: ${found.text}`, [said, ...found.evidence], found.fix ?? FIXES[code])];
}

/** @returns null if nothing explains the errno: JSON has no undefined */
function look(code: Code, path: string, mounts: readonly MountInfo[], caller: Caller | undefined): Reason | { missing: true } | null {
  if (code === "EACCES") become(caller);
  const walk = code === "EACCES" ? (walkPath(path) ?? walkPath(parentOf(path))) : nearest(path);
  if (walk === undefined) return code === "ENOSPC" ? null : { missing: true };
  const through = walk.links.length === 0 ? "" : `, through ${walk.links.join(", ")}`;
  const mount = mountOf(walk.end, mounts);
  if (code === "EACCES") return whyDenied(path, walk, through, mount, caller);
  if (mount === undefined) return null;
  const options = [...mount.options, ...mount.superOptions];
  if (code === "EROFS" && options.includes("ro")) {
    const evidence = {
      source: `mountinfo ${mount.mountPoint}`,
      value: options.join(","),
      rule: "proc_pid_mountinfo(5), mount(2) MS_RDONLY",
    };
    return { text: `${path} lies${through} on the mount ${mount.mountPoint}, which is read-only`, evidence: [evidence] };
  }
  const full = code === "ENOSPC" ? fullness(mount.mountPoint) : undefined;
  if (full === undefined) return null;
  const evidence = { source: `statfs(${mount.mountPoint})`, value: full, rule: "statfs(2)" };
  return { text: `the mount ${mount.mountPoint} has ${full}`, evidence: [evidence] };
}

const parentOf = (path: string) => path.slice(0, path.lastIndexOf("/")) || "/";

/** Its place, or the nearest existing directory above: `mkdir -p /a/b/c` names only the last one. */
function nearest(path: string): ReturnType<typeof walkPath> {
  for (let at = path; ; at = parentOf(at)) {
    const walk = walkPath(at);
    if (walk !== undefined || at === "/") return walk;
  }
}

function fullness(mountPoint: string): string | undefined {
  const { blocks, bfree, files, ffree } = statfs(mountPoint);
  return blocks > 0 && bfree === 0 ? "no block free" : files > 0 && ffree === 0 ? "no inode free" : undefined;
}

/** The ids of the program, unless its capabilities override modes, which then explain nothing. */
function become(caller: Caller | undefined): void {
  if (caller === undefined || overrides(caller)) return;
  setgroups(caller.groups);
  setresgid(caller.gid);
  setresuid(caller.uid);
}

const overrides = (caller: Caller) => caller.has("CAP_DAC_OVERRIDE");

function whyDenied(
  path: string,
  { end, closed }: { readonly end: string; readonly closed: boolean },
  through: string,
  mount: MountInfo | undefined,
  caller: Caller | undefined,
): Reason | { missing: true } | null {
  const who = caller === undefined ? "the program" : `the user ${caller.uid}:${caller.gid}`;
  const mode = (file: string, stat: Stat): Evidence => ({
    ...{ source: `stat(${file})`, value: `mode ${modeOf(stat)}, owner ${stat.uid}:${stat.gid}`, rule: "inode(7), path_resolution(7)" },
  });
  const stat = statIfThere(end);
  const nobody = stat === undefined ? "" : unmapped(stat, mount?.options.includes("idmapped") === true);
  if (closed && stat !== undefined)
    return {
      text: `${who} may not search the directory ${end}${through}, mode ${modeOf(stat)}, owner ${stat.uid}:${stat.gid}${nobody}`,
      evidence: [mode(end, stat)],
    };
  if (stat === undefined) return { missing: true };
  if (stat.isCharacterDevice() || stat.isBlockDevice()) return device(path, mount, caller);
  if (caller !== undefined && overrides(caller) && (nobody !== "" || caller.userns)) return foreign(end, stat, nobody, mode(end, stat));
  if (caller === undefined || overrides(caller)) return null;
  const lacks = [...(refused(end, R_OK) ? ["read"] : []), ...(refused(end, W_OK) ? ["written"] : [])];
  if (lacks.length === 0) return null;
  const what = end === path || through !== "" ? path : `the directory ${end}`;
  const text = `${what} may not be ${lacks.join(" or ")} by ${who}: mode ${modeOf(stat)}, owner ${stat.uid}:${stat.gid}${nobody}${through}`;
  return { text, evidence: [mode(end, stat), caller.evidence("Uid", "credentials(7)")] };
}

/** Capabilities of a user namespace apply to the files of its own users. */
function foreign(path: string, stat: Stat, nobody: string, evidence: Evidence): Reason {
  const owner = `${path} has mode ${modeOf(stat)} and owner ${stat.uid}:${stat.gid}`;
  const text =
    nobody === ""
      ? `${owner}: if the user namespace of the container does not map that owner, no capability applies to the file`
      : `${owner}${nobody}`;
  return { text, evidence: [evidence], fix: "the owner of the file, within the ids of the container" };
}

function refused(path: string, mode: number): boolean {
  try {
    access(path, mode);
    return false;
  } catch {
    return true;
  }
}

function device(path: string, mount: MountInfo | undefined, caller: Caller | undefined): Reason | null {
  if (mount === undefined) return null;
  const evidence: Evidence[] = [{ source: `mountinfo ${mount.mountPoint}`, value: mount.options.join(","), rule: "mount(2) MS_NODEV" }];
  const fix = "--device HOST, which binds the host's node";
  if (mount.options.includes("nodev"))
    return { text: `${path} is a device node, and the mount ${mount.mountPoint} has nodev`, evidence, fix };
  if (!caller?.userns) return null;
  const text = `${path} is a device node on ${mount.mountPoint}; a file system that was mounted in a user namespace gives access to no device`;
  return { text, evidence: [{ ...evidence[0], rule: "user_namespaces(7), mount(2) MS_NODEV" } as Evidence], fix };
}

function mountOf(path: string, mounts: readonly MountInfo[]): MountInfo | undefined {
  const below = mounts.filter(({ mountPoint }) => mountPoint === "/" || path === mountPoint || path.startsWith(`${mountPoint}/`));
  return below.reduce<MountInfo | undefined>(
    (longest, one) => ((longest?.mountPoint.length ?? 0) > one.mountPoint.length ? longest : one),
    undefined,
  );
}
