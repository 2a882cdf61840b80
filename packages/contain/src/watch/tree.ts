// Finds groups of engines and systemd as they are made: by one inotify instance on the directories of the cgroup2 file system and, for a
// new group, its cgroup.events until a process is in it.
import { warn } from "@contain-tools/chain";
import {
  close,
  closeQuietly,
  type Directories,
  exists,
  groupProcesses,
  open,
  POLLIN,
  pread,
  type Source,
  subdirectories,
  watchDirectories,
} from "@contain-tools/kernel";

const POLLPRI = 2;

export interface Tree {
  readonly sources: readonly Source[];
  /** Waits until a process is in a group again. */
  readonly again: (dir: string) => void;
  /** Forgets groups that were removed before any process was in them. */
  readonly prune: () => void;
}

/**
 * @param wanted whether a group is of interest, by its directory
 * @param sources the caller's poll sources, to which those of empty groups are added
 * @param found called with a group and a process in it
 */
export function watchTree(
  top: string,
  wanted: (dir: string) => boolean,
  sources: Source[],
  found: (dir: string, pid: number) => void,
): Tree {
  const directories: Directories = watchDirectories();
  const empty = new Map<string, Source>();
  const leave = (dir: string) => {
    const source = empty.get(dir);
    if (source === undefined) return;
    empty.delete(dir);
    sources.splice(sources.indexOf(source), 1);
    close(source.fd);
  };
  const look = (dir: string): boolean => {
    const pid = first(dir);
    if (pid === undefined) return false;
    leave(dir);
    found(dir, pid);
    return true;
  };
  const again = (dir: string) => {
    const source = empty.has(dir) ? undefined : whenChanged(`${dir}/cgroup.events`, () => look(dir));
    if (source === undefined) return;
    empty.set(dir, source);
    sources.push(source);
  };
  let isComplete = true;
  const enter = (dir: string) => {
    if (!directories.add(dir) && isComplete && exists(dir)) {
      isComplete = false;
      warn(`${dir}: no more directories can be watched (fs.inotify.max_user_watches), so groups that are made there later are missed`);
    }
    if (wanted(dir) && !look(dir)) {
      again(dir);
      look(dir); // it may have come in between
    }
    for (const name of below(dir)) enter(`${dir}/${name}`);
  };
  enter(top);
  return {
    sources: [{ fd: directories.fd, wants: () => POLLIN, ready: () => directories.take().forEach(enter) }],
    again,
    prune: () => {
      for (const dir of [...empty.keys()]) if (!exists(dir)) leave(dir);
    },
  };
}

function below(dir: string): string[] {
  try {
    return subdirectories(dir);
  } catch {
    return []; // it was removed
  }
}

/** The kernel wakes poll(2) when a group becomes populated or empty (cgroup-v2.rst); for ever after it was removed. */
function whenChanged(path: string, changed: () => void): Source | undefined {
  const text = Buffer.alloc(128);
  let fd = -1;
  try {
    fd = open(path);
    pread(fd, text, 0);
  } catch {
    closeQuietly(fd); // the group was removed
    return undefined;
  }
  let gone = false;
  return {
    fd,
    wants: () => (gone ? undefined : POLLPRI),
    ready: () => {
      try {
        pread(fd, text, 0);
        changed();
      } catch {
        gone = true;
      }
    },
  };
}

const first = (dir: string): number | undefined => groupProcesses(dir).find((pid) => pid !== 0); // 0 is a process that cannot be seen here
