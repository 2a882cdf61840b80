// A process between us and the child. It joins namespaces for the child, or prepares mounts in its own mount namespace: the child's is a
// copy of that, so its mounts are locked (mount_namespaces(7)).
import { type Context, fork } from "@contain-tools/chain";
import { close, dieWithParent, exit, type IdRange, kill, pipe, readToEnd, SIGKILL, ToolError, waitpid, write } from "@contain-tools/kernel";
import type { IdMaps } from "../maps.ts";
import { release, waitAt } from "./gate.ts";
import { writeMaps } from "./idmaps.ts";

export interface Child {
  readonly pid: number;
  /** It was born in its cgroup. */
  readonly entered: boolean;
}

type Answer = Child | { readonly message: string; readonly hint: string | undefined };

interface Between {
  /** A pidfd of this process. */
  readonly self: number;
  /** CLONE_NEW* of the process in between. */
  readonly flags: number;
  /** The maps of a user namespace for the process in between; the child's own has the same ids. undefined for none. */
  readonly maps: IdMaps | undefined;
  /** Prepares the mounts, and joins. */
  readonly prepare: () => void;
}

/**
 * Calls `create` in a process in which `prepare` was called. What it makes there with CLONE_PARENT is our child; it is to call
 * `close`.
 *
 * @throws SyscallError, ToolError
 */
export function createBetween(context: Context, { self, flags, maps, prepare }: Between, create: (close: () => void) => Child): Child {
  const answer = pipe();
  const gate = pipe();
  const tell = (word: Answer) => write(answer.write, JSON.stringify(word));
  const closeGates = () => {
    for (const fd of [answer.read, answer.write, gate.read]) close(fd);
  };
  let first = 0;
  try {
    first = fork(context, { flags }, () => {
      close(gate.write);
      dieWithParent(SIGKILL, self);
      waitAt(gate); // until our maps are written
      try {
        prepare();
        const made = create(closeGates);
        if (maps !== undefined) giveSameIds(context, made.pid, maps);
        tell(made);
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        tell({ message, hint: error instanceof ToolError ? error.hint : undefined });
      }
      return exit(0);
    });
    if (maps !== undefined) writeMaps(context, first, maps);
    release(gate);
  } catch (error) {
    close(gate.write); // end of file: it exits
    if (first > 0) waitpid(first, 0);
    close(answer.read);
    throw error;
  } finally {
    close(gate.read);
    close(answer.write);
  }
  const text = readToEnd(answer.read);
  close(answer.read);
  waitpid(first, 0);
  if (text === "") throw new ToolError("the process that joins namespaces and makes mounts ready was killed");
  const made = JSON.parse(text) as Answer;
  if ("message" in made) throw new ToolError(made.message, made.hint);
  return made;
}

/** Each id is the same in the user namespace around it, whose root needs no helper to write that. */
function giveSameIds(context: Context, pid: number, { user, group }: IdMaps): void {
  const same = (ranges: readonly IdRange[]) => ranges.map(({ inner, count }) => ({ inner, outer: inner, count }));
  try {
    writeMaps(context, pid, { user: same(user), group: same(group), setgroups: undefined, subordinate: false });
  } catch (error) {
    kill(pid, SIGKILL); // nobody else learns of it
    throw error;
  }
}
