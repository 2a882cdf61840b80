// Joining the namespaces of another process: setns(2) on its pidfd, or on files that keep namespaces.
import { closeSync, existsSync, openSync } from "node:fs";
import { CLONE_NEWUSER, failedWith, namespaceId, pidfdOpen, setgroups, setns, setresgid, setresuid } from "@contain-tools/kernel";
import type { Plan } from "./cli.ts";
import { flagsOf } from "./inside.ts";

export interface Joined {
  readonly fd: number;
  readonly bits: number;
  readonly what: string;
}

/** Opens everything to be joined, before the first setns changes what a path means. */
export function openTargets({ target = 0, wanted }: Plan): Joined[] {
  const own = wanted.filter(({ file, kind }) => file === undefined && isForeign(target, kind.file));
  const files = wanted.flatMap(({ file, kind }) => (file === undefined ? [] : [{ fd: openSync(file, "r"), bits: kind.flag, what: file }]));
  if (own.length === 0) return files;
  return [{ fd: pidfdOpen(target), bits: flagsOf(own), what: `pidfd of ${target}` }, ...files];
}

/** False for a namespace that this process is in already (one's own user namespace cannot be joined), or that the kernel does not have. */
function isForeign(target: number, file: string): boolean {
  const there = namespaceId(target, file);
  if (there === undefined && !existsSync(`/proc/self/ns/${file}`)) return false;
  return there === undefined || there !== namespaceId("self", file);
}

export function join(files: readonly Joined[]): void {
  for (const { fd, bits, what } of files) {
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

export function dropGroups(): void {
  try {
    setgroups([]);
  } catch (error) {
    if (!failedWith(error, "EPERM")) throw error; // setgroups is denied in this user namespace: the groups stay
  }
}
