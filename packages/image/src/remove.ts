// Removes the contents of a directory that others may change meanwhile: no symbolic link is followed.
import {
  basename,
  bytesOf,
  close,
  dirname,
  fdPath,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
  open,
  openAt,
  readdirBytes,
  statAt,
  unlinkAt,
} from "@contain-tools/kernel";

interface Removal {
  /** These paths stay, and the directories above them. */
  readonly keep: ReadonlySet<string>;
  readonly removed: (path: string) => void;
}

/** Removes a name in an open directory, and all below it. Returns true if nothing is left. @param path of the name, as in `keep` */
export function removeIn(dir: number, name: string, path: string, removal: Removal): boolean {
  const bytes = bytesOf(name);
  const stat = statAt(dir, bytes);
  if (stat === undefined) return true;
  let isEmpty = true;
  if (stat.isDirectory()) {
    const fd = openAt(dir, bytes, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    try {
      for (const child of readdirBytes(fdPath(fd))) isEmpty = removeIn(fd, child, `${path}/${child}`, removal) && isEmpty;
    } finally {
      close(fd);
    }
  }
  if (!isEmpty || removal.keep.has(path)) return false;
  unlinkAt(dir, bytes, stat.isDirectory());
  removal.removed(path);
  return true;
}

const ALL: Removal = { keep: new Set(), removed: () => {} };

/** Removes a directory of any depth, with any bytes in its names. @param contentsOnly the directory itself stays, empty */
export function removeDirectory(path: string, contentsOnly: boolean): void {
  const dir = open(contentsOnly ? path : dirname(path), O_RDONLY | O_DIRECTORY);
  try {
    const names = contentsOnly ? readdirBytes(fdPath(dir)) : [Buffer.from(basename(path)).toString("latin1")];
    for (const name of names) removeIn(dir, name, name, ALL);
  } finally {
    close(dir);
  }
}
