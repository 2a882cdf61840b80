// A root made of layers (Documentation/filesystems/overlayfs.rst): ROOTFS, read-only layers over it, and a writable one on top.
import {
  chmod,
  chown,
  close,
  codeOf,
  fdPath,
  fstat,
  join,
  MNT_DETACH,
  mkdir,
  moveMount,
  namespaceId,
  newMount,
  openDirectory,
  type Stat,
  SyscallError,
  safetyFlags,
  ToolError,
  umount2,
} from "@contain-tools/kernel";

/** Where writes go: nowhere, to memory until the end, or to a directory that keeps them. */
export type Upper = "none" | "memory" | { readonly dir: string };

export interface Layers {
  /** Over ROOTFS, the lowest first. */
  readonly lowers: readonly string[];
  readonly upper: Upper;
}

const FIRST_USER_NAMESPACE = "user:[4026531837]"; // PROC_USER_INIT_INO

/**
 * Mounts the layers over `place`, which is the lowest. They are named by descriptors: no `:` or `,` in a path needs an escape, the options
 * stay short with any number of layers, and the container's mountinfo does not show paths of the host.
 *
 * @returns a descriptor of the mount
 */
export function attachLayers(place: number, layers: Layers): number {
  const lowers = [place, ...layers.lowers.map(openDirectory)];
  const bits = lowers.reduce((all, fd) => all | safetyFlags(fd), 0);
  const fd = withUpper(place, layers.upper, (upper) => {
    try {
      return newMount("overlay", { source: "overlay", ...options(lowers, upper, layers.upper) }, bits);
    } catch (error) {
      throw explain(error, layers.upper);
    }
  });
  for (const lower of lowers) if (lower !== place) close(lower);
  moveMount(fd, place);
  return fd;
}

interface OpenUpper {
  readonly upper: number;
  readonly work: number;
}

function options(lowers: readonly number[], upper: OpenUpper | undefined, kind: Upper): Record<string, string | null> {
  return {
    lowerdir: lowers.toReversed().map(fdPath).join(":"),
    ...(upper === undefined ? {} : { upperdir: fdPath(upper.upper), workdir: fdPath(upper.work) }),
    // The kernel then refuses a directory that another overlay is using (EBUSY), or that was filled over another ROOTFS (ESTALE).
    ...(typeof kind === "object" ? { index: "on" } : {}),
    // Overlays mark deleted files by trusted.* attributes, which are not allowed in a user namespace; user.* are.
    ...(namespaceId("self", "user") === FIRST_USER_NAMESPACE ? {} : { userxattr: null }),
  };
}

/** Calls `act` with the writable layer; it must be mounted somewhere only until the overlay holds it. */
function withUpper<T>(place: number, kind: Upper, act: (upper: OpenUpper | undefined) => T): T {
  if (kind === "none") return act(undefined);
  if (kind !== "memory") return withDirectories(kind.dir, place, act);
  const fd = newMount("tmpfs", { source: "overlay", mode: "755" }, 0);
  moveMount(fd, place);
  const result = withDirectories(fdPath(fd), place, act);
  umount2(fdPath(fd), MNT_DETACH);
  close(fd);
  return result;
}

/** DIR/upper, with the owner and mode of the root below it, and DIR/work for the kernel. */
function withDirectories<T>(dir: string, place: number, act: (upper: OpenUpper) => T): T {
  makeDirectory(dir);
  if (makeDirectory(join(dir, "upper"))) takeAfter(join(dir, "upper"), fstat(place));
  makeDirectory(join(dir, "work"));
  const layer = { upper: openDirectory(join(dir, "upper")), work: openDirectory(join(dir, "work")) };
  const result = act(layer);
  close(layer.upper);
  close(layer.work);
  return result;
}

/** False if it existed. */
function makeDirectory(path: string): boolean {
  try {
    mkdir(path, 0o755);
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw new ToolError(`--overlay: ${path} cannot be made: ${codeOf(error)}`, undefined, 125, { cause: error });
  }
}

function takeAfter(path: string, { mode, uid, gid }: Stat): void {
  try {
    chown(path, uid, gid);
  } catch (error) {
    if (codeOf(error) !== "EINVAL" && codeOf(error) !== "EPERM") throw error; // an owner that this user namespace does not map
  }
  chmod(path, mode & 0o7777);
}

const REASONS: Readonly<Record<string, string>> = {
  EPERM: "in a user namespace overlayfs can be mounted since Linux 5.11 (overlayfs.rst, userxattr)",
  EINVAL:
    "the kernel says more with `dmesg`. The file system of DIR must know extended attributes, file types in directories and whiteouts: ext4, xfs, btrfs and tmpfs do; NFS, FAT and another overlay, as inside docker, do not (overlayfs.rst)",
  EBUSY: "DIR is in use as the writable layer of another overlay; two would destroy each other's files (overlayfs.rst)",
  ELOOP: "no read-only layer may lie inside the writable one, or inside another one (overlayfs.rst)",
  ESTALE: "DIR was filled over another ROOTFS, or is a copy: its files would not fit what is below now (overlayfs.rst). Use a new DIR",
  EROFS: "DIR is on a read-only file system",
};

function explain(error: unknown, upper: Upper): unknown {
  if (!(error instanceof SyscallError)) return error;
  const where = typeof upper === "object" ? `=${upper.dir}` : "";
  return new ToolError(`--overlay${where}: ${error.message}`, error.hint ?? REASONS[error.code], 125, { cause: error });
}
