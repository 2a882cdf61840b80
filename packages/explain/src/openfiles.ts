// The open files of a process, as far as we may read them.
import { readdir, readlinkIfThere } from "@contain-tools/kernel";

interface OpenFile {
  readonly fd: string;
  /** A path, `pipe:[12]`, `socket:[12]`, `anon_inode:inotify`. */
  readonly file: string;
}

/** None for a process that has ended, or that we may not read. */
export function* openFilesOf(pid: number): Generator<OpenFile> {
  let names: string[];
  try {
    names = readdir(`/proc/${pid}/fd`);
  } catch {
    return;
  }
  for (const fd of names) {
    const file = readlinkIfThere(`/proc/${pid}/fd/${fd}`);
    if (file !== undefined) yield { fd, file };
  }
}
