// Makes a mount the root of this process, for good: pivot_root(2), and the way around its EINVAL. The old root must be a mount point, which
// it is not in a chroot, and must be attached to another mount, which the initial rootfs (initramfs) is not.

import { failedWith } from "../ffi/errno.ts";
import { close, open, openDirectory } from "../file/open.ts";
import { fstat } from "../file/stat.ts";
import { readMountInfo } from "../proc/proc.ts";
import { CLONE_NEWNS } from "../process/cloneflags.ts";
import { setns, unshareFs } from "../process/namespace.ts";
import {
  chdir,
  chroot,
  fchdir,
  MNT_DETACH,
  MS_REC,
  MS_SLAVE,
  mount,
  type Propagation,
  pivotRoot,
  setPropagation,
  umount2,
} from "./mount.ts";
import { mountIdOf, moveMount } from "./mountfd.ts";

/**
 * - `mount`: an ordinary mount, which pivot_root(2) takes
 * - `rootfs`: the initial rootfs (initramfs), on which all other mounts lie; it cannot be moved or unmounted
 * - `chroot`: a directory that is not a mount point
 */
type RootKind = "mount" | "rootfs" | "chroot";

/** What the root of this process is. mountinfo omits mounts whose root cannot be reached from here (proc_pid_mountinfo(5)). */
export function rootKind(): RootKind {
  const fd = openDirectory("/");
  const id = mountIdOf(fd);
  close(fd);
  const own = readMountInfo().find((entry) => entry.id === id);
  if (own === undefined) return "chroot";
  return own.parent === own.id ? "rootfs" : "mount";
}

/** The root of this process's mount namespace, outside any chroot. */
interface NamespaceRoot {
  /** An O_PATH descriptor. */
  readonly fd: number;
  readonly chrooted: boolean;
}

/**
 * Sets the propagation of every mount of this namespace (mount_namespaces(7)), from a chroot too: setns(2) into our own mount namespace
 * makes its root the root and the working directory; afterwards we go back.
 */
export function setPropagationEverywhere(kind: Propagation): NamespaceRoot {
  const [root, directory] = [openDirectory("/"), openDirectory(".")];
  goToNamespaceRoot();
  setPropagation(kind);
  const fd = openDirectory("/");
  const [here, there] = [fstat(root), fstat(fd)];
  // In a chroot to a bind mount of `/` both are the same directory, of two mounts.
  const chrooted = here.ino !== there.ino || here.dev !== there.dev || mountIdOf(root) !== mountIdOf(fd);
  if (chrooted) {
    fchdir(root);
    chroot(".");
  }
  fchdir(directory);
  close(root);
  close(directory);
  return { fd, chrooted };
}

function goToNamespaceRoot(): void {
  const own = open("/proc/self/ns/mnt");
  const go = () => setns(own, CLONE_NEWNS, "/proc/self/ns/mnt");
  try {
    go();
  } catch (error) {
    // EPERM: without CAP_SYS_CHROOT, but then nobody inside can leave a chroot. EINVAL: other threads share our working directory.
    if (!failedWith(error, "EPERM", "EINVAL")) throw error;
    if (error.code === "EPERM") return;
    unshareFs();
    go();
  } finally {
    close(own);
  }
}

/**
 * Makes an attached mount the root and the working directory. The old root cannot be reached any more: its mounts are unmounted in this
 * namespace. A chroot is left first; otherwise the new root would lie on a directory of the host, which `..` reaches for anyone who may
 * call chroot(2).
 *
 * @param newRoot a descriptor of the mount's root
 * @param oldRoot is closed
 * @returns how it was done if pivot_root(2) alone could not do it
 * @throws SyscallError
 */
export function swapRoots(newRoot: number, { fd, chrooted }: NamespaceRoot): string | undefined {
  if (chrooted) {
    fchdir(fd);
    chroot(".");
  }
  try {
    pivot(newRoot, fd);
    return chrooted ? "/ was a chroot: pivot_root was called from outside of it" : undefined;
  } catch (error) {
    if (!failedWith(error, "EINVAL") || error.syscall !== "pivot_root" || rootKind() !== "rootfs") throw error;
    moveOverRoot(newRoot, fd);
    return `${chrooted ? "/ was a chroot on" : "/ is"} the initial rootfs, which pivot_root refuses: the new root was moved over it (mount --move, chroot)`;
  } finally {
    close(fd);
  }
}

/** pivot_root(".", ".") stacks the old root on the new one; the old one is then detached through its descriptor (pivot_root(2), NOTES). */
function pivot(newRoot: number, oldRoot: number): void {
  fchdir(newRoot);
  pivotRoot(".", ".");
  fchdir(oldRoot);
  mount(null, ".", null, MS_SLAVE | MS_REC); // the unmount below must not propagate to the host
  umount2(".", MNT_DETACH);
  chdir("/");
}

/**
 * What switch_root(8) does. All other mounts go: a hidden /proc without masks would let a user namespace inside mount another one
 * (mount_namespaces(7); runc #1962). The files of the initial rootfs stay below; only umount(2) of the new root, which needs CAP_SYS_ADMIN,
 * could uncover them.
 */
function moveOverRoot(newRoot: number, root: number): void {
  const [rootId, newId] = [mountIdOf(root), mountIdOf(newRoot)];
  const below = readMountInfo().filter(({ id, parent }) => parent === rootId && id !== rootId);
  const isThere = below.some(({ id, mountPoint }) => id === newId && mountPoint === "/");
  if (!isThere) moveMount(newRoot, root);
  // Paths begin at the root itself, below the mounts on it.
  for (const { id, mountPoint } of below) if (id !== newId) unmountAll(mountPoint);
  fchdir(newRoot);
  chroot(".");
  chdir("/");
}

/** Unmounts whatever is stacked there. EINVAL: nothing is mounted any more, or it is locked in a user namespace (mount_namespaces(7)). */
function unmountAll(mountPoint: string): void {
  try {
    for (;;) umount2(mountPoint, MNT_DETACH);
  } catch (error) {
    if (!failedWith(error, "EINVAL", "ENOENT")) throw error;
  }
}
