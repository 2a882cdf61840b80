// node:fs: directories and links, and what changes them.
import { declare, declareSyscall, SYS } from "../libc.ts";
import { checked, constants, cPath, O_CLOEXEC, whole } from "./common.ts";
import { closeSync } from "./files.ts";
import { lstatSync } from "./stat.ts";

const openC = declare("open");
const getdents64C = declareSyscall(SYS.getdents64);
const readlinkC = declare("readlink", "long");
const mkdirC = declare("mkdir");
const chmodC = declare("chmod");
const rmdirC = declare("rmdir");
const unlinkC = declare("unlink");
const renameC = declare("rename");
const symlinkC = declare("symlink");

const DT_DIR = 4;
/** struct linux_dirent64, one behind the other (getdents(2)). */
let dents: Buffer | undefined;

/** The names in a directory, in the order that the kernel has them; with `withFileTypes`, entries that tell a directory. */
export function readdirSync(path: string, options: { readonly withFileTypes?: boolean; readonly recursive?: boolean } = {}): unknown[] {
  const { withFileTypes = false, recursive } = options;
  if (recursive) return whole().readdirSync(path, options as { withFileTypes: true });
  const fd = checked(openC(cPath(path), constants.O_RDONLY | constants.O_DIRECTORY | O_CLOEXEC, 0), "scandir", path);
  dents ??= Buffer.allocUnsafeSlow(32768);
  const entries: unknown[] = [];
  try {
    for (let length = list(fd, dents, path); length > 0; length = list(fd, dents, path)) {
      for (let at = 0; at < length; at += dents.readUInt16LE(at + 16)) {
        const name = dents.toString("utf8", at + 19, dents.indexOf(0, at + 19));
        if (name === "." || name === "..") continue;
        const type = dents[at + 18];
        entries.push(withFileTypes ? { name, isDirectory: () => isDirectory(type, `${path}/${name}`) } : name);
      }
    }
  } finally {
    closeSync(fd);
  }
  return entries;
}

const list = (fd: number, dents: Buffer, path: string) => checked(getdents64C(fd, dents, dents.length), "scandir", path);

/** Some file systems do not tell the type: DT_UNKNOWN, 0. */
const isDirectory = (type: number | undefined, path: string) => (type ? type === DT_DIR : lstatSync(path)?.isDirectory() === true);

export function readlinkSync(path: string): string {
  const text = Buffer.allocUnsafeSlow(4096);
  return text.toString("utf8", 0, checked(readlinkC(cPath(path), text, text.length), "readlink", path));
}

export function mkdirSync(path: string, options: number | { readonly mode?: number; readonly recursive?: boolean } = {}): void {
  if (typeof options === "object" && options.recursive) return void whole().mkdirSync(path, options);
  const mode = typeof options === "number" ? options : (options.mode ?? 0o777);
  checked(mkdirC(cPath(path), mode), "mkdir", path);
}

export function chmodSync(path: string, mode: number): void {
  checked(chmodC(cPath(path), mode), "chmod", path);
}

export function rmdirSync(path: string): void {
  checked(rmdirC(cPath(path)), "rmdir", path);
}

export function unlinkSync(path: string): void {
  checked(unlinkC(cPath(path)), "unlink", path);
}

export function renameSync(path: string, to: string): void {
  checked(renameC(cPath(path), cPath(to)), "rename", path, to);
}

export function symlinkSync(target: string, path: string): void {
  checked(symlinkC(cPath(target), cPath(path)), "symlink", target, path);
}
