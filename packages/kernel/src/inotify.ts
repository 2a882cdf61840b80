// inotify(7): waiting until a file grows.
import { readSync } from "node:fs";
import { declare } from "./libc.ts";
import { quote, sys } from "./trace.ts";

const IN_CLOEXEC = 0o2000000;
const IN_NONBLOCK = 0o4000;
const IN_MODIFY = 2;
const IN_ONESHOT = 0x80000000;
const inotifyInit1C = declare("inotify_init1");
const inotifyAddWatchC = declare("inotify_add_watch");

/**
 * inotify_init1(2), inotify_add_watch(2): a descriptor that is readable when `path` was written to; with `once` it then waits for
 * `watchAgain`, so that a busy writer does not wake us at every write.
 *
 * @throws SyscallError ENOENT, EMFILE
 */
export function inotify(path: string, once = false): number {
  const fd = sys(
    "inotify_init1",
    () => ["IN_CLOEXEC|IN_NONBLOCK"],
    () => inotifyInit1C(IN_CLOEXEC | IN_NONBLOCK),
  );
  addWatch(fd, path, once);
  return fd;
}

/** Waits for the next write to `path`. */
export function watchAgain(fd: number, path: string): void {
  addWatch(fd, path, true);
}

function addWatch(fd: number, path: string, once: boolean): void {
  sys(
    "inotify_add_watch",
    () => [`${fd}`, quote(path), once ? "IN_MODIFY|IN_ONESHOT" : "IN_MODIFY"],
    () => inotifyAddWatchC(fd, path, once ? (IN_MODIFY | IN_ONESHOT) >>> 0 : IN_MODIFY),
  );
}

const events = new Uint8Array(4096);

/** Takes the events that have come, so that it can be waited for again. */
export function takeNotices(fd: number): void {
  readSync(fd, events);
}
