// inotify(7): waiting until a file grows.

import { declare } from "../ffi/libc.ts";
import { quote, sys } from "../ffi/trace.ts";
import { read } from "../file/open.ts";

const IN_CLOEXEC = 0o2000000;
const IN_NONBLOCK = 0o4000;
const IN_MODIFY = 2;
const inotifyInit1C = declare("inotify_init1");
const inotifyAddWatchC = declare("inotify_add_watch");

/**
 * inotify_init1(2), inotify_add_watch(2): a descriptor that becomes readable when `path`, or a file in it, is written to. All processes of
 * a user share 128 of them (fs.inotify.max_user_instances), so only short commands may use this.
 *
 * @throws SyscallError ENOENT, EMFILE
 */
export function inotify(path: string): number {
  const fd = sys("inotify_init1", () => ["IN_CLOEXEC|IN_NONBLOCK"], inotifyInit1C(IN_CLOEXEC | IN_NONBLOCK));
  sys("inotify_add_watch", () => [`${fd}`, quote(path), "IN_MODIFY"], inotifyAddWatchC(fd, path, IN_MODIFY));
  return fd;
}

const events = new Uint8Array(4096);

/** Takes the pending events, so that the descriptor can be polled again. */
export function takeNotices(fd: number): void {
  read(fd, events);
}

const IN_CREATE = 0x100;
const IN_ONLYDIR = 0x1000000;
const IN_ISDIR = 0x40000000;
const IN_Q_OVERFLOW = 0x4000;
const IN_IGNORED = 0x8000;
const HEADER = 16; // struct inotify_event: wd, mask, cookie, len

/** Directories that are created and removed. */
export interface Directories {
  readonly fd: number;
  /** Also reports what is created in this one. False if it is gone, or no more watches are allowed (fs.inotify.max_user_watches). */
  readonly add: (path: string) => boolean;
  /** Directories created since the last call; all watched ones if the kernel has dropped events (IN_Q_OVERFLOW). */
  readonly take: () => string[];
}

/** One inotify instance for any number of directories. @throws SyscallError EMFILE */
export function watchDirectories(): Directories {
  const fd = sys("inotify_init1", () => ["IN_CLOEXEC|IN_NONBLOCK"], inotifyInit1C(IN_CLOEXEC | IN_NONBLOCK));
  const paths = new Map<number, string>();
  const buffer = Buffer.alloc(65_536);
  return {
    fd,
    add: (path) => {
      const wd = inotifyAddWatchC(fd, path, IN_CREATE | IN_ONLYDIR);
      if (wd >= 0) paths.set(wd, path);
      return wd >= 0;
    },
    take: () => {
      const made: string[] = [];
      const length = read(fd, buffer);
      for (let at = 0; at < length; ) {
        const [wd, mask, size] = [buffer.readInt32LE(at), buffer.readUInt32LE(at + 4), buffer.readUInt32LE(at + 12)];
        const name = buffer.toString("utf8", at + HEADER, at + HEADER + size).replace(/\0+$/, "");
        if ((mask & IN_IGNORED) !== 0) paths.delete(wd);
        else if ((mask & IN_Q_OVERFLOW) !== 0) made.push(...paths.values());
        else if ((mask & IN_ISDIR) !== 0) made.push(`${paths.get(wd)}/${name}`);
        at += HEADER + size;
      }
      return made;
    },
  };
}
