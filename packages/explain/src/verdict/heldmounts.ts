// The mount namespace of a container, held open until its verdict: a forked child looks into it after the container has ended. The mounts
// themselves are not held: umount inside would then fail with EBUSY.
import {
  askChild,
  CLONE_NEWNS,
  CLONE_NEWUSER,
  close,
  closeQuietly,
  failedWith,
  fchdir,
  type MountInfo,
  namespaceId,
  O_DIRECTORY,
  O_RDONLY,
  open,
  parseMounts,
  procDirectory,
  setns,
  tryRead,
} from "@contain-tools/kernel";

export interface HeldMounts {
  /** Calls `look` inside, with the mounts there. @returns undefined if that fails or takes too long */
  readonly inside: <T>(look: (mounts: readonly MountInfo[]) => T) => T | undefined;
  readonly close: () => void;
}

const CHILD_TIMEOUT = 2000; // milliseconds for the child: a file system there may not answer

/** @param pid a process in its mount namespace @returns undefined if we may not read it */
export function holdMounts(pid: number): HeldMounts | undefined {
  const held: number[] = [];
  const release = () => {
    for (const fd of held.splice(0)) closeQuietly(fd);
  };
  try {
    const hold = (file: string) => {
      const fd = open(`${procDirectory(pid)}/ns/${file}`);
      held.push(fd);
      return fd;
    };
    const mounts = hold("mnt");
    const user = namespaceId(pid, "user") === namespaceId("self", "user") ? undefined : hold("user");
    return {
      inside: (look) => {
        try {
          const answer = askChild(0, CHILD_TIMEOUT, () => JSON.stringify({ found: look(enter(mounts, user)) }));
          return "text" in answer ? JSON.parse(answer.text).found : undefined;
        } catch {
          return undefined;
        }
      },
      close: release,
    };
  } catch {
    release();
    return undefined;
  }
}

/** In the child. /proc there belongs to a PID namespace that has ended, so the child brings ours. */
function enter(mounts: number, user: number | undefined): readonly MountInfo[] {
  const proc = open("/proc", O_RDONLY | O_DIRECTORY);
  try {
    setns(mounts, CLONE_NEWNS, "its mount namespace");
  } catch (error) {
    if (user === undefined || !failedWith(error, "EPERM")) throw error;
    setns(user, CLONE_NEWUSER, "its user namespace");
    setns(mounts, CLONE_NEWNS, "its mount namespace");
  }
  fchdir(proc);
  const text = tryRead("self/mountinfo");
  close(proc);
  return "text" in text ? parseMounts(text.text) : [];
}
