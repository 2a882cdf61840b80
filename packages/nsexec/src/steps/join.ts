// Joining the namespaces of another process: setns(2) on its pidfd, or on files that keep namespaces.
import { closeSync, constants, existsSync, openSync } from "node:fs";
import {
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWUSER,
  failedWith,
  fchdir,
  namespaceId,
  networkOfSocket,
  pidfdGetfd,
  pidfdOpen,
  setgroups,
  setns,
  setresgid,
  setresuid,
} from "@contain-tools/kernel";
import type { Plan } from "../plan.ts";
import { flagsOf } from "../wanted.ts";

const O_PATH = 0o10000000;

export interface Joined {
  readonly fd: number;
  readonly bits: number;
  readonly what: string;
}

/** Opens everything to be joined, before the first setns changes what a path means. */
export function openTargets(plan: Plan): Joined[] {
  const { target = 0, wanted, netSocket } = plan;
  if (plan.wd !== undefined && joinsMounts(plan)) tunnel.fd = openSync(plan.wd, O_PATH | constants.O_DIRECTORY);
  const bySocket = netSocket === undefined ? 0 : CLONE_NEWNET;
  const own = wanted.filter(({ file, kind }) => file === undefined && kind.flag !== bySocket && isForeign(target, kind.file));
  const files = wanted.flatMap(({ file, kind }) => (file === undefined ? [] : [{ fd: openSync(file, "r"), bits: kind.flag, what: file }]));
  if (netSocket !== undefined) files.unshift(openNetworkOf(target, netSocket));
  if (own.length === 0) return files;
  return [{ fd: pidfdOpen(target), bits: flagsOf(own), what: `pidfd of ${target}` }, ...files];
}

function openNetworkOf(target: number, socket: number): Joined {
  const pidfd = pidfdOpen(target);
  const fd = pidfdGetfd(pidfd, socket);
  try {
    return { fd: networkOfSocket(fd), bits: CLONE_NEWNET, what: `network namespace of descriptor ${socket} of ${target}` };
  } finally {
    closeSync(fd);
    closeSync(pidfd);
  }
}

/** False for a namespace that this process is in already (one's own user namespace cannot be joined), or that the kernel does not have. */
function isForeign(target: number, file: string): boolean {
  const there = namespaceId(target, file);
  if (there === undefined && !existsSync(`/proc/self/ns/${file}`)) return false;
  return there === undefined || there !== namespaceId("self", file);
}

export function join(files: readonly Joined[]): void {
  for (const { fd, bits, what } of files) {
    // nsenter(1) does the same: an ordinary user may not outside, and inside nobody may where setgroups is denied.
    if (bits & CLONE_NEWUSER) dropGroups();
    setns(fd, bits, what);
    closeSync(fd);
    if (bits & CLONE_NEWUSER) becomeRootInside();
  }
}

/** After joining a user namespace: its root, if it has one, as nsenter(1) does. Its /proc may be another PID namespace's, so it is not asked. */
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

/** Tries to leave the supplementary groups, and fails to where setgroups(2) is denied. */
function dropGroups(): void {
  try {
    setgroups([]);
  } catch (error) {
    if (!failedWith(error, "EPERM")) throw error;
  }
}

/** The caller's directory, opened before the mounts change; -1 for none. */
const tunnel = { fd: -1 };

/** Changes to the directory that was opened among the mounts of before. */
export function enterTunnel(): void {
  fchdir(tunnel.fd);
  closeSync(tunnel.fd);
}

export const joinsMounts = ({ target, wanted }: Plan) => target !== undefined && (flagsOf(wanted) & CLONE_NEWNS) !== 0;
