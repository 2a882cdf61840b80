// Keeps a namespace without a process, by a bind mount of its file in /proc (namespaces(7)).
import { type Context, fork } from "@contain-tools/chain";
import {
  CLONE_NEWNS,
  close,
  exit,
  getpid,
  MS_BIND,
  mount,
  pipe,
  procDirectory,
  read,
  shellStatus,
  umount2,
  uninterrupted,
  waitpid,
} from "@contain-tools/kernel";
import type { Plan } from "../plan.ts";
import type { Wanted } from "../wanted.ts";
import { flagsOf } from "../wanted.ts";
import { release } from "./gate.ts";

/** Bind-mounts a namespace's file in /proc on FILE (namespaces(7)). */
export function keep(pid: number | "self", { kind, file }: Wanted, kept: string[], name = kind.file): void {
  if (file === undefined) return;
  mount(`${procDirectory(pid)}/ns/${name}`, file, null, MS_BIND);
  kept.push(file);
}

export function letGo(kept: readonly string[]): void {
  for (const file of kept) umount2(file, 0);
}

/** For a plan without fork: the process that binds the kept files. With a new mount namespace, it must stay in the old one. */
export function startKeeper(context: Context, { wanted, joined }: Plan): () => void {
  const kept = wanted.filter(({ file }) => file !== undefined);
  const bind = (pid: number | "self") => {
    const done: string[] = [];
    try {
      for (const namespace of kept) keep(pid, namespace, done, namespace.kind.forChildren);
    } catch (error) {
      letGo(done);
      throw error;
    }
  };
  if (kept.length === 0 || !(flagsOf([...wanted, ...joined]) & CLONE_NEWNS)) return () => bind("self");
  const gate = pipe();
  const pid = getpid();
  const helper = fork(context, { flags: 0 }, () => {
    close(gate.write);
    if (uninterrupted(() => read(gate.read, Buffer.alloc(1))) === 1) bind(pid);
    exit(0);
  });
  return () => {
    close(gate.read);
    release(gate);
    const status = shellStatus(waitpid(helper, 0)?.status ?? 0);
    if (status !== 0) exit(status);
  };
}
