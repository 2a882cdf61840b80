// --shift: the root in which a child is born. It is made in a mount namespace of ours: the child's, which another user namespace owns, can
// then neither undo its mounts nor clear their flags (mount_namespaces(7), locked mounts).
import type { Context } from "@contain-tools/chain";
import {
  CLONE_NEWNS,
  cloneTree,
  close,
  fchdir,
  fstat,
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSUID,
  makeInRoot,
  moveMount,
  newMount,
  openDirectory,
  openInRoot,
  setPropagationEverywhere,
  swapRoots,
} from "@contain-tools/kernel";
import type { IdMaps } from "../maps.ts";
import { copyShifted, type Piece, type Shifted } from "../shift.ts";
import { type Child, createBetween } from "./between.ts";

interface NewRoot {
  readonly shift: Shifted;
  readonly maps: IdMaps;
  /** A pidfd of this process. */
  readonly self: number;
  /** Called in the new root. */
  readonly enter: () => void;
}

/** `createBetween`, in a process whose root has only the paths. @throws SyscallError, ToolError */
export function createInNewRoot(context: Context, { shift, maps, self, enter }: NewRoot, create: (close: () => void) => Child): Child {
  const pieces = copyShifted(context, shift, maps);
  try {
    const prepare = () => {
      enterNewRoot(pieces, shift.cwd);
      enter();
    };
    return createBetween(context, { self, flags: CLONE_NEWNS, maps: undefined, prepare }, create);
  } finally {
    for (const { fd } of pieces) close(fd);
  }
}

function enterNewRoot(pieces: readonly Piece[], cwd: string): void {
  const oldRoot = setPropagationEverywhere("slave"); // no mount made here reaches the host
  const umask = process.umask(0);
  const old = openDirectory("/");
  const top = attachTop(pieces, old);
  for (const { fd, path, below } of pieces) {
    if (fd === top) continue;
    const place = below === "" ? makeInRoot(top, path, kindOf(fd)) : openBelow(top, path, below);
    if (place === undefined) continue;
    moveMount(fd, place);
    close(place);
  }
  const directory = makeInRoot(top, cwd, "directory");
  process.umask(umask);
  swapRoots(top, oldRoot);
  fchdir(directory);
  for (const fd of [directory, old, ...pieces.map((piece) => piece.fd)]) close(fd);
  if (!pieces.some(({ fd }) => fd === top)) close(top);
}

const kindOf = (fd: number) => (fstat(fd).isDirectory() ? "directory" : "file");

/**
 * Lays the new root over the old one: the shifted `/`, or an empty root with the host's /proc and /dev, which mounting a new /proc and
 * making device nodes require.
 */
function attachTop(pieces: readonly Piece[], old: number): number {
  const whole = pieces.find(({ path, below }) => path === "/" && below === "");
  if (whole !== undefined) {
    moveMount(whole.fd, old);
    return whole.fd;
  }
  const top = newMount("tmpfs", { source: "contain", mode: "755" }, MS_NOSUID | MS_NODEV | MS_NOEXEC);
  moveMount(top, old);
  for (const path of ["/proc", "/dev"]) {
    const source = openDirectory(path);
    const copy = cloneTree(source);
    const place = makeInRoot(top, path, "directory");
    moveMount(copy, place);
    for (const fd of [source, copy, place]) close(fd);
  }
  return top;
}

/** A place for what was mounted below a path; the path's own files decide where it is, and it stays below. */
function openBelow(top: number, path: string, below: string): number | undefined {
  const tree = openInRoot(top, path);
  try {
    return openInRoot(tree, below);
  } catch {
    return undefined; // the files have changed since
  } finally {
    close(tree);
  }
}
