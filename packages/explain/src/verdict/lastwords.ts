// What a program wrote last: an error in the words of errno(3), bound to the file that it names, and that file looked at.
import type { Evidence, Finding } from "@contain-tools/chain";
import { walkPath } from "@contain-tools/chain";
import { type MountInfo, readIfThere, statfs } from "@contain-tools/kernel";
import type { Case } from "./case.ts";
import { hint } from "./hint.ts";

interface Word {
  readonly code: string;
  readonly errno: string;
  readonly text: string;
  readonly fix: string;
}

const ACCESS = "Permission denied";
const WORDS: readonly Word[] = [
  {
    code: "read-only",
    errno: "EROFS",
    text: "Read-only file system",
    fix: "--tmpfs, --volume without :ro or --overlay for what must be written, or --rw",
  },
  { code: "permission", errno: "EACCES", text: ACCESS, fix: "the mode and owner of what it names, for the user of --user" },
  { code: "no-space", errno: "ENOSPC", text: "No space left on device", fix: "room where it writes" },
];
const FORK = /(fork|clone|thread|spawn).*Resource temporarily unavailable\W*$/i;
const LAST = 5; // lines: an error that it went on after is not why it ended

/** Errors that the program itself has written, in the end of its log. @param refused a limit on processes is known already */
export function lastWords(c: Case, refused: boolean): Finding[] {
  const lines = (c.output ?? "").split("\n").filter(Boolean).slice(-LAST);
  const said = WORDS.flatMap((word) => {
    const line = lines.findLast((one) => subjectOf(one, word.text) !== undefined);
    return line === undefined ? [] : [judge(c, word, line, subjectOf(line, word.text) ?? "")];
  });
  const fork = refused ? undefined : lines.findLast((line) => FORK.test(line));
  return fork === undefined ? said : [...said, refusedFork(c, fork)];
}

/** `touch: /etc/x: Read-only file system`, `cannot create '/x': Permission denied`: the words end the line, and a file is named before them. */
function subjectOf(line: string, text: string): string | undefined {
  const end = line.replace(/[\s.!)"'\]]+$/, "");
  if (!end.endsWith(text)) return undefined;
  return fileBefore(end, text) ?? (text === ACCESS ? undefined : ""); // what denies access may be another program, or a remote one
}

function fileBefore(end: string, text: string): string | undefined {
  const before = end.slice(0, -text.length);
  return (
    /(?:^|[\s"'`(=\u2018])([^\s"'`(:=\u2018\u2019]*\/[^\s"'`:\u2018\u2019]*)["'`\u2019]?:?\s*(?:\(?(?:os error|errno)[^:]*:?\s*)?$/.exec(
      before,
    )?.[1] ?? nameBefore(before)
  );
}

/** Of a relative name: what stands between two colons, as perror(3) writes it. */
function nameBefore(before: string): string | undefined {
  return /(?:^|: )(?:can(?:no|')t [a-z ]+ )?["'`\u2018]?([\w.@+-]+)["'`\u2019]?: $/.exec(before)?.[1];
}

function judge({ seen: { mounts } }: Case, { code, errno, fix }: Word, line: string, subject: string): Finding {
  const said: Evidence = { source: "the end of its log", value: line, rule: `errno(3) ${errno}, as the program words it` };
  const place = subject.startsWith("/") && errno !== "EACCES" ? mounts?.inside((all) => mountOf(subject, all)) : undefined;
  const wrote = `it wrote ${JSON.stringify(line)} (${errno})`;
  if (errno === "EROFS" && place?.readOnly) {
    const seen: Evidence = {
      source: `mountinfo ${place.mountPoint}`,
      value: place.options,
      rule: "proc_pid_mountinfo(5), mount(2) MS_RDONLY",
    };
    const through = place.links.length === 0 ? "" : `, through ${place.links.join(", ")}`;
    return hint(code, `${wrote}: ${subject} lies${through} on the mount ${place.mountPoint}, which is read-only`, [said, seen], fix);
  }
  if (errno === "ENOSPC" && place?.full) {
    const seen: Evidence = { source: `statfs(${place.mountPoint})`, value: place.full, rule: "statfs(2)" };
    return hint(code, `${wrote}: the mount ${place.mountPoint} has ${place.full}`, [said, seen], fix);
  }
  return hint(code, wrote, [said], fix);
}

/** Where a file lies, or would lie. */
function mountOf(path: string, mounts: readonly MountInfo[]) {
  const walk = walkPath(path) ?? walkPath(path.slice(0, path.lastIndexOf("/")) || "/");
  if (walk === undefined) return undefined;
  const below = mounts.filter(({ mountPoint }) => mountPoint === "/" || walk.end === mountPoint || walk.end.startsWith(`${mountPoint}/`));
  const mount = below.reduce<MountInfo | undefined>(
    (longest, one) => ((longest?.mountPoint.length ?? 0) > one.mountPoint.length ? longest : one),
    undefined,
  );
  if (mount === undefined) return undefined;
  const { blocks, bfree, files, ffree } = statfs(mount.mountPoint);
  const full = blocks > 0 && bfree === 0 ? "no block free" : files > 0 && ffree === 0 ? "no inode free" : undefined;
  const options = [...mount.options, ...mount.superOptions];
  return { mountPoint: mount.mountPoint, options: options.join(","), readOnly: options.includes("ro"), links: walk.links, full };
}

/** pids.max counts what it refuses; these three do not. */
function refusedFork({ seen: { program } }: Case, line: string): Finding {
  const limits = ["threads-max", "pid_max"].map((name) => ({
    ...{ source: `/proc/sys/kernel/${name}`, value: readIfThere(`/proc/sys/kernel/${name}`)?.trim(), rule: "fork(2) EAGAIN" },
  }));
  const own = { source: "/proc/PID/limits Max processes", value: program?.maxProcesses, rule: "fork(2) EAGAIN, getrlimit(2) RLIMIT_NPROC" };
  const values = `RLIMIT_NPROC ${own.value ?? "?"}, kernel.threads-max ${limits[0]?.value ?? "?"}, kernel.pid_max ${limits[1]?.value ?? "?"}`;
  const text = `it wrote ${JSON.stringify(line)} (EAGAIN), and pids.max refused nothing. Of the others cannot be told which it was: ${values}`;
  return hint("fork-refused", text, [{ source: "the end of its log", value: line, rule: "fork(2) EAGAIN" }, own, ...limits]);
}
