// --shift: the paths in the new root, and copies of their mounts with the id maps of the new user namespace.
import { type Context, fork, sayStep, type Values } from "@contain-tools/chain";
import {
  CLONE_NEWUSER,
  cloneMount,
  close,
  exists,
  exit,
  failedWith,
  fdPath,
  idmapMount,
  type MountInfo,
  makeReadOnly,
  mountIdOf,
  O_NOFOLLOW,
  O_PATH,
  open,
  pipe,
  procDirectory,
  quote,
  readlink,
  readMountInfo,
  relative,
  resolve,
  SyscallError,
  ToolError,
  UsageError,
  waitpid,
} from "@contain-tools/kernel";
import type { IdMaps } from "./maps.ts";
import { waitAt } from "./steps/gate.ts";
import { writeMaps } from "./steps/idmaps.ts";

/** The contents of the new root. Ids mapped inside need not be able to reach the paths outside. */
export interface Shifted {
  readonly paths: readonly { readonly path: string; readonly how: How }[];
  /** Where the caller is. */
  readonly cwd: string;
}

const HOW = ["ro-shift", "shift", "unshifted"] as const;
type How = (typeof HOW)[number];

/** @throws UsageError */
export function readShift(given: Values<How>, names: ReadonlySet<string>, maps: IdMaps): Shifted | undefined {
  if (!HOW.some((how) => given.has(how))) return undefined;
  if (!names.has("mount")) throw new UsageError("--shift: the shifted mounts need a mount namespace of their own", "add --mount");
  if (maps.user.length === 0 || maps.group.length === 0)
    throw new UsageError("--shift: missing id maps", "--map-users IN:OUT:N and --map-groups IN:OUT:N, or --map-auto");
  const found = new Map<string, How>(); // if a path is given twice, the last HOW counts
  for (const how of HOW) {
    for (const path of given.all(how)) {
      if (!exists(path)) throw new UsageError(`no such file: --${how} ${quote(path)}`);
      found.set(resolve(path), how);
    }
  }
  const paths = [...found].map(([path, how]) => ({ path, how }));
  return { paths: paths.sort((a, b) => (a.path < b.path ? -1 : 1)), cwd: ownDirectory() };
}

function ownDirectory(): string {
  try {
    return process.cwd();
  } catch {
    return "/"; // it has been removed
  }
}

/** A copy of one mount, not attached yet. */
export interface Piece {
  readonly fd: number;
  /** The path it belongs to. */
  readonly path: string;
  /** The place below that path; empty for the path's own mount. */
  readonly below: string;
}

/** Copies of all mounts of the paths, a parent before its children. @throws SyscallError, ToolError; nothing is left behind then */
export function copyShifted(context: Context, { paths }: Shifted, maps: IdMaps): Piece[] {
  const userns = openUserNamespace(context, maps);
  const pieces: Piece[] = [];
  try {
    const mounts = readMountInfo();
    for (const { path, how } of paths)
      copyTree(path, { context, userns: how === "unshifted" ? undefined : userns, readOnly: how === "ro-shift" }, mounts, pieces);
    return pieces;
  } catch (error) {
    for (const { fd } of pieces) close(fd);
    throw error;
  } finally {
    close(userns);
  }
}

interface Form {
  readonly context: Context;
  /** The user namespace with the maps; undefined for none. */
  readonly userns: number | undefined;
  /** Of what is shifted. */
  readonly readOnly: boolean;
}

/** A user namespace with these maps. Its only process ends here; a mount keeps the maps. */
function openUserNamespace(context: Context, maps: IdMaps): number {
  const gate = pipe();
  const pid = fork(context, { flags: CLONE_NEWUSER }, () => {
    close(gate.write);
    waitAt(gate);
    return exit(0);
  });
  try {
    writeMaps(context, pid, maps);
    return open(`${procDirectory(pid)}/ns/user`);
  } finally {
    close(gate.write); // end of file: it exits
    close(gate.read);
    waitpid(pid, 0);
  }
}

function copyTree(path: string, form: Form, mounts: readonly MountInfo[], pieces: Piece[]): void {
  const source = open(path, O_PATH);
  try {
    const top = readlink(fdPath(source));
    const fd = cloneMount(source);
    pieces.push({ fd, path, below: "" });
    if (form.userns !== undefined) idmapTop(fd, { ...form, userns: form.userns }, path, mountOf(source, mounts));
    for (const entry of mounts) {
      if (!entry.mountPoint.startsWith(top === "/" ? "/" : `${top}/`) || entry.mountPoint === top) continue;
      const copy = copySubmount(entry, form);
      if (copy !== undefined) pieces.push({ fd: copy, path, below: relative(top, entry.mountPoint) });
    }
  } finally {
    close(source);
  }
}

function idmapTop(fd: number, { userns, readOnly }: Form & { readonly userns: number }, path: string, mount: MountInfo | undefined): void {
  try {
    idmapMount(fd, userns, readOnly);
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    const type = mount === undefined ? "" : ` (${mount.type} on ${mount.mountPoint})`;
    const fix = failedWith(error, "EINVAL") ? `. ${fixFor(path)}` : "";
    throw new ToolError(`the owners of ${path}${type} cannot be shifted: ${error.message}`, `${error.hint ?? ""}${fix}`, 125, {
      cause: error,
    });
  }
}

const fixFor = (path: string) =>
  `Copy it to one that has them; or chown -R a copy to a range of ids and start that unshifted: nsexec --map-users 0:FIRST:65536 --map-groups 0:FIRST:65536 … -- pivot ${quote(path)}`;

/** A kernel file system, where owners cannot be mapped. */
export const isKernelsOwn = (type: string) =>
  /^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|efivarfs|fusectl|hugetlbfs|mqueue|nsfs|proc|pstore|securityfs|selinuxfs|sysfs|tracefs)$/.test(
    type,
  );

/** undefined if another mount covers it. */
function copySubmount(entry: MountInfo, form: Form): number | undefined {
  let source: number;
  try {
    source = open(entry.mountPoint, O_PATH | O_NOFOLLOW);
  } catch {
    return undefined; // covered, or gone since
  }
  try {
    return mountIdOf(source) === entry.id ? idmapOrWarn(cloneMount(source), entry, form) : undefined;
  } finally {
    close(source);
  }
}

/** A mount that cannot be shifted is shown anyway; inside, its files belong to nobody. */
function idmapOrWarn(fd: number, { mountPoint, type }: MountInfo, { context, userns, readOnly }: Form): number {
  if (isKernelsOwn(type)) return fd; // and a read-only /proc would forbid a new one (mount_namespaces(7))
  if (userns !== undefined) {
    try {
      idmapMount(fd, userns, readOnly);
      return fd;
    } catch (error) {
      if (!failedWith(error, "EINVAL", "EPERM")) throw error;
      sayStep(context, `${mountPoint} (${type}) cannot be shifted (${error.code}): inside, its files belong to nobody`);
    }
  }
  if (readOnly) makeReadOnly(fd);
  return fd;
}

const mountOf = (fd: number, mounts: readonly MountInfo[]) => mounts.find(({ id }) => id === mountIdOf(fd));
