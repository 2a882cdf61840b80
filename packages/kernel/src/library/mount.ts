/**
 * Mounts: mount(2), the descriptors of the new mount calls, propagation, paths inside a root that others can change.
 *
 * ```ts
 * import { readdirSync, writeFileSync } from "node:fs";
 * import { MNT_DETACH, MS_NODEV, MS_NOSUID, mount, setPropagation, umount2 } from "@contain-tools/kernel/mount";
 * import { CLONE_NEWNS, unshare } from "@contain-tools/kernel/namespace";
 *
 * unshare(CLONE_NEWNS);
 * setPropagation("private"); // later mounts stay in the new namespace
 * mount("tmpfs", "/mnt", "tmpfs", MS_NOSUID | MS_NODEV, "size=1M");
 * writeFileSync("/mnt/here", "");
 * console.log(readdirSync("/mnt").join()); // here
 * umount2("/mnt", MNT_DETACH);
 * ```
 *
 * @packageDocumentation
 */
export { MOUNT_ATTR, type MountAttributes, setMountAttributes } from "../mount/attributes.ts";
export { fdPath, makeInRoot, openInRoot, openWithoutMagicLinks } from "../mount/inroot.ts";
export {
  chdir,
  chroot,
  fchdir,
  MNT_DETACH,
  MS_BIND,
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSUID,
  MS_PRIVATE,
  MS_RDONLY,
  MS_REC,
  MS_REMOUNT,
  MS_SHARED,
  MS_SLAVE,
  mount,
  type Propagation,
  pivotRoot,
  setPropagation,
  umount2,
} from "../mount/mount.ts";
export { cloneTree, moveMount, newMount } from "../mount/mountfd.ts";
export { type MountInfo, parseMounts, readMountInfo } from "../proc/proc.ts";
