// tmpcopyup: copies what is at a place into the file system to be mounted over it. A stranger may have laid out both: no link is followed,
// and only directories, files and symbolic links are copied.
import {
  chmod,
  chown,
  close,
  fdPath,
  fstat,
  lstatIfThere,
  mkdir,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  O_WRONLY,
  open,
  read,
  readdir,
  readlink,
  symlink,
  write,
} from "@contain-tools/kernel";

/** Copies the contents of directory `from` to directory `to`, with modes and owners. */
export function copyUp(from: number, to: number): void {
  const { uid, gid, mode } = fstat(from);
  chown(fdPath(to), uid, gid);
  chmod(fdPath(to), mode & 0o7777);
  for (const name of readdir(fdPath(from))) copy(`${fdPath(from)}/${name}`, `${fdPath(to)}/${name}`);
}

function copy(from: string, to: string): void {
  const stat = lstatIfThere(from);
  if (stat?.isSymbolicLink()) symlink(readlink(from), to);
  else if (stat?.isDirectory()) copyDirectory(from, to);
  else if (stat?.isFile()) copyFile(from, to);
}

function copyDirectory(from: string, to: string): void {
  mkdir(to, 0o700);
  const source = open(from, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  const target = open(to, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  copyUp(source, target);
  close(source);
  close(target);
}

function copyFile(from: string, to: string): void {
  const source = open(from, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  const { uid, gid, mode } = fstat(source);
  const target = open(to, O_WRONLY | O_CREAT | O_EXCL, 0o600);
  const chunk = Buffer.alloc(0x10000);
  for (let length = read(source, chunk); length > 0; length = read(source, chunk))
    for (let done = 0; done < length; ) done += write(target, chunk.subarray(done, length));
  chown(to, uid, gid);
  chmod(to, mode & 0o7777); // after the owner: a change of owner clears set-user-ID (chown(2))
  close(source);
  close(target);
}
