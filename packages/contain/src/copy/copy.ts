// What `contain cp` does, as docker cp: a file to a file or into a directory, a directory to a new name or into one, `DIR/.` its contents.
import { warn } from "@contain-tools/chain";
import { bytesOfStream, decompressed, type Entry, entriesOf, split, Tree, walk, writeTar } from "@contain-tools/image";
import {
  basename,
  bytesOf,
  dirname,
  exit,
  failedWith,
  fdPath,
  fstat,
  makeFilesAs,
  openInRoot,
  type Stat,
  stat,
  statAt,
  ToolError,
  UsageError,
} from "@contain-tools/kernel";
import { inside, openRoot, outside, type Root, type Side, textOfSide } from "./sides.ts";

interface CopyPlan {
  readonly from: Side;
  readonly to: Side;
  /** Keep owners and set-user-ID. */
  readonly archive: boolean;
  /** Follow the source, if it is a symbolic link. */
  readonly follow: boolean;
}

const own = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
/** A character of the image package's names is a byte. */
const binary = (path: string) => Buffer.from(path).toString("latin1");

/** @throws UsageError, ToolError, SyscallError */
export async function copy(plan: CopyPlan): Promise<never> {
  const { from, to } = plan;
  if (to.path === "-") {
    const root = openRoot(from);
    const entries = walk(...findSource(root, plan), binary(basename(from.path) || "."));
    await writeTar(
      1,
      mapped(entries, (entry) => ({ ...entry, uid: inside(root.ids?.uid, entry.uid), gid: inside(root.ids?.gid, entry.gid) })),
    );
    return exit(0);
  }
  const target = openRoot(to);
  const tree = new Tree(target.fd);
  if (own.uid === 0 && target.ids !== undefined) makeFilesAs(outside(target.ids.uid, 0), outside(target.ids.gid, 0));
  let count = 0;
  let devices = 0;
  try {
    for await (const entry of from.path === "-" ? ofTar(target, to) : ofFiles(target, plan)) {
      count++;
      if (/device$/.test(entry.type)) devices++;
      else await tree.put(entry);
    }
    tree.finish();
  } catch (error) {
    if (!failedWith(error, "EROFS")) throw error;
    throw new ToolError(
      `${textOfSide(to)}: a read-only file system`,
      "contain run --rw or --overlay makes a root that can be written to",
      125,
      {
        cause: error,
      },
    );
  }
  if (count === 0)
    throw new ToolError(`${textOfSide(from)}: nothing to copy`, "what the kernel shows in /proc, /sys and the like is left out");
  if (devices > 0) warn(`${devices} device nodes were left out`);
  if (tree.lost.owners > 0) warn(`${tree.lost.owners} files belong to you, since only root can give them to others`);
  return exit(0);
}

function* mapped(entries: Iterable<Entry>, change: (entry: Entry) => Entry): Generator<Entry> {
  for (const entry of entries) yield change(entry);
}

/** The entries of a tar from standard input, unpacked into an existing directory. */
async function* ofTar(target: Root, to: Side): AsyncGenerator<Entry> {
  if (findTarget(target, to)?.isDirectory() !== true)
    throw new UsageError(`${textOfSide(to)}: no such directory`, "a tar is unpacked into one");
  const below = binary(to.path);
  const what = "standard input";
  for await (const entry of entriesOf(decompressed(bytesOfStream(0), what, `contain cp - ${textOfSide(to)}`), what)) {
    const { path } = split(entry.name);
    if (path === "") continue; // the directory exists, and stays as it is
    const link = entry.type === "link" ? `${below}/${split(entry.link).path}` : entry.link;
    const [uid, gid] = [outside(target.ids?.uid, entry.uid), outside(target.ids?.gid, entry.gid)];
    yield { ...entry, name: `${below}/${path}`, link, uid, gid };
  }
}

function* ofFiles(target: Root, plan: CopyPlan): Generator<Entry> {
  const { from, to, archive } = plan;
  const source = openRoot(from);
  const [dir, name] = findSource(source, plan);
  const isDirectory = statAt(dir, bytesOf(name))?.isDirectory() === true;
  const there = findTarget(target, to);
  const contents = isDirectory && (from.ending === "/." || from.path === "/");
  if (there !== undefined && !there.isDirectory() && isDirectory)
    throw new UsageError(`${textOfSide(to)} is a file`, `${textOfSide(from)} is a directory`);
  if (there?.isDirectory() !== true && to.ending !== "" && !isDirectory) throw new UsageError(`${textOfSide(to)}: no such directory`);
  const into = there?.isDirectory() === true && !contents;
  const as = binary(into ? `${to.path}/${basename(from.path)}` : to.path);
  for (const entry of walk(dir, name, as)) {
    if (contents && there !== undefined && entry.name === as) continue; // the directory exists, and stays as it is
    if (archive) {
      const [uid, gid] = [inside(source.ids?.uid, entry.uid), inside(source.ids?.gid, entry.gid)];
      yield { ...entry, uid: outside(target.ids?.uid, uid), gid: outside(target.ids?.gid, gid) };
    } else {
      const owner = to.container === undefined ? own : { uid: outside(target.ids?.uid, 0), gid: outside(target.ids?.gid, 0) };
      yield { ...entry, ...owner, mode: entry.mode & 0o1777 }; // they have another owner now, as with cp(1)
    }
  }
}

/** An open directory and a name in it; an empty name or `.` is the directory itself. @throws ToolError if it does not exist */
function findSource({ fd }: Root, { from, follow }: CopyPlan): [number, string] {
  try {
    if (from.path === "/" || from.ending !== "" || follow) {
      const found = openInRoot(fd, from.path);
      const isDirectory = fstat(found).isDirectory();
      if (!isDirectory && from.ending !== "") throw new UsageError(`${textOfSide(from)}: not a directory`);
      return [found, isDirectory ? "." : ""];
    }
    const found: [number, string] = [openInRoot(fd, dirname(from.path)), binary(basename(from.path))];
    if (statAt(found[0], bytesOf(found[1])) !== undefined) return found;
  } catch (error) {
    if (!failedWith(error, "ENOENT", "ENOTDIR")) throw error;
  }
  throw new UsageError(`${textOfSide(from)}: no such file or directory`);
}

/** What is at the target; undefined if there is nothing. @throws UsageError if there is no directory to make it in */
function findTarget({ fd }: Root, to: Side): Stat | undefined {
  try {
    return fstat(openInRoot(fd, to.path));
  } catch (error) {
    if (!failedWith(error, "ENOENT", "ENOTDIR")) throw error;
  }
  try {
    if (stat(fdPath(openInRoot(fd, dirname(to.path)))).isDirectory()) return undefined;
  } catch (error) {
    if (!failedWith(error, "ENOENT", "ENOTDIR")) throw error;
  }
  throw new UsageError(`${textOfSide(to)}: its directory does not exist`);
}
