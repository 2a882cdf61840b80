// Joining the namespaces of another process: setns(2) on its pidfd, or on files that keep namespaces.
import {
  CLONE_NEWNET,
  CLONE_NEWUSER,
  close,
  exists,
  failedWith,
  fchdir,
  fstat,
  NAMESPACES,
  namespaceId,
  networkOfSocket,
  O_DIRECTORY,
  O_PATH,
  open,
  pidfdGetfd,
  pidfdOpen,
  setgroups,
  setns,
  setresgid,
  setresuid,
  stat,
} from "@contain-tools/kernel";
import type { Plan } from "../plan.ts";
import { flagsOf, joinsMounts } from "../wanted.ts";

interface Joined {
  readonly fd: number;
  readonly bits: number;
  readonly what: string;
}

/** Opens everything to join, before the first setns changes what a path means. */
export function openTargets(plan: Plan): Joined[] {
  const { target, joined, netSocket } = plan;
  if (plan.wd !== undefined && joinsMounts(plan)) tunnel.fd = open(plan.wd, O_PATH | O_DIRECTORY);
  const files = joined.flatMap(({ file, kind }) => (file === undefined ? [] : [{ fd: open(file), bits: kind.flag, what: file }]));
  if (target === undefined) return files.filter(isAnother);
  const bySocket = netSocket === undefined ? 0 : CLONE_NEWNET;
  const own = joined.filter(({ file, kind }) => file === undefined && kind.flag !== bySocket && isForeign(target, kind.file));
  if (netSocket !== undefined) files.unshift(openNetworkOf(target, netSocket));
  if (own.length === 0) return files;
  return [{ fd: pidfdOpen(target), bits: flagsOf(own), what: `pidfd of ${target}` }, ...files];
}

/** Our own user namespace cannot be joined (EINVAL); joining our own others would change nothing. */
function isAnother({ fd, bits }: Joined): boolean {
  const { dev, ino } = fstat(fd);
  const name = NAMESPACES.find(({ flag }) => flag === bits)?.file;
  const own = stat(`/proc/self/ns/${name}`);
  if (own.dev !== dev || own.ino !== ino) return true;
  close(fd);
  return false;
}

function openNetworkOf(target: number, socket: number): Joined {
  const pidfd = pidfdOpen(target);
  const fd = pidfdGetfd(pidfd, socket);
  try {
    return { fd: networkOfSocket(fd), bits: CLONE_NEWNET, what: `network namespace of descriptor ${socket} of ${target}` };
  } finally {
    close(fd);
    close(pidfd);
  }
}

/** False for a namespace that this process is in already (its own user namespace cannot be joined), or that the kernel does not have. */
function isForeign(target: number, file: string): boolean {
  const there = namespaceId(target, file);
  if (there === undefined && !exists(`/proc/self/ns/${file}`)) return false;
  return there === undefined || there !== namespaceId("self", file);
}

/**
 * The user namespace comes before those that only its root may join, and after those that need the caller's privileges: a pod's network may
 * belong to the host while its other namespaces do not.
 */
export function join(files: readonly Joined[]): void {
  const isUser = ({ bits }: Joined) => (bits & CLONE_NEWUSER) !== 0;
  const behind = files.some(isUser) ? files.filter((file) => !isUser(file) && !tryToJoin(file)) : files.filter((file) => !isUser(file));
  for (const file of files.filter(isUser)) {
    // nsenter(1) does the same: outside, an ordinary user may not; inside, nobody may if setgroups is denied.
    dropGroups();
    enter(file);
    becomeRootInside();
  }
  for (const file of behind) enter(file);
}

function enter({ fd, bits, what }: Joined): void {
  setns(fd, bits, what);
  close(fd);
}

/** False if only the root of another user namespace may. */
function tryToJoin(file: Joined): boolean {
  try {
    enter(file);
    return true;
  } catch (error) {
    if (!failedWith(error, "EPERM")) throw error;
    return false;
  }
}

/**
 * After joining a user namespace: becomes its root, if it has one, as nsenter(1) does. /proc is not asked, since it may belong to another
 * PID namespace.
 */
function becomeRootInside(): void {
  dropGroups();
  for (const become of [setresgid, setresuid]) {
    try {
      become(0);
    } catch (error) {
      if (!failedWith(error, "EINVAL")) throw error; // id 0 is not mapped there
    }
  }
}

/** Tries to drop the supplementary groups; fails if setgroups(2) is denied. */
function dropGroups(): void {
  try {
    setgroups([]);
  } catch (error) {
    if (!failedWith(error, "EPERM")) throw error;
  }
}

/** The caller's directory, opened before the mounts change; -1 for none. */
const tunnel = { fd: -1 };

/** Changes to the directory that was opened among the old mounts. */
export function enterTunnel(): void {
  fchdir(tunnel.fd);
  close(tunnel.fd);
}
