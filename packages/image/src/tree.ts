// Makes files from entries, below a root. Every path is looked up by openat2(2) in the root, so no name and no symbolic link leads out.
import {
  bytesOf,
  close,
  codeOf,
  failedWith,
  fdPath,
  linkAt,
  mkdirAt,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_RDONLY,
  O_WRONLY,
  openAt,
  openInRoot,
  readdirBytes,
  statAt,
  symlinkAt,
  ToolError,
  textOf,
  write,
} from "@contain-tools/kernel";
import { dress, dressLink, type Lost, makeNode } from "./dress.ts";
import { split } from "./names.ts";
import { removeIn } from "./remove.ts";
import type { Entry } from "./tar.ts";

const SELF = bytesOf(".");

export class Tree {
  readonly lost: Lost = { owners: 0, devices: 0, attributes: 0 };
  readonly #root: number;
  /** Directories get their modes and times at the end: until then files are made in them. */
  readonly #directories = new Map<string, Entry>();
  #parent: { readonly path: string; readonly fd: number } | undefined;

  /** @param root an open directory */
  constructor(root: number) {
    this.#root = root;
  }

  /** Makes the entry's file, replacing what has its name; a directory stays if the entry is one too. @throws SyscallError, ToolError */
  async put(entry: Entry): Promise<void> {
    const { parent, name, path } = split(entry.name);
    if (entry.type === "directory") this.#remember(path, entry);
    if (name === "") return;
    const bytes = bytesOf(name);
    const there = statAt(this.#directory(parent), bytes);
    const old = entry.type === "link" ? this.#linked(entry, path) : undefined;
    if (old === "itself") return;
    if (there !== undefined && !(entry.type === "directory" && there.isDirectory())) this.remove(path);
    const dir = this.#directory(parent); // remove() has closed it
    if (old !== undefined) linkAt(old.dir, old.name, dir, bytes);
    if (old !== undefined) close(old.dir);
    else if (entry.type === "file") await this.#file(dir, bytes, entry);
    else if (entry.type === "symlink") symlinkAt(bytesOf(entry.link), dir, bytes);
    else if (entry.type !== "directory") makeNode(this.lost, entry, dir, bytes);
    else if (there?.isDirectory() !== true) mkdirAt(dir, bytes, 0o700);
    if (entry.type === "symlink") dressLink(this.lost, entry, dir, bytes);
  }

  /** Removes a name and everything below it, except the paths to keep. Returns true if nothing is left. */
  remove(path: string, keep: ReadonlySet<string> = new Set()): boolean {
    const { parent, name } = split(path);
    this.#forgetParent();
    const dir = this.#open(parent);
    if (dir === undefined) return true;
    try {
      return removeIn(dir, name, path, { keep, removed: (one) => this.#directories.delete(one) });
    } finally {
      close(dir);
    }
  }

  /** The names in a directory; none if it does not exist. */
  names(path: string): string[] {
    const fd = this.#open(path);
    if (fd === undefined) return [];
    try {
      return ifThere(() => readdirBytes(fdPath(fd))) ?? [];
    } finally {
      close(fd);
    }
  }

  /** Gives the directories their owners, modes and times. */
  finish(): void {
    this.#forgetParent();
    for (const [path, entry] of [...this.#directories].reverse()) {
      const { parent, name } = split(path);
      const dir = this.#open(parent);
      if (dir === undefined) continue;
      try {
        const fd = ifThere(() => openAt(dir, name === "" ? SELF : bytesOf(name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
        if (fd === undefined) continue; // it was removed under another path, through a symbolic link
        dress(this.lost, entry, fd, fd, SELF);
        close(fd);
      } finally {
        close(dir);
      }
    }
    this.#directories.clear();
  }

  #open(path: string): number | undefined {
    return ifThere(() => openInRoot(this.#root, bytesOf(`/${path}`)));
  }

  #remember(path: string, entry: Entry): void {
    this.#directories.delete(path); // the last one counts
    this.#directories.set(path, entry);
  }

  /** The directory of an entry, which stays open for the next; directories without an entry belong to root, mode 0755. */
  #directory(path: string): number {
    if (this.#parent?.path === path) return this.#parent.fd;
    let fd: number;
    try {
      fd = openInRoot(this.#root, bytesOf(`/${path}`));
    } catch (error) {
      if (!failedWith(error, "ENOENT") || path === "") throw error;
      const { parent, name } = split(path);
      const above = this.#directory(parent);
      try {
        mkdirAt(above, bytesOf(name), 0o755);
      } catch (failure) {
        if (codeOf(failure) === "EEXIST") throw error; // a dangling symbolic link
        throw failure;
      }
      fd = openInRoot(this.#root, bytesOf(`/${path}`));
    }
    this.#forgetParent();
    this.#parent = { path, fd };
    return fd;
  }

  #forgetParent(): void {
    if (this.#parent !== undefined) close(this.#parent.fd);
    this.#parent = undefined;
  }

  /** The target of a hard link. @throws ToolError if it does not exist */
  #linked(entry: Entry, path: string): { readonly dir: number; readonly name: Uint8Array } | "itself" {
    const old = split(entry.link);
    if (old.path === path) return "itself";
    const dir = this.#open(old.parent);
    if (dir !== undefined) {
      const name = bytesOf(old.name);
      if (ifThere(() => statAt(dir, name)) !== undefined) return { dir, name };
      close(dir);
    }
    throw new ToolError(`${textOf(entry.name)}: a hard link to ${textOf(entry.link)}, which is not there`);
  }

  async #file(dir: number, name: Uint8Array, entry: Entry): Promise<void> {
    const fd = openAt(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
    try {
      for await (const chunk of entry.data) for (let at = 0; at < chunk.length; ) at += write(fd, chunk.subarray(at));
      dress(this.lost, entry, fd, dir, name);
    } finally {
      close(fd);
    }
  }
}

function ifThere<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (failedWith(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}
