// The two sides of `contain cp`: a path of the host, of a container, or a tar on standard input or output.
import {
  close,
  hasEnded,
  type IdRange,
  O_DIRECTORY,
  O_PATH,
  open,
  procDirectory,
  readIdMap,
  resolve,
  ToolError,
  UsageError,
} from "@contain-tools/kernel";
import { findContainer, type State, statusOf } from "@contain-tools/state";
import { checkRunning, nameOf, openMember } from "../commands/container.ts";

export interface Side {
  /** undefined on the host. */
  readonly container: State | undefined;
  /** Absolute; `-` is a tar. */
  readonly path: string;
  /** It ended in `/` or `/.`, so a directory, or its contents, is meant. */
  readonly ending: "" | "/" | "/.";
}

/** `ID:PATH`, `PATH` or `-`. A name with a `:` is written `./a:b`, as for docker. @throws UsageError */
export function readSide(word: string): Side {
  if (word === "-") return { container: undefined, path: "-", ending: "" };
  const at = word.indexOf(":");
  const isContainers = at > 0 && !/^[./]/.test(word) && !word.slice(0, at).includes("/");
  const container = isContainers ? findContainer(word.slice(0, at)) : undefined;
  const path = isContainers ? word.slice(at + 1) : word;
  if (path === "") throw new UsageError(`${word || '""'}: missing path`, "contain cp ID:PATH PATH, or contain cp PATH ID:PATH");
  const ending = /(^|\/)\.$/.test(path) ? "/." : path.endsWith("/") ? "/" : "";
  return { container, path: isContainers ? resolve("/", path) : resolve(path), ending };
}

export interface Root {
  /** Everything is looked up inside it. */
  readonly fd: number;
  /** Maps ids inside to those of the host; undefined if they are the same. */
  readonly ids: { readonly uid: readonly IdRange[]; readonly gid: readonly IdRange[] } | undefined;
}

/** The root in which a side's path is looked up. @throws UsageError, ToolError if we may not read the container */
export function openRoot({ container }: Side): Root {
  if (container === undefined) return { fd: open("/", O_PATH | O_DIRECTORY), ids: undefined };
  if (statusOf(container) === "exited")
    throw new UsageError(`${nameOf(container)} has ended`, `its root is ${container.rootfs}, without what was mounted there`);
  const { init } = checkRunning(container);
  const { pid, pidfd } = openMember(init);
  try {
    const fd = open(`${procDirectory(pid)}/root`, O_PATH | O_DIRECTORY);
    const ids = { uid: readIdMap(pid, "uid_map"), gid: readIdMap(pid, "gid_map") };
    if (hasEnded(pidfd)) throw new ToolError(`${nameOf(container)} has ended`); // the PID may have been reused
    return { fd, ids };
  } finally {
    close(pidfd);
  }
}

/** The id on the host for an id inside. */
export function outside(ranges: readonly IdRange[] | undefined, id: number): number {
  const range = ranges?.find(({ inner, count }) => id >= inner && id < inner + count);
  return range === undefined ? id : id - range.inner + range.outer;
}

/** The id inside for an id on the host. */
export function inside(ranges: readonly IdRange[] | undefined, id: number): number {
  const range = ranges?.find(({ outer, count }) => id >= outer && id < outer + count);
  return range === undefined ? id : id - range.outer + range.inner;
}

/** As a person wrote it. */
export const textOfSide = ({ container, path }: Side) => (container === undefined ? path : `${nameOf(container)}:${path}`);
